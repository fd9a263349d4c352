package health_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/health"
	"github.com/stridelog/stridelog/platform/waittest"
)

// A durable that is gone with its stream: what /readyz and the metrics say before,
// meanwhile, and when it is there again.
func TestAConsumerThatIsMissingIsTold(t *testing.T) {
	registry := prometheus.NewRegistry()
	b, err := bus.New(bustest.New(t).Conn(), bustest.Logger(t), bus.WithMetrics(registry))
	if err != nil {
		t.Fatal(err)
	}
	reading, err := b.Batches(t.Context(), bus.BatchOptions{Name: "folder", Stream: events.StreamFacts})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = reading.Next(t.Context()) }()
	buses := func() []*bus.Bus { return []*bus.Bus{b} }
	reporter := &health.Reporter{
		Log: bustest.Logger(t), Buses: buses, Now: hourly(),
		Checks: func() []health.Check { return []health.Check{health.NATS(b), health.Consumers(buses)} },
	}
	registry.MustRegister(health.NewCollector(reporter))
	server := httptest.NewServer(health.Handler(bustest.Logger(t), registry, reporter))
	defer server.Close()
	until := func(what string, status int, says string, metrics ...string) {
		t.Helper()
		waittest.State(t, what, func() (string, bool) {
			got, a, text := get(t, server.URL+"/readyz?verbose")
			_, _, figures := get(t, server.URL+"/metrics")
			missing := slices.ContainsFunc(metrics, func(one string) bool { return !strings.Contains(figures, one) })
			done := got == status && strings.Contains(a.Checks["consumers"], says) && a.Checks["nats"] == health.OK && !missing
			return fmt.Sprintf("/readyz answers %d %s, the metrics\n%s", got, text, figures), done
		})
	}
	until("at first", http.StatusOK, "ok", `stridelog_check_ok{check="consumers"} 1`, `stridelog_check_ok{check="nats"} 1`)
	if err := b.JetStream().DeleteStream(t.Context(), events.StreamFacts); err != nil {
		t.Fatal(err)
	}
	until("without it", http.StatusServiceUnavailable, "folder on STRIDELOG_FACTS is missing since ",
		`stridelog_check_ok{check="consumers"} 0`, `stridelog_consumer_missing{consumer="folder",stream="STRIDELOG_FACTS"} 1`)
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	until("with it again", http.StatusOK, "ok", `stridelog_check_ok{check="consumers"} 1`,
		`stridelog_consumer_declared_again_total{consumer="folder",stream="STRIDELOG_FACTS"} 1`)
}
