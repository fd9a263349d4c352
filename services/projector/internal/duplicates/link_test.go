package duplicates

import (
	"maps"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
)

// table is a generation's table of workouts without the fold.
type table struct {
	limits
	db *pgxpool.Pool
}

func newTable(t testing.TB) table {
	t.Helper()
	x := table{limits: standard(), db: postgrestest.New(t)}
	x.in(t, func(tx pgx.Tx) error {
		if err := generation.Create(t.Context(), tx, 1); err != nil {
			return err
		}
		return generation.Index(t.Context(), tx, 1)
	})
	return x
}

// fataler is what testing.T and rapid.T have in common.
type fataler interface{ Fatal(args ...any) }

func (x table) in(t testing.TB, fn func(tx pgx.Tx) error) { t.Helper(); x.within(t, t, fn) }

func (x table) within(t testing.TB, f fataler, fn func(tx pgx.Tx) error) {
	err := pgx.BeginFunc(t.Context(), x.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "SELECT set_config('search_path', 'projector_g1', true)"); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		f.Fatal(err)
	}
}

// queueWrite writes a workout as the fold does; one without an end is removed.
func queueWrite(b *pgx.Batch, w Workout) {
	b.Queue(`INSERT INTO workouts AS w (id, user_id, version, start_time, end_time, created_at, updated_at, normalizer_version, origin_rank, provider, external_id, type, category,
			source_rank, plausible, measured, measures, members, routed)
		VALUES ($1, $2, 1, $3, $4, now(), now(), 1, $5, $6, '1', $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (id) DO UPDATE SET start_time = excluded.start_time, end_time = excluded.end_time, type = excluded.type, category = excluded.category,
			plausible = excluded.plausible, measured = excluded.measured, measures = excluded.measures, members = excluded.members, routed = excluded.routed,
			duplicate_of = CASE WHEN excluded.end_time IS NOT NULL THEN w.duplicate_of END`,
		key(w.ID), key(w.User), known(w.Start), known(w.End), w.OriginRank, w.Provider, w.Type, w.Category,
		w.SourceRank, w.Plausible, w.Measured, w.Measures, w.Members, w.Routed)
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// fold writes a batch and links it.
func (x table) fold(t testing.TB, f fataler, batch ...Workout) {
	x.within(t, f, func(tx pgx.Tx) error {
		var b pgx.Batch
		var ids []pgtype.UUID
		var users []string
		for _, w := range batch {
			ids, users = append(ids, key(w.ID)), append(users, w.User.String())
		}
		touching := x.begin(&b, ids, users, false)
		for _, w := range batch {
			queueWrite(&b, w)
		}
		touching.Look(&b)
		if err := tx.SendBatch(t.Context(), &b).Close(); err != nil {
			return err
		}
		_, err := touching.Link(t.Context(), tx)
		return err
	})
}

// stored are the links of the table, and what the rule says of its rows.
func (x table) stored(t *testing.T, f fataler) (links, want map[uuid.UUID]uuid.UUID) {
	rows, err := x.db.Query(t.Context(), "SELECT "+columns+" FROM projector_g1.workouts WHERE end_time IS NOT NULL")
	if err != nil {
		f.Fatal(err)
	}
	links, want = map[uuid.UUID]uuid.UUID{}, map[uuid.UUID]uuid.UUID{}
	users := map[uuid.UUID][]Workout{}
	var s scanned
	_, err = pgx.ForEachRow(rows, s.into(), func() error {
		w := s.workout()
		users[w.User] = append(users[w.User], w)
		if (w.DuplicateOf != uuid.UUID{}) {
			links[w.ID] = w.DuplicateOf
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, workouts := range users {
		maps.Copy(want, x.links(workouts))
	}
	return links, want
}

const largestDrawn = 12

// drawBatch draws new, moved and removed workouts of two users, whose spans of up to
// four days make chains, the longer the fewer the days they start in.
func drawBatch(t *rapid.T, days int) (batch []Workout) {
	ids := rapid.SliceOfNDistinct(rapid.IntRange(1, 30), 1, largestDrawn, rapid.ID[int]).Draw(t, "ids")
	for _, n := range ids {
		start := 60 * rapid.IntRange(0, 24*days).Draw(t, "start hour")
		w := run(n, []string{"google_health", "fitbit", "acme"}[n%3], start, start+60*rapid.IntRange(0, 96).Draw(t, "hours"))
		w = drawWorth(t, as(w, rapid.SampledFrom([]string{"running", "running", "yoga", "workout"}).Draw(t, "type")))
		w.User = id(1000 + n%2)
		if rapid.IntRange(0, 5).Draw(t, "removed") == 0 {
			w.Start, w.End = time.Time{}, time.Time{}
		}
		batch = append(batch, w)
	}
	return batch
}

// verified wants the tables found as they should be.
func (x table) verified(t *testing.T, f fataler) {
	x.within(t, f, func(tx pgx.Tx) error {
		return x.wrong(t.Context(), tx, func(fault Fault) error {
			if len(fault.Workouts)+len(fault.Islands) > 0 {
				f.Fatal("wrong are", fault)
			}
			return nil
		})
	})
}

func TestBatchesKeepTheLinksThatARebuildMakes(t *testing.T) {
	x := newTable(t)
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := x.db.Exec(t.Context(), "TRUNCATE projector_g1.workouts, projector_g1.unlinked_islands"); err != nil {
			rt.Fatal(err)
		}
		x.limits = limits{most: rapid.IntRange(1, 30).Draw(rt, "most"), batch: largestDrawn}
		days := rapid.SampledFrom([]int{0, 3, 30}).Draw(rt, "days")
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			batch := drawBatch(rt, days)
			for range rapid.IntRange(1, 2).Draw(rt, "deliveries") {
				x.fold(t, rt, batch...)
				if links, want := x.stored(t, rt); !maps.Equal(links, want) {
					rt.Fatalf("links are %v, want %v", links, want)
				}
				x.verified(t, rt)
			}
		}
		live, _ := x.stored(t, rt)
		x.within(t, rt, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "UPDATE workouts SET duplicate_of = NULL"); err != nil {
				return err
			}
			_, err := x.all(t.Context(), tx)
			return err
		})
		x.verified(t, rt)
		if rebuilt, _ := x.stored(t, rt); !maps.Equal(rebuilt, live) {
			rt.Fatalf("live %v, rebuilt %v", live, rebuilt)
		}
	})
}

