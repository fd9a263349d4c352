package duplicates

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

//go:embed touching.sql
var selectTouching string

//go:embed around.sql
var selectAround string

// slack is how much farther than needed a window reaches at first, so that it
// seldom has to be widened.
const slack = 24 * time.Hour

// seed is a workout whose link must be worked out again, with all that it touches.
type seed struct {
	id, user   uuid.UUID
	start, end time.Time
}

// Touching is where a batch may have changed links.
type Touching struct{ seeds []seed }

// Look queues the question what the workouts of a batch touch. The answer is there
// once the batch has been sent; the batch writes them before.
func Look(b *pgx.Batch, changed []pgtype.UUID) *Touching {
	t := &Touching{}
	// On tables without statistics the planner takes these probes for so dear that
	// compiling them would be worth a second.
	b.Queue("SET LOCAL jit = off")
	b.Queue(selectTouching, changed, Longest).Query(func(rows pgx.Rows) (err error) {
		t.seeds, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s seed, err error) {
			var id, user pgtype.UUID
			err = row.Scan(&id, &user, &s.start, &s.end)
			s.id, s.user = id.Bytes, user.Bytes
			return s, err
		})
		return err
	})
	return t
}

// Link works the links out again around what was found, in the generation of the
// transaction's search path. The caller holds the locks of the users.
func (t *Touching) Link(ctx context.Context, tx pgx.Tx) error {
	if len(t.seeds) == 0 {
		return nil
	}
	seeds := map[uuid.UUID]struct{}{}
	var windows []window
	for _, s := range t.seeds {
		seeds[s.id] = struct{}{}
		windows = append(windows, around(s.user, s.start, s.end, slack))
	}
	for reach := slack; ; reach *= 2 {
		windows = merged(windows)
		loaded, err := load(ctx, tx, windows)
		if err != nil {
			return fmt.Errorf("read the workouts around %d that touch others: %w", len(seeds), err)
		}
		links, whole := linksOf(windows, loaded, seeds, 2*reach)
		if whole {
			return store(ctx, tx, links)
		}
	}
}

// linksOf works out the links of the islands that hold a seed. Where a window does not
// hold the whole of such an island, it widens the window, and whole is false.
func linksOf(windows []window, loaded [][]Workout, seeds map[uuid.UUID]struct{}, reach time.Duration) (list []link, whole bool) {
	whole = true
	for n, workouts := range loaded {
		for _, i := range islands(workouts) {
			if !slices.ContainsFunc(i.workouts, func(w Workout) bool { _, is := seeds[w.ID]; return is }) {
				continue
			}
			if need := around(windows[n].user, i.start, i.end, 0); !windows[n].holds(need) {
				windows[n] = windows[n].with(around(windows[n].user, i.start, i.end, reach))
				whole = false
				continue
			}
			list = append(list, i.changes()...)
		}
	}
	return list, whole
}

// load reads the workouts of each window.
func load(ctx context.Context, tx pgx.Tx, windows []window) ([][]Workout, error) {
	users := make([]pgtype.UUID, len(windows))
	since, until := make([]time.Time, len(windows)), make([]time.Time, len(windows))
	for i, w := range windows {
		users[i], since[i], until[i] = pgtype.UUID{Bytes: w.user, Valid: true}, w.since, w.until
	}
	rows, err := tx.Query(ctx, selectAround, users, since, until)
	if err != nil {
		return nil, err
	}
	loaded := make([][]Workout, len(windows))
	var n int64
	var s scanned
	_, err = pgx.ForEachRow(rows, append([]any{&n}, s.into()...), func() error {
		loaded[n-1] = append(loaded[n-1], s.workout())
		return nil
	})
	return loaded, err
}

// scanned is a row of the columns that a Workout is made of.
type scanned struct {
	id, user, duplicate pgtype.UUID
	w                   Workout
}

func (s *scanned) into() []any {
	return []any{&s.id, &s.user, &s.w.Provider, &s.w.OriginRank, &s.w.Start, &s.w.End, &s.w.Type, &s.w.Category, &s.duplicate}
}

func (s *scanned) workout() Workout {
	s.w.ID, s.w.User, s.w.DuplicateOf = s.id.Bytes, s.user.Bytes, s.duplicate.Bytes
	return s.w
}

// link is a workout's link as it shall be; a zero primary is none.
type link struct{ id, primary uuid.UUID }

// changes are the links of an island that are stored otherwise.
func (i island) changes() (list []link) {
	links := map[uuid.UUID]uuid.UUID{}
	i.walk(links)
	for _, w := range i.workouts {
		if primary := links[w.ID]; primary != w.DuplicateOf {
			list = append(list, link{w.ID, primary})
		}
	}
	return list
}

func store(ctx context.Context, tx pgx.Tx, links []link) error {
	if len(links) == 0 {
		return nil
	}
	ids, primaries := make([]pgtype.UUID, len(links)), make([]pgtype.UUID, len(links))
	for i, l := range links {
		ids[i] = pgtype.UUID{Bytes: l.id, Valid: true}
		primaries[i] = pgtype.UUID{Bytes: l.primary, Valid: l.primary != uuid.UUID{}}
	}
	_, err := tx.Exec(ctx, `UPDATE workouts w SET duplicate_of = l.primary_id
		FROM unnest($1::uuid[], $2::uuid[]) AS l (id, primary_id) WHERE w.id = l.id`, ids, primaries)
	if err != nil {
		return fmt.Errorf("store %d links between duplicates: %w", len(links), err)
	}
	return nil
}
