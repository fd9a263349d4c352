package health_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/health"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/telemetry"
)

type answer struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks"`
}

func get(t *testing.T, url string) (int, answer, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatalf("%s answers %q: %v", url, body, err)
		}
	}
	return resp.StatusCode, a, string(body)
}

// hourly is a clock on which an hour goes by between any two looks, so that no report
// counts for a second time.
func hourly() func() time.Time {
	var mu sync.Mutex
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Hour)
		return now
	}
}

func TestAServiceSaysHowItStands(t *testing.T) {
	db, url := postgrestest.New(t), bustest.StartServer(t)
	b := bustest.Connect(t, url, "test")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Batches(t.Context(), bus.BatchOptions{Name: "folder", Stream: events.StreamFacts}); err != nil {
		t.Fatal(err)
	}
	var fault error
	notice := health.OK
	news := health.Check{Name: "news", Notice: true, Probe: func(context.Context) (string, error) { return notice, nil }}
	itself := health.Check{Name: "itself", Probe: func(context.Context) (string, error) { return "at work", fault }}
	server := httptest.NewServer(health.Handler(bustest.Logger(t), telemetry.NewRegistry(), &health.Reporter{
		Log: bustest.Logger(t), Buses: func() []*bus.Bus { return []*bus.Bus{b} },
		Checks: func() []health.Check { return []health.Check{health.Database(db), health.NATS(b), itself, news} },
		Now:    hourly(),
	}))
	defer server.Close()

	if status, a, _ := get(t, server.URL+"/healthz"); status != http.StatusOK || a.Status != "ok" {
		t.Errorf("/healthz answers %d %+v", status, a)
	}
	if status, a, _ := get(t, server.URL+"/readyz"); status != http.StatusOK || a.Status != "ready" || a.Checks != nil {
		t.Errorf("/readyz answers %d %+v", status, a)
	}
	_, a, _ := get(t, server.URL+"/readyz?verbose")
	for name, want := range map[string]string{"database": "ok", "nats": "ok", "itself": "at work", "consumer folder": "0 events behind, the oldest for 0s"} {
		if a.Checks[name] != want {
			t.Errorf("%s: %q, want %q", name, a.Checks[name], want)
		}
	}
	notice = "work waits"
	if status, a, _ := get(t, server.URL+"/readyz"); status != http.StatusOK || len(a.Checks) != 1 || a.Checks["news"] != notice {
		t.Errorf("with a notice /readyz answers %d %+v", status, a)
	}
	if _, _, text := get(t, server.URL+"/metrics"); !strings.Contains(text, "stridelog_build_info{") {
		t.Errorf("/metrics answers %.200s", text)
	}

	// What fails is named, and its reason is not shown.
	fault = errors.New("postgres://user:secret@host is away")
	b.Conn().Close()
	status, a, text := get(t, server.URL+"/readyz")
	if status != http.StatusServiceUnavailable || a.Checks["itself"] != "does not answer" || a.Checks["nats"] != "does not answer" || a.Checks["database"] != "ok" {
		t.Errorf("with two faults /readyz answers %d %+v", status, a)
	}
	if status, verbose, _ := get(t, server.URL+"/readyz?verbose"); status != http.StatusServiceUnavailable || verbose.Checks["database"] != "ok" || verbose.Checks["consumers of NATS"] == "" {
		t.Errorf("with two faults /readyz?verbose answers %d %+v", status, verbose)
	}
	if strings.Contains(text, "secret") {
		t.Errorf("/readyz shows %s", text)
	}
	if status, _, _ := get(t, server.URL+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz answers %d: the process is alive", status)
	}
}
