package projector_test

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

func (s *system) deadLetters(t *testing.T, want int) []bus.DeadLetter {
	t.Helper()
	var list []bus.DeadLetter
	waittest.Until(t, "the dead letters are there", func() bool {
		var err error
		if list, _, err = s.bus.DeadLetters(t.Context(), bus.DeadLetterQuery{Limit: 100}); err != nil {
			t.Fatal(err)
		}
		return len(list) == want
	})
	// Two batches may be in hand at once, so they come in any order.
	slices.SortFunc(list, func(a, b bus.DeadLetter) int { return cmp.Compare(b.OriginalSequence, a.OriginalSequence) })
	return list
}

func (s *system) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := s.db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// A fact that the database refused is folded by its sequence once the cause is
// repaired, also when a newer version of the same record has come meanwhile: the
// tables and the announcements are those that they would be without the trouble.
func TestARequeuedFactFoldsInItsPlace(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	s.exec(t, "ALTER TABLE projector_g1.workout_versions ADD CONSTRAINT trouble CHECK (sequence NOT IN (1, 3))")
	first, second := projectortest.Fact{User: anna, External: "1"}, projectortest.Fact{User: anna, External: "1", Replaces: 1}
	projectortest.Publish(t, s.bus, first, second, projectortest.Fact{User: ben, External: "2"})
	s.drained(t)
	dead := s.deadLetters(t, 2) // of the newest fact first
	if dead[0].OriginalSequence != 3 || dead[1].OriginalSequence != 1 || dead[0].Service != "projector" {
		t.Fatalf("the dead letters are %+v", dead)
	}
	_, err := s.bus.Requeue(t.Context(), dead[0].Sequence)
	var refused *rpc.Error
	if !errors.As(err, &refused) || refused.Code != rpc.CodeConflict {
		t.Errorf("while the trouble lasts a requeue answered %v", err)
	}
	s.deadLetters(t, 2)
	s.exec(t, "ALTER TABLE projector_g1.workout_versions DROP CONSTRAINT trouble")
	for _, d := range dead {
		if _, err := s.bus.Requeue(t.Context(), d.Sequence); err != nil {
			t.Fatal(err)
		}
	}
	s.deadLetters(t, 0)
	if n := projectortest.End(t, s.bus, events.StreamFacts); n != 3 {
		t.Errorf("the log has %d facts, want 3", n)
	}
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workout_versions_v1"); n != 3 {
		t.Errorf("%d versions, want 3", n)
	}
	if v := projectortest.Number(t, s.db, "SELECT version FROM projector.view_workouts_v1 WHERE user_id = '"+anna+"'"); v != 2 {
		t.Errorf("the winning version is %d, want 2: the late fact is older", v)
	}
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workouts_v1"); n != 2 {
		t.Errorf("%d workouts, want 2", n)
	}
	if n := len(projectortest.LastAnnounced(t, s.bus, 1)); n != 2 {
		t.Errorf("%d workouts are announced, want 2", n)
	}
	before := projectortest.Dump(t, s.db)
	rebuild(t, s.service)
	if after := projectortest.Dump(t, s.db); after != before {
		t.Errorf("a rebuild gives other rows:\n%s\nafter requeueing there were\n%s", after, before)
	}
}

func TestARequeuedSyncEventIsFolded(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	at := time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	id := events.NewID()
	_, err := s.bus.Publish(t.Context(), events.Event{
		ID: events.NewID(), Source: "stridelog/test", About: id, Time: at, Provider: "fitbit", UserID: anna,
		Data: &events.SyncRequested{SyncID: id, UserID: anna, Provider: "fitbit", Trigger: events.TriggerManual,
			Window: events.Window{From: at, To: at.Add(time.Hour)}, RequestedAt: at},
	})
	if err != nil {
		t.Fatal(err)
	}
	known := func() bool {
		return projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_syncs_v1") == 1
	}
	waittest.Until(t, "the sync is known", known)
	d, err := s.bus.Get(t.Context(), events.StreamSyncs, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.bus.DeadLetter(t.Context(), "projector", d, errors.New("a reason of the past")); err != nil {
		t.Fatal(err)
	}
	s.exec(t, "DELETE FROM projector.syncs")
	if _, err := s.bus.Requeue(t.Context(), s.deadLetters(t, 1)[0].Sequence); err != nil {
		t.Fatal(err)
	}
	if !known() {
		t.Error("the sync is not known after the requeue")
	}
	s.deadLetters(t, 0)
}
