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
	db *pgxpool.Pool
}

func newTable(t *testing.T) table {
	t.Helper()
	x := table{db: postgrestest.New(t)}
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

func (x table) in(t *testing.T, fn func(tx pgx.Tx) error) { t.Helper(); x.within(t, t, fn) }

func (x table) within(t *testing.T, f fataler, fn func(tx pgx.Tx) error) {
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
	b.Queue(`INSERT INTO workouts AS w (id, user_id, version, start_time, end_time, created_at, updated_at, normalizer_version, origin_rank, provider, external_id, type, category)
		VALUES ($1, $2, 1, $3, $4, now(), now(), 1, $5, $6, '1', $7, $8)
		ON CONFLICT (id) DO UPDATE SET start_time = excluded.start_time, end_time = excluded.end_time, type = excluded.type, category = excluded.category,
			duplicate_of = CASE WHEN excluded.end_time IS NOT NULL THEN w.duplicate_of END`,
		pgtype.UUID{Bytes: w.ID, Valid: true}, pgtype.UUID{Bytes: w.User, Valid: true}, instant(w.Start), instant(w.End), w.OriginRank, w.Provider, w.Type, w.Category)
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// fold writes a batch and links it.
func (x table) fold(t *testing.T, f fataler, batch ...Workout) {
	x.within(t, f, func(tx pgx.Tx) error {
		var b pgx.Batch
		var ids []pgtype.UUID
		for _, w := range batch {
			queueWrite(&b, w)
			ids = append(ids, pgtype.UUID{Bytes: w.ID, Valid: true})
		}
		touching := Look(&b, ids)
		if err := tx.SendBatch(t.Context(), &b).Close(); err != nil {
			return err
		}
		return touching.Link(t.Context(), tx)
	})
}

// stored are the links of the table, and what the rule says of its rows.
func (x table) stored(t *testing.T, f fataler) (links, want map[uuid.UUID]uuid.UUID) {
	rows, err := x.db.Query(t.Context(), `SELECT id, user_id, provider, origin_rank, start_time, end_time, type, category, duplicate_of
		FROM projector_g1.workouts WHERE end_time IS NOT NULL`)
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
		maps.Copy(want, Links(workouts))
	}
	return links, want
}

// drawBatch draws new, moved and removed workouts of two users, whose spans of up to
// four days in a month make chains longer than what a window holds at first.
func drawBatch(t *rapid.T) (batch []Workout) {
	ids := rapid.SliceOfNDistinct(rapid.IntRange(1, 30), 1, 12, rapid.ID[int]).Draw(t, "ids")
	for _, n := range ids {
		start := 60 * rapid.IntRange(0, 24*30).Draw(t, "start hour")
		w := run(n, []string{"google_health", "fitbit", "acme"}[n%3], start, start+60*rapid.IntRange(0, 96).Draw(t, "hours"))
		w = as(w, rapid.SampledFrom([]string{"running", "running", "yoga", "workout"}).Draw(t, "type"))
		w.User = id(1000 + n%2)
		if rapid.IntRange(0, 5).Draw(t, "removed") == 0 {
			w.Start, w.End = time.Time{}, time.Time{}
		}
		batch = append(batch, w)
	}
	return batch
}

func TestBatchesKeepTheLinksThatARebuildMakes(t *testing.T) {
	x := newTable(t)
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := x.db.Exec(t.Context(), "TRUNCATE projector_g1.workouts"); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			batch := drawBatch(rt)
			for range rapid.IntRange(1, 2).Draw(rt, "deliveries") {
				x.fold(t, rt, batch...)
				if links, want := x.stored(t, rt); !maps.Equal(links, want) {
					rt.Fatalf("links are %v, want %v", links, want)
				}
			}
		}
		live, _ := x.stored(t, rt)
		x.within(t, rt, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "UPDATE workouts SET duplicate_of = NULL"); err != nil {
				return err
			}
			return All(t.Context(), tx)
		})
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
		(id, user_id, version, start_time, end_time, created_at, updated_at, normalizer_version, origin_rank, provider, external_id, type, category)
		SELECT gen_random_uuid(), md5(u::text)::uuid, 1, s, s + '1 h'::interval, now(), now(), 1, 2, p, '1', 'running', 'running'
		FROM generate_series(1, $1) u, (VALUES ('fitbit'), ('google_health'), ('acme')) AS provider (p),
		     generate_series(timestamptz '2026-03-01', '2026-03-03', '1 day') s`, users)
	if err != nil {
		t.Fatal(err)
	}
	x.in(t, func(tx pgx.Tx) error { return All(t.Context(), tx) })
	links, want := x.stored(t, t)
	if len(links) != users*6 || !maps.Equal(links, want) {
		t.Errorf("%d links, want %d", len(links), users*6)
	}
}