// The removal of the first of a chain turns every link of it round, far beyond what
// is read at first.
func TestAChangeReachesTheEndOfALongChain(t *testing.T) {
	x := newTable(t)
	var chain []Workout
	for n := range 40 {
		w := run(n+1, "fitbit", n*14*60, n*14*60+70*60)
		w.User = id(1000)
		chain = append(chain, w)
	}
	x.fold(t, t, chain...)
	before, want := x.stored(t, t)
	if len(before) != 20 || !maps.Equal(before, want) {
		t.Fatalf("links are %v, want %v", before, want)
	}
	chain[0].Start, chain[0].End = time.Time{}, time.Time{}
	x.fold(t, t, chain[0])
	after, want := x.stored(t, t)
	if !maps.Equal(after, want) {
		t.Errorf("links are %v, want %v", after, want)
	}
	for duplicate := range after {
		if _, was := before[duplicate]; was {
			t.Errorf("%s is a duplicate before and after", duplicate)
		}
	}
}

// A whole generation is read in parts; a user of whom one part holds half is linked
// all the same.
func TestAllLinksUsersAcrossParts(t *testing.T) {
	x := newTable(t)
	const users = atOnce/8 + 1
	_, err := x.db.Exec(t.Context(), `INSERT INTO projector_g1.workouts
		(id, user_id, version, start_time, end_time, created_at, updated_at, normalizer_version, origin_rank, provider, external_id, type, category,
			source_rank, plausible, measured, measures, members)
		SELECT gen_random_uuid(), md5(u::text)::uuid, 1, s, s + '1 h'::interval, now(), now(), 1, 2, p, '1', 'running', 'running', 0, true, true, 3, 2
		FROM generate_series(1, $1) u, (VALUES ('fitbit'), ('google_health'), ('acme')) AS provider (p),
		     generate_series(timestamptz '2026-03-01', '2026-03-03', '1 day') s`, users)
	if err != nil {
		t.Fatal(err)
	}
	x.in(t, func(tx pgx.Tx) error {
		_, err := All(t.Context(), tx)
		return err
	})
	links, want := x.stored(t, t)
	if len(links) != users*6 || !maps.Equal(links, want) {
		t.Errorf("%d links, want %d", len(links), users*6)
	}
}
