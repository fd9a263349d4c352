package fold_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

// drawLog draws facts as the importer and the poller write them: of one record an
// import says nothing more once the API has spoken.
func drawLog(t *rapid.T) (facts []events.Event) {
	api := map[[2]string]bool{}
	for i := range rapid.IntRange(1, 12).Draw(t, "facts") {
		f := drawFact(t, i+1)
		record := [2]string{f.User, f.External}
		if api[record] {
			f.Origin = events.OriginAPI
		}
		api[record] = f.Origin == events.OriginAPI
		facts = append(facts, f.Event())
	}
	return facts
}

// highest is what consumers have who keep the highest version: the ids of the
// events, by workout.
func highest(t *testing.T, b *bus.Bus, from uint64) map[string]string {
	t.Helper()
	kept, versions := map[string]string{}, map[string]uint64{}
	for _, d := range projectortest.Deliveries(t, b, events.StreamChanges, from) {
		var c events.WorkoutChange
		switch data := d.Event.Data.(type) {
		case *events.WorkoutRecorded:
			c = data.WorkoutChange
		case *events.WorkoutUpdated:
			c = data.WorkoutChange
		case *events.WorkoutRemoved:
			c = data.WorkoutChange
		}
		if c.Version > versions[c.WorkoutID] {
			kept[c.WorkoutID], versions[c.WorkoutID] = d.Event.ID, c.Version
		}
	}
	return kept
}

// Whoever keeps the highest version has what the tables have, in whatever order two
// projectors and redeliveries announced it.
func TestKeepingTheHighestVersionIsRight(t *testing.T) {
	x := setup(t)
	rapid.Check(t, func(rt *rapid.T) {
		x.clear(t)
		facts := drawLog(rt)
		from := projectortest.End(t, x.bus, events.StreamFacts) + 1
		announced := projectortest.End(t, x.bus, events.StreamChanges) + 1
		if err := x.bus.PublishAll(t.Context(), facts); err != nil {
			rt.Fatal(err)
		}
		deliveries := projectortest.Deliveries(t, x.bus, events.StreamFacts, from)
		foldShuffled(t, rt, x.facts, deliveries)
		x.compare(t, rt, expect(deliveries), highest(t, x.bus, announced))
	})
}

// The control: were an import to follow the API, and to be announced first, the
// highest version would be the wrong one. The importer keeps that from happening.
func TestAnImportAfterTheAPIWouldBreakTheRule(t *testing.T) {
	x := setup(t)
	x.publish(t, projectortest.Fact{User: anna, External: "1"}, projectortest.Fact{User: anna, External: "1", Origin: events.OriginImport})
	deliveries := projectortest.Deliveries(t, x.bus, events.StreamFacts, 1)
	for _, i := range []int{1, 0} {
		if err := x.facts.Fold(t.Context(), deliveries[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	id := events.WorkoutID(anna, projectortest.Provider, "1")
	if highest(t, x.bus, 1)[id] == expect(deliveries)[id].event {
		t.Error("the highest version is the winner's")
	}
}
