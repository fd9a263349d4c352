package poller

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// verify compares everything in chunks of seven facts. meanwhile runs before the
// facts that were read are compared; nil does nothing.
func (w *world) verify(meanwhile func()) (found []string) {
	w.t.Helper()
	s, err := New(w.config())
	if err != nil {
		w.t.Fatal(err)
	}
	v := s.Verify(func(d Difference) { found = append(found, fmt.Sprintf("%d %s %s", d.Sequence, d.ExternalID, d.What)) })
	var facts []bus.Delivery
	target, err := w.bus.Read(w.t.Context(), events.StreamFacts, nil, 1, func(d bus.Delivery) error {
		facts = append(facts, d)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := v.Begin(w.t.Context(), target); err != nil {
		w.t.Fatal(err)
	}
	if meanwhile != nil {
		meanwhile()
	}
	for chunk := range slices.Chunk(facts, 7) {
		if err := v.Check(w.t.Context(), chunk); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := v.Finish(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if v.Hashed == 0 {
		w.t.Error("no record was hashed again")
	}
	return found
}

// verified is a world whose index is sound: r1 was edited.
func verified(t *testing.T) (*world, person) {
	t.Helper()
	w := newWorld(t)
	w.cloud.fill(12, w.clock.now(), day)
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	w.settled()
	w.cloud.edit("r1", "B")
	w.look(p, 30)
	if found := w.verify(nil); len(found) != 0 {
		t.Fatalf("a sound index differs: %q", found)
	}
	return w, p
}

func TestEachPlantedDifferenceOfTheIndexIsFound(t *testing.T) {
	for sql, want := range map[string]string{
		"DELETE FROM poller.activity_index WHERE external_id = 'r3'":                                             "r3 the index does not know the activity",
		"UPDATE poller.activity_index SET content_hash = 'sha256:00' WHERE external_id = 'r3'":                   "r3 the index has another hash than the fact",
		"UPDATE poller.activity_index SET content_hash = 'sha256:00', hash_version = 2 WHERE external_id = 'r3'": "r3 the index has another hash than the fact",
		"UPDATE poller.activity_index SET removed = true WHERE external_id = 'r3'":                               "r3 the index has another origin or removal than the fact",
		"UPDATE poller.activity_index SET sequence = 2 WHERE external_id = 'r1'":                                 "r1 the index knows version 2, which this one wins against",
		"UPDATE poller.activity_index SET sequence = 1 WHERE external_id = 'r1'":                                 "r1 the index knows a version that the log does not have",
		"UPDATE poller.activity_index SET external_id = 'x' WHERE external_id = 'r3'":                            "x the index knows a version that the log does not have",
		"UPDATE poller.targets SET stream_epoch = 'another'":                                                     " the index was made from another log",
	} {
		w, _ := verified(t)
		if _, err := w.db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		found := w.verify(nil)
		if !slices.ContainsFunc(found, func(f string) bool { return strings.HasSuffix(f, want) }) {
			t.Errorf("%s: %q, want %q", sql, found, want)
		}
		w.reindex(w.config())
		if found := w.verify(nil); len(found) != 0 {
			t.Errorf("%s: indexed again %q are left", sql, found)
		}
	}
}

func TestARecordThatIsNotAsItWasWrittenIsFound(t *testing.T) {
	w, p := verified(t)
	w.publish(events.Event{UserID: p.user, Data: &events.ActivityFetched{
		UserID: p.user, Provider: cloudName, ExternalID: "bent", Format: "cloud.v1", ContentHash: "sha256:00", HashVersion: 1,
		Origin: events.OriginAPI, FetchedAt: w.clock.now(), Raw: []byte(`{"id":"bent"}`),
	}})
	if found := w.verify(nil); len(found) != 1 || !strings.HasSuffix(found[0], "bent the record in the log does not have the hash that its fact says") {
		t.Errorf("found %q", found)
	}
}

// What is written while it runs, and who is erased, is no difference.
func TestAnIndexThatMovesOnIsNoDifference(t *testing.T) {
	w, p := verified(t)
	found := w.verify(func() {
		w.cloud.edit("r2", "B")
		w.cloud.fill(14, w.clock.now(), day)
		w.look(p, 30)
	})
	if len(found) != 0 {
		t.Errorf("found %q after news", found)
	}
	if found := w.verify(func() { w.erase(p.user) }); len(found) != 0 {
		t.Errorf("found %q after an erasure", found)
	}
}
