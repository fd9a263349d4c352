package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
)

// fresh is how long a report counts: whoever asks more often gets the same again, so
// that asking costs the stores nothing.
const fresh = time.Second

// Report is how the dependencies stand.
type Report struct {
	Ready bool
	// Says has a few words about each check, by its name.
	Says map[string]string
	// Notices has those of Says that everybody is shown.
	Notices map[string]string
	// Failed are the names of the checks that do not pass.
	Failed map[string]bool
	// Err holds what the failed checks said, for the log.
	Err error
}

// Reporter asks the checks, at most once a second however often it is asked.
type Reporter struct {
	Log    *slog.Logger
	Checks func() []Check
	// Buses are those whose consumers a verbose report tells of; nil: none.
	Buses func() []*bus.Bus
	Now   func() time.Time // nil: time.Now

	mu               sync.Mutex // held while the checks are asked: everybody waits for one answer
	report           Report
	details          map[string]string
	asked, askedMore time.Time
	told             bool // the log has heard that this is not ready
}

// Report is how the checks stood within the last second. Its maps are the caller's.
func (r *Reporter) Report(ctx context.Context) Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now(ctx).clone()
}

// Verbose is Report with the checks that are details, and how far the consumers are
// behind.
func (r *Reporter) Verbose(ctx context.Context) Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.now(ctx).clone()
	if now := r.clock(); r.details == nil || now.Sub(r.askedMore) >= fresh {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Timeout)
		defer cancel()
		r.details = ask(ctx, r.Checks(), true).Says
		if r.Buses != nil {
			lags(ctx, r.details, r.Buses())
		}
		r.askedMore = r.clock()
	}
	maps.Copy(report.Says, r.details)
	return report
}

func (r Report) clone() Report {
	r.Says, r.Notices, r.Failed = maps.Clone(r.Says), maps.Clone(r.Notices), maps.Clone(r.Failed)
	return r
}

func (r *Reporter) clock() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// now asks the checks unless they were asked within the last second. The answer is for
// all who ask, so one who goes away does not end the asking.
func (r *Reporter) now(ctx context.Context) Report {
	if r.report.Says != nil && r.clock().Sub(r.asked) < fresh {
		return r.report
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Timeout)
	defer cancel()
	r.report = ask(ctx, r.Checks(), false)
	r.asked = r.clock()
	switch {
	case !r.report.Ready && !r.told:
		r.Log.WarnContext(ctx, "not ready", "error", r.report.Err)
	case r.report.Ready && r.told:
		r.Log.InfoContext(ctx, "ready again")
	}
	r.told = !r.report.Ready
	return r.report
}

// ask probes all checks at once, those that are details or the others.
func ask(ctx context.Context, checks []Check, details bool) Report {
	r := Report{Ready: true, Says: map[string]string{}, Notices: map[string]string{}, Failed: map[string]bool{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, c := range checks {
		if c.Detail != details {
			continue
		}
		all.Go(func() {
			says, err := c.Probe(ctx)
			mu.Lock()
			defer mu.Unlock()
			r.Says[c.Name] = says
			if c.Notice && says != OK {
				r.Notices[c.Name] = says
			}
			if err != nil {
				words := silent
				var fault Fault
				if errors.As(err, &fault) {
					words = fault.Says
				}
				r.Ready, r.Failed[c.Name], r.Says[c.Name] = false, true, words
				r.Err = errors.Join(r.Err, fmt.Errorf("%s %s: %w", c.Name, words, err))
			}
		})
	}
	all.Wait()
	return r
}

// lags adds how far the consumers of a process are behind. Being behind is no reason to
// be taken out of service.
func lags(ctx context.Context, says map[string]string, buses []*bus.Bus) {
	for _, b := range buses {
		list, err := b.Lags(ctx)
		for _, l := range list {
			says["consumer "+l.Consumer] = fmt.Sprintf("%d events behind, the oldest for %s", l.Pending, l.Behind.Round(time.Second))
		}
		if err != nil {
			says["consumers of NATS"] = "not all tell how far they are"
		}
	}
}
