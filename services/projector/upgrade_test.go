package projector_test

import (
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

// older puts the database where a program before migration 003 left it, with the
// first facts of the log folded.
func (s *system) older(t *testing.T, facts ...projectortest.Fact) {
	t.Helper()
	migrations := fstest.MapFS{}
	for _, name := range []string{"001_pointer.sql", "002_announcing.sql"} {
		migrations[name] = &fstest.MapFile{Data: read(t, "internal/generation/migrations/"+name)}
	}
	if err := postgres.Migrate(t.Context(), s.db, "projector", migrations); err != nil {
		t.Fatal(err)
	}
	epoch, err := s.bus.Epoch(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	projectortest.Publish(t, s.bus, facts...)
	err = pgx.BeginFunc(t.Context(), s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), string(read(t, "testdata/before_003.sql")), pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		for i, f := range facts {
			_, err := tx.Exec(t.Context(), `WITH version AS (
				INSERT INTO workout_versions (workout_id, sequence, origin_rank, at, start_time, user_id, removed, normalizer_version, provider, external_id,
					event, event_id, fact_id, origin, format, type, category, doc)
				SELECT $1, $2, $3, d.at, d.at, $4, false, 1, $5, $6, 'recorded', 'e', $7, 'api', 'test', 'running', 'running', '{"id":""}' FROM (SELECT $8::timestamptz AS at) d
				RETURNING *)
				INSERT INTO workouts (id, user_id, version, start_time, created_at, updated_at, normalizer_version, provider, external_id, type, category, doc)
				SELECT workout_id, user_id, sequence, start_time, at, at, 1, provider, external_id, type, category, doc FROM version`,
				events.WorkoutID(f.User, f.Provider, f.External), i+1, 2, f.User, f.Provider, f.External, f.ID, projectortest.Start())
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(t.Context(), "INSERT INTO projector.pointer (generation, epoch, high_water) VALUES (1, $1, $2)", epoch, len(facts))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What an older program left serves until it has been rebuilt, which the program does
// by itself; what came meanwhile is in it then.
func TestAGenerationOfAnOlderProgramIsRebuilt(t *testing.T) {
	s := newSystem(t)
	half := projectortest.Record{Minutes: 30}
	google := projectortest.Fact{User: anna, Provider: "google_health", External: "1", ID: "g1", Record: half}
	fitbit := projectortest.Fact{User: anna, Provider: "fitbit", External: "1", ID: "f1", Record: half}
	s.older(t, google, fitbit)
	// Nobody has folded this one.
	projectortest.Publish(t, s.bus, projectortest.Fact{User: ben, External: "later", ID: "l1", Record: half})
	s.run(t)
	if _, all := s.shown(t); all < 2 {
		t.Fatalf("%d workouts are shown, want the two from before", all)
	}
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workout_routes_v1"); n != 0 {
		t.Errorf("%d routes are shown", n)
	}
	s.upgraded(t)
	s.drained(t)
	if _, all := s.shown(t); all != 3 {
		t.Errorf("%d workouts are shown, want three", all)
	}
	want := []string{"fitbit/1 > google_health/1"}
	if links := s.links(t); !slices.Equal(links, want) {
		t.Errorf("links are %v, want %v", links, want)
	}
	if found := s.verify(t); len(found) != 0 {
		t.Errorf("%q differ", found)
	}
	rebuild(t, s.service)
	if links := s.links(t); !slices.Equal(links, want) {
		t.Errorf("rebuilt once more, links are %v, want %v", links, want)
	}
	// A program that knows no layouts would leave new tables out: it has no pointer.
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM pg_class WHERE oid = to_regclass('projector.pointer')"); n != 0 {
		t.Error("an older program can fold into the new tables")
	}
}

// Until its rebuild a generation of an older program counts when it is asked; then the
// counts are kept. Readers see the same.
func TestAnOlderGenerationHasCounts(t *testing.T) {
	s := newSystem(t)
	half := projectortest.Record{Minutes: 30}
	s.older(t,
		projectortest.Fact{User: anna, Provider: "google_health", External: "1", ID: "g1", Record: half},
		projectortest.Fact{User: anna, Provider: "fitbit", External: "1", ID: "f1", Record: half},
		projectortest.Fact{User: ben, Provider: "fitbit", External: "2", ID: "f2", Record: half},
	)
	if err := generation.New(s.db, s.bus).Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts := func() []string {
		return projectortest.Strings(t, s.db, "SELECT concat_ws(' ', user_id, kind, provider, type, hidden, count) FROM projector.view_record_counts_v1 ORDER BY 1")
	}
	// No program before links hid anything.
	want := []string{anna + " activity fitbit running f 1", anna + " activity google_health running f 1", ben + " activity fitbit running f 1"}
	if got := counts(); !slices.Equal(got, want) {
		t.Errorf("before the rebuild: %q, want %q", got, want)
	}
	s.run(t)
	s.upgraded(t)
	want[0] = anna + " activity fitbit running t 1"
	if got := counts(); !slices.Equal(got, want) {
		t.Errorf("after the rebuild: %q, want %q", got, want)
	}
}

// upgraded waits until the tables have the program's layout.
func (s *system) upgraded(t *testing.T) {
	t.Helper()
	waittest.Until(t, "the tables have the program's layout", func() bool { return s.service.LayoutStatus() == "ok" })
}
