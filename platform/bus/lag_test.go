package bus_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

// A consumer is behind until it has acknowledged, by what it took and by what still
// waits; events that it does not read do not count.
func TestLagsTellHowFarAConsumerIs(t *testing.T) {
	registry := prometheus.NewRegistry()
	b, err := bus.New(bustest.New(t).Conn(), bustest.Logger(t), bus.WithMetrics(registry))
	if err != nil {
		t.Fatal(err)
	}
	x := fold(t, b, 2)
	lag := func() bus.Lag {
		t.Helper()
		lags, err := b.Lags(t.Context())
		if err != nil || len(lags) != 1 || lags[0].Consumer != "folder" {
			t.Fatalf("lags are %+v (%v)", lags, err)
		}
		return lags[0]
	}
	if l := lag(); l.Pending != 0 || l.Behind != 0 {
		t.Errorf("on an empty stream it is behind: %+v", l)
	}
	publishPage(t, b, activities(u1, 0, 3), 0)
	batch := next(t, x)
	if l := lag(); l.Pending != 3 || l.Behind <= 0 {
		t.Errorf("with 2 under way and 1 waiting it says %+v", l)
	}
	if err := batch.Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := lag(); l.Pending != 1 || l.Behind <= 0 {
		t.Errorf("with 1 waiting it says %+v", l)
	}
	if err := next(t, x).Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := `
		# HELP stridelog_consumer_lag_seconds Age of the oldest event that a consumer has not finished; 0 when there is none.
		# TYPE stridelog_consumer_lag_seconds gauge
		stridelog_consumer_lag_seconds{consumer="folder",stream="STRIDELOG_FACTS"} 0
		# HELP stridelog_consumer_pending_events Events that a consumer has not finished yet.
		# TYPE stridelog_consumer_pending_events gauge
		stridelog_consumer_pending_events{consumer="folder",stream="STRIDELOG_FACTS"} 0
		# HELP stridelog_nats_connected 1 while the connection to NATS is there.
		# TYPE stridelog_nats_connected gauge
		stridelog_nats_connected 1
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "stridelog_consumer_lag_seconds", "stridelog_consumer_pending_events", "stridelog_nats_connected"); err != nil {
		t.Error(err)
	}
}
