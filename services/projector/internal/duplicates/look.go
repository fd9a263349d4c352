package duplicates

import (
	_ "embed"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// LargestBatch is how many workouts a batch may change.
const LargestBatch = 2000

// farthest is how many records before a start must be looked at to find every one
// that lasts until then. Whatever starts between a record's start and its end touches
// it. So with more between, the record is of this batch, which looks from there, too,
// or its island was too large before, and then its span is known.
func (l limits) farthest() int { return l.most + l.batch }

//go:embed touching.sql
var selectTouching string

//go:embed inside.sql
var selectInside string

// sqlUntil is Workout.until.
const sqlUntil = `CASE WHEN end_time > start_time AND end_time - start_time <= interval '72 hours' THEN end_time ELSE start_time + interval '1 microsecond' END`

// seed is a workout whose link must be worked out again, with all that it touches.
type seed struct {
	id uuid.UUID
	span
	linked bool // as it is stored
}

// former is a workout of a batch as it was before, in an island that was too large.
type former struct {
	id     uuid.UUID
	island span
	span
}

// Touching is where a batch may have changed links.
type Touching struct {
	limits
	serving bool
	changed []pgtype.UUID
	users   []string
	before  []former
	seeds   []seed
	large   []span // the islands of the users that are too large
}

// Begin queues the question which workouts of a batch are in an island that is too
// large. The batch writes the workouts after it, and then calls Look. The users are
// those of the workouts. Serving says that the generation serves: its links are
// announced.
func Begin(b *pgx.Batch, changed []pgtype.UUID, users []string, serving bool) *Touching {
	return standard().begin(b, changed, users, serving)
}

func (l limits) begin(b *pgx.Batch, changed []pgtype.UUID, users []string, serving bool) *Touching {
	t := &Touching{limits: l, serving: serving, changed: changed, users: users}
	// On tables without statistics the planner takes these probes for so dear that
	// compiling them would be worth a second.
	b.Queue("SET LOCAL jit = off")
	b.Queue(fmt.Sprintf(selectInside, sqlUntil), changed, users).Query(func(rows pgx.Rows) (err error) {
		t.before, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (f former, err error) {
			var id, user pgtype.UUID
			err = row.Scan(&user, &f.island.since, &f.island.until, &id, &f.since, &f.until)
			f.id, f.user, f.island.user = id.Bytes, user.Bytes, user.Bytes
			return f, err
		})
		return err
	})
	return t
}

// Look queues the question what the workouts of the batch touch. The answer is there
// once the batch has been sent.
func (t *Touching) Look(b *pgx.Batch) {
	b.Queue(fmt.Sprintf(selectTouching, sqlUntil, t.farthest()), t.changed, Longest).Query(func(rows pgx.Rows) (err error) {
		t.seeds, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s seed, err error) {
			var id, user pgtype.UUID
			err = row.Scan(&id, &user, &s.since, &s.until, &s.linked)
			s.id, s.user = id.Bytes, user.Bytes
			return s, err
		})
		return err
	})
	b.Queue("SELECT user_id, since, until FROM unlinked_islands WHERE user_id = ANY($1::text[]::uuid[])", t.users).Query(func(rows pgx.Rows) (err error) {
		t.large, err = pgx.CollectRows(rows, scanSpan)
		return err
	})
}

func scanSpan(row pgx.CollectableRow) (s span, err error) {
	var user pgtype.UUID
	err = row.Scan(&user, &s.since, &s.until)
	s.user = user.Bytes
	return s, err
}
