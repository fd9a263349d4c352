package fold_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

// miscounted are the kept counts that are not the numbers of workouts, and the numbers
// that no count is kept of.
func (x *bench) miscounted(t *testing.T) []string {
	t.Helper()
	return projectortest.Strings(t, x.db, `
		SELECT concat_ws(' ', user_id, provider, type, hidden, 'kept', kept.count, 'counted', counted.count)
		FROM (SELECT * FROM projector_g1.record_counts WHERE count <> 0) kept
		FULL JOIN (SELECT user_id, 'activity' AS kind, provider, type, duplicate_of IS NOT NULL AS hidden, count(*) AS count
			FROM projector_g1.workouts WHERE removed_at IS NULL GROUP BY 1, 2, 3, 4, 5) counted
		USING (user_id, kind, provider, type, hidden)
		WHERE kept.count IS DISTINCT FROM counted.count`)
}

// drawCounted is a fact of one of few records, which overlap, so that they hide each
// other, change their types and are removed.
func drawCounted(t *rapid.T, n int) projectortest.Fact {
	return projectortest.Fact{
		User:     rapid.SampledFrom([]string{anna, anna, ben}).Draw(t, "user"),
		Provider: rapid.SampledFrom([]string{"fitbit", "google_health"}).Draw(t, "provider"),
		External: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "external"),
		Origin:   rapid.SampledFrom([]events.Origin{events.OriginAPI, events.OriginAPI, events.OriginImport}).Draw(t, "origin"),
		Removed:  rapid.IntRange(0, 4).Draw(t, "removed") == 0,
		Replaces: uint64(rapid.IntRange(0, 1).Draw(t, "replaces")),
		Record: projectortest.Record{
			Minutes: 60 + n%3, Type: rapid.SampledFrom([]string{"running", "yoga", "workout"}).Draw(t, "type"),
			Start: projectortest.Start().Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "day")) * 24 * time.Hour),
			Fault: rapid.SampledFrom([]string{"", "", "", "", "error"}).Draw(t, "fault"),
		},
	}
}

// After every batch, whatever came in it and came before, counts are those of the
// workouts.
func TestCountsAreThoseOfTheWorkouts(t *testing.T) {
	x := setup(t)
	hidden := false
	rapid.Check(t, func(rt *rapid.T) {
		var facts []events.Event
		for i := range rapid.IntRange(1, 16).Draw(rt, "facts") {
			facts = append(facts, drawCounted(rt, i+1).Event())
		}
		from := projectortest.End(t, x.bus, events.StreamFacts) + 1
		if err := x.bus.PublishAll(t.Context(), facts); err != nil {
			rt.Fatal(err)
		}
		deliveries := projectortest.Deliveries(t, x.bus, events.StreamFacts, from)
		x.clear(t)
		again := rapid.SliceOfN(rapid.SampledFrom(deliveries), 0, 5).Draw(rt, "repeated")
		for left := rapid.Permutation(append(again, deliveries...)).Draw(rt, "order"); len(left) > 0; {
			n := rapid.IntRange(1, len(left)).Draw(rt, "batch")
			if err := x.facts.Fold(t.Context(), left[:n]); err != nil {
				rt.Fatal(err)
			}
			if wrong := x.miscounted(t); len(wrong) > 0 {
				rt.Fatalf("after %d facts: %q", n, wrong)
			}
			left = left[n:]
		}
		hidden = hidden || x.number(t, "SELECT count(*) FROM projector.view_record_counts_v1 WHERE hidden") > 0
	})
	if !hidden {
		t.Error("no workout was ever hidden")
	}
}

// Two projectors that fold facts about the same people do not count twice.
func TestProjectorsCountOnceTogether(t *testing.T) {
	x := setup(t)
	run(t, x.facts)
	run(t, x.fold(t, x.bus))
	for round := range 20 {
		var facts []projectortest.Fact
		for i := range 30 {
			facts = append(facts, projectortest.Fact{
				User: []string{anna, ben}[i%2], Provider: []string{"fitbit", "google_health"}[i/2%2], External: string(rune('a' + i%9)),
				Removed:  (round+i)%7 == 0,
				Record:   projectortest.Record{Minutes: 60, Type: []string{"running", "yoga"}[(round+i)%2], Start: projectortest.Start().Add(time.Duration(i%5) * 24 * time.Hour)},
				Replaces: uint64(round),
			})
		}
		x.publish(t, facts...)
	}
	projectortest.Drained(t, x.bus, events.StreamFacts, fold.Durable)
	if wrong := x.miscounted(t); len(wrong) > 0 {
		t.Errorf("%q", wrong)
	}
}
