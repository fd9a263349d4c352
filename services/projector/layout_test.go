package projector_test

import (
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

// beside is a projector of a program with another layout on the same stores.
func (s *system) beside(t *testing.T, layout int) *system {
	t.Helper()
	other := &system{db: s.db, bus: s.bus, service: s.another(t, projectortest.Normalizers())}
	if err := other.service.SetLayout(layout); err != nil {
		t.Fatal(err)
	}
	return other
}

// says waits until a service says something of its tables.
func says(t *testing.T, p *projector.Service, what string) {
	t.Helper()
	waittest.Until(t, "the service says "+what, func() bool { return strings.Contains(p.LayoutStatus(), what) })
}

// holdRebuilds keeps every rebuild waiting until release, as a running one does.
func (s *system) holdRebuilds(t *testing.T) (release func()) {
	t.Helper()
	conn, err := s.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw := conn.Hijack()
	if _, err := raw.Exec(t.Context(), "SELECT pg_advisory_lock(hashtextextended('stridelog projector rebuild', 0))"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := raw.Exec(t.Context(), "SELECT pg_advisory_unlock(hashtextextended('stridelog projector rebuild', 0))"); err != nil {
			t.Error(err)
		}
		if err := raw.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Two programs with a new layout start at once: one rebuilds, the other waits for it.
func TestOneOfTwoNewProgramsRebuilds(t *testing.T) {
	s := newSystem(t)
	stop := s.run(t)
	projectortest.Publish(t, s.bus, manyFacts(2)...)
	s.drained(t)
	stop()
	one, two := s.beside(t, generation.Layout+1), s.beside(t, generation.Layout+1)
	release := s.holdRebuilds(t)
	one.run(t)
	two.run(t)
	says(t, one.service, "runs in another process")
	says(t, two.service, "runs in another process")
	release()
	one.upgraded(t)
	two.upgraded(t)
	if n := projectortest.Number(t, s.db, "SELECT generation FROM projector.serving"); n != 2 {
		t.Errorf("generation %d serves: it was rebuilt %d times", n, n-1)
	}
	if found := one.verify(t); len(found) != 0 {
		t.Errorf("%q differ", found)
	}
}

// While an older layout serves, the older program folds what comes and the newer one
// does not; after the switch it is the other way round, and nothing is lost or doubled.
func TestAnOlderAndANewerProgramShareTheFacts(t *testing.T) {
	older := newSystem(t)
	older.run(t)
	newer := older.beside(t, generation.Layout+1)
	release := older.holdRebuilds(t)
	newer.run(t)
	facts := manyFacts(3)
	half := len(facts) / 2
	projectortest.Publish(t, older.bus, facts[:half]...)
	older.drained(t)
	if n := projectortest.Number(t, older.db, "SELECT generation FROM projector.serving"); n != 1 {
		t.Fatalf("generation %d serves", n)
	}
	release()
	newer.upgraded(t)
	says(t, older.service, "start the newer program again")
	projectortest.Publish(t, older.bus, facts[half:]...)
	newer.drained(t)
	if found := newer.verify(t); len(found) != 0 {
		t.Errorf("%q differ", found)
	}
	if n := projectortest.Number(t, older.db, "SELECT count(*) FROM projector.view_workout_versions_v1"); n != int64(len(facts)) {
		t.Errorf("%d versions of %d facts", n, len(facts))
	}
	ids := map[string]bool{}
	for _, d := range projectortest.Deliveries(t, older.bus, events.StreamChanges, 1) {
		if ids[d.Event.ID] {
			t.Errorf("event %s came twice", d.Event.ID)
		}
		ids[d.Event.ID] = true
	}
	if _, err := older.service.Rebuild(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "start the newer program again") {
		t.Errorf("a rebuild by the older program ended with %v", err)
	}
}

// With only the older program running, facts wait in the log and what there is can be
// read; the newer one folds them.
func TestAnOlderProgramAloneLeavesFactsInTheLog(t *testing.T) {
	s := newSystem(t)
	stop := s.run(t)
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "before"})
	s.drained(t)
	stop()
	s.exec(t, "UPDATE projector.serving SET layout = layout + 1")
	s.service = s.another(t, projectortest.Normalizers())
	stop = s.run(t)
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "meanwhile"})
	says(t, s.service, "facts are not folded")
	stop()
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workouts_v1"); n != 1 {
		t.Errorf("%d workouts are shown, want the one from before", n)
	}
	newer := s.beside(t, generation.Layout+1)
	newer.run(t)
	newer.drained(t)
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workouts_v1"); n != 2 {
		t.Errorf("%d workouts are shown, want both", n)
	}
}

// A database that a newer program has migrated is read, and left alone.
func TestADatabaseOfANewerProgramIsLeftAlone(t *testing.T) {
	s := newSystem(t)
	stop := s.run(t)
	stop()
	s.exec(t, "UPDATE projector.schema_version SET version = version + 1")
	s.service = s.another(t, projectortest.Normalizers())
	stop = s.run(t)
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "1"})
	says(t, s.service, "migrated by a newer program")
	stop()
	if n := projectortest.Number(t, s.db, "SELECT high_water FROM projector.serving"); n != 0 {
		t.Errorf("facts up to %d are folded", n)
	}
}

// A rebuild that fails is reported and tried again, and reading goes on.
func TestAFailedUpgradeIsTriedAgain(t *testing.T) {
	s := newSystem(t)
	stop := s.run(t)
	projectortest.Publish(t, s.bus, manyFacts(2)...)
	s.drained(t)
	stop()
	_, before := s.shown(t)
	s.exec(t, "ALTER VIEW projector.view_failures_v1 RENAME COLUMN reason TO why") // it cannot be replaced so
	newer := s.beside(t, generation.Layout+1)
	newer.run(t)
	says(t, newer.service, "failed and is tried again")
	if _, now := s.shown(t); now != before || before == 0 {
		t.Errorf("%d workouts are shown, there were %d", now, before)
	}
	s.exec(t, "ALTER VIEW projector.view_failures_v1 RENAME COLUMN why TO reason")
	newer.upgraded(t)
	if _, now := s.shown(t); now != before {
		t.Errorf("%d workouts are shown, there were %d", now, before)
	}
}

// Erasing reaches tables that the program does not know, of whichever layout.
func TestErasureReachesUnknownTables(t *testing.T) {
	s := newSystem(t)
	s.run(t)
	s.exec(t, "CREATE TABLE projector_g1.later (user_id uuid, what text); INSERT INTO projector_g1.later VALUES ('"+anna+"', 'a'), ('"+ben+"', 'b')")
	if _, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), s.bus, rpc.ProjectorErase, rpc.EraseRequest{UserID: anna, ErasureID: "e"}); err != nil {
		t.Fatal(err)
	}
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector_g1.later"); n != 1 {
		t.Errorf("%d rows are left, want the other person's", n)
	}
}
