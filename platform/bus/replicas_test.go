package bus_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// replicas are how many each stream has, by its name.
func replicas(t *testing.T, b *bus.Bus) map[string]int {
	t.Helper()
	names := []string{"OBJ_" + events.BucketUploads}
	for _, one := range events.Streams() {
		names = append(names, one.Name)
	}
	all := map[string]int{}
	for _, name := range names {
		s, err := b.JetStream().Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = s.CachedInfo().Config.Replicas
	}
	return all
}

func checkReplicas(t *testing.T, b *bus.Bus, want int) {
	t.Helper()
	for name, n := range replicas(t, b) {
		if n != want {
			t.Errorf("%s has %d replicas, want %d", name, n, want)
		}
	}
}

func TestReplicasOfACluster(t *testing.T) {
	url := bustest.StartCluster(t, 3)
	one := bustest.Connect(t, url, "one")
	if err := one.DeclareStreams(t.Context()); err != nil { // waits for the cluster to choose its leader
		t.Fatal(err)
	}
	checkReplicas(t, one, 1)
	if _, err := one.Batches(t.Context(), bus.BatchOptions{Name: "reader", Stream: events.StreamFacts}); err != nil {
		t.Fatal(err)
	}
	page := activities(u1, 0, 50)
	publishPage(t, one, page, 0)

	three := bustest.Connect(t, url, "three", bus.WithReplicas(3))
	if err := three.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkReplicas(t, three, 3)
	waittest.Until(t, "the consumer has replicas", func() bool {
		c, err := three.JetStream().Consumer(t.Context(), events.StreamFacts, "reader")
		return err == nil && c.CachedInfo().Cluster != nil && len(c.CachedInfo().Cluster.Replicas) == 2
	})
	publishPage(t, three, activities(u2, 0, 50), 0)
	// A reader's consumer lies on one of three servers, and each may be behind.
	for range 20 {
		if n := len(readAll(t, three, events.StreamFacts)); n != 2*len(page) {
			t.Errorf("%d facts were read, want %d", n, 2*len(page))
		}
		if n, err := three.LastSequence(t.Context(), events.StreamFacts, scope(u2)); err != nil || n != uint64(2*len(page)) {
			t.Errorf("the last sequence is %d: %v", n, err)
		}
	}

	// Whoever asks for fewer takes nothing away.
	if err := one.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkReplicas(t, one, 3)

	five := bustest.Connect(t, url, "five", bus.WithReplicas(5))
	if err := five.DeclareStreams(t.Context()); !errors.Is(err, bus.ErrReplicas) || !strings.Contains(err.Error(), "STRIDELOG_REPLICAS") {
		t.Errorf("five replicas on three servers: %v", err)
	}
	checkReplicas(t, one, 3)
}

// A page is read whole right after it was acknowledged, whichever replica is asked.
func TestReadingRightAfterWritingToACluster(t *testing.T) {
	url := bustest.StartCluster(t, 3)
	writer := bustest.Connect(t, url, "writer", bus.WithReplicas(3))
	if err := writer.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	reader := bustest.Connect(t, url, "reader")
	var last uint64
	for n := range 30 {
		_, last = publishPage(t, writer, activities(u1, 10*n, 10), last)
		if got := readAll(t, reader, events.StreamFacts, scope(u1)); len(got) != 10*(n+1) {
			t.Fatalf("%d facts were read after %d were acknowledged", len(got), 10*(n+1))
		}
		if d, err := reader.Get(t.Context(), events.StreamFacts, last); err != nil || d.Sequence != last {
			t.Fatalf("the last fact: %v", err)
		}
	}
	if n, err := writer.EraseSubjects(t.Context(), events.StreamFacts, scope(u1)); err != nil || n != 300 {
		t.Errorf("%d facts were erased: %v", n, err)
	}
	if got := readAll(t, reader, events.StreamFacts, scope(u1)); len(got) != 0 {
		t.Errorf("%d facts are left", len(got))
	}
}

func TestALoneServerKeepsNoReplicas(t *testing.T) {
	url := bustest.StartServer(t)
	b := bustest.Connect(t, url, "three", bus.WithReplicas(3))
	if err := b.DeclareStreams(t.Context()); !errors.Is(err, bus.ErrReplicas) || !strings.Contains(err.Error(), "stands alone") {
		t.Errorf("three replicas on one server: %v", err)
	}
	if _, err := b.JetStream().Stream(t.Context(), events.StreamFacts); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the stream: %v, want that it was not made", err)
	}
	for _, n := range []int{0, 2, 4, 6} {
		if _, err := bus.New(b.Conn(), bustest.Logger(t), bus.WithReplicas(n)); err == nil {
			t.Errorf("%d replicas are taken", n)
		}
	}
}
