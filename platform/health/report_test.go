package health_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/health"
)

// However many ask, and however often, the checks are asked once a second at most.
func TestTheStoresAreAskedOnceASecond(t *testing.T) {
	var asked, details atomic.Int64
	var mu sync.Mutex
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	pass := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	r := &health.Reporter{
		Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		},
		Checks: func() []health.Check {
			return []health.Check{
				{Name: "store", Probe: func(context.Context) (string, error) { asked.Add(1); return health.OK, nil }},
				{Name: "detail", Detail: true, Probe: func(context.Context) (string, error) { details.Add(1); return health.OK, errors.New("no reason") }},
			}
		},
	}
	everybody := func() {
		t.Helper()
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				ask := r.Report
				if i%2 == 0 {
					ask = r.Verbose
				}
				report := ask(t.Context())
				if !report.Ready || report.Says["store"] != health.OK || i%2 == 0 && report.Says["detail"] != "does not answer" {
					t.Errorf("the report is %+v", report)
				}
				report.Says["store"] = "scribbled over" // nobody else sees that
			})
		}
		all.Wait()
	}
	for second := int64(1); second <= 3; second++ {
		everybody()
		pass(999 * time.Millisecond)
		everybody()
		if asked.Load() != second || details.Load() != second {
			t.Errorf("in second %d the stores were asked %d times, for details %d times", second, asked.Load(), details.Load())
		}
		pass(time.Millisecond)
	}
}

// Who asks and goes away does not spoil the answer for the others.
func TestAReportOutlivesWhoAskedForIt(t *testing.T) {
	r := &health.Reporter{Log: slog.New(slog.DiscardHandler), Checks: func() []health.Check {
		return []health.Check{{Name: "store", Probe: func(ctx context.Context) (string, error) { return health.OK, ctx.Err() }}}
	}}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if report := r.Report(gone); !report.Ready {
		t.Errorf("the report is %+v", report)
	}
}

// The log hears of the change, and not of every answer.
func TestTheLogHearsOfReadinessOnce(t *testing.T) {
	var out bytes.Buffer
	fault := errors.New("gone")
	r := &health.Reporter{Log: slog.New(slog.NewTextHandler(&out, nil)), Now: hourly(), Checks: func() []health.Check {
		return []health.Check{{Name: "store", Probe: func(context.Context) (string, error) { return health.OK, fault }}}
	}}
	for range 3 {
		r.Report(t.Context())
	}
	fault = nil
	for range 3 {
		r.Report(t.Context())
	}
	if text := out.String(); strings.Count(text, "not ready") != 1 || !strings.Contains(text, "gone") || strings.Count(text, "ready again") != 1 {
		t.Errorf("the log has\n%s", text)
	}
}
