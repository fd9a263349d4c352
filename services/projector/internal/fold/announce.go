package fold

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// announce publishes an event for each fact of a batch that is its workout's
// version, and for each link that changed, and gives up what could be no row.
//
// One transaction at a time looks and publishes about a person: what wins against
// an announced version is announced after it, so the last event about a workout in
// the stream is always that of its winning version. And all happens under the shared
// lock: once a person is erased, nothing about them can follow.
func (f *Facts) announce(ctx context.Context, rows row.Rows) error {
	var candidates []*row.Version
	for _, v := range rows.Versions {
		if v.Problem == nil {
			candidates = append(candidates, v)
		}
	}
	if len(candidates)+len(rows.Routes)+len(rows.Rejected) == 0 {
		return nil
	}
	return f.Tables.Write(ctx, users(rows), func(tx pgx.Tx, s generation.Scope) error {
		if err := f.Tables.CheckLayout(s.Pointer); err != nil {
			return err
		}
		for _, r := range rows.Rejected {
			if s.Erased(r.Delivery.Message.UserID()) {
				continue
			}
			if err := f.Bus.DeadLetter(ctx, service, r.Delivery, r.Reason); err != nil {
				return err
			}
			f.Log.WarnContext(ctx, "an event is given up as a dead letter", "stream", r.Delivery.Stream, "sequence", r.Delivery.Sequence, "error", r.Reason)
		}
		x := batch{versions: candidates, routes: rows.Routes}
		if _, users := x.workouts(); len(users) > 0 {
			return f.publish(ctx, tx, candidates, users)
		}
		return nil
	})
}

func (f *Facts) publish(ctx context.Context, tx pgx.Tx, candidates []*row.Version, users []string) error {
	pending, err := Shown(ctx, tx, candidates, users)
	if err != nil {
		return err
	}
	if err := pending.Publish(ctx, tx, f.Bus); err != nil {
		return err
	}
	f.Metrics.announced.Add(float64(len(pending.Workouts)))
	f.Metrics.linked.Add(float64(len(pending.links)))
	return nil
}

const (
	// lost are those of the versions $1, $2 (workout, sequence) that are not shown, by
	// their place.
	lost = `SELECT c.place FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS c (id, version, place)
WHERE NOT EXISTS (SELECT FROM workouts w WHERE w.id = c.id AND w.version = c.version)`
	// linked are those of the workouts $1, of the users $2, of whose links something was
	// said, by their place. Of most users nothing was, and nothing is read.
	linked = `SELECT c.place, w.duplicate_of, s.link_version
FROM unnest($1::uuid[]) WITH ORDINALITY AS c (id, place)
JOIN projector.workout_links s ON s.workout_id = c.id
JOIN workouts w ON w.id = c.id AND w.removed_at IS NULL
WHERE (SELECT EXISTS (SELECT FROM projector.workout_links WHERE user_id = ANY($2::text[]::uuid[])))`
)

// Announcements are what is to be announced.
type Announcements struct {
	Workouts []events.Event // versions that win
	links    []linkChange
}

// Shown are the announcements of the versions that win at this moment, in the order
// of the facts, and of the links of these users that are to be announced. The
// transaction has its turn to announce until it ends; its search path is the
// generation. The users are at least those of the candidates.
func Shown(ctx context.Context, tx pgx.Tx, candidates []*row.Version, users []string) (n Announcements, err error) {
	sequences := make([]int64, 0, len(candidates))
	for _, v := range candidates {
		sequences = append(sequences, int64(v.Sequence))
	}
	var b pgx.Batch
	generation.Announcing.Queue(&b, users)
	wins, links := slices.Clone(candidates), map[int64]row.Link{}
	ids := workoutIDs(candidates)
	b.Queue(lost, ids, sequences).Query(func(rows pgx.Rows) error {
		var place int64
		_, err := pgx.ForEachRow(rows, []any{&place}, func() error {
			wins[place-1] = nil
			return nil
		})
		return err
	})
	b.Queue(linked, ids, users).Query(func(rows pgx.Rows) error {
		var place, version int64
		var primary pgtype.UUID
		_, err := pgx.ForEachRow(rows, []any{&place, &primary, &version}, func() error {
			links[place-1] = row.Link{DuplicateOf: text(primary), Version: uint64(version)} //nolint:gosec // a sequence
			return nil
		})
		return err
	})
	b.Queue(selectLinks, users, linksAtOnce).Query(func(rows pgx.Rows) (err error) {
		n.links, err = pgx.CollectRows(rows, scanLinkChange)
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return n, fmt.Errorf("look which facts win: %w", err)
	}
	for i, v := range wins {
		if v == nil {
			continue
		}
		if e, ok := v.Announcement(source, links[int64(i)]); ok {
			n.Workouts = append(n.Workouts, e)
		}
	}
	return n, nil
}

// Publish publishes the announcements, and notes in the transaction of Shown that it did.
// Links come last: they are about workouts.
func (n Announcements) Publish(ctx context.Context, tx pgx.Tx, b *bus.Bus) error {
	list := n.Workouts
	for _, l := range n.links {
		list = append(list, l.event())
	}
	if err := b.PublishAll(ctx, list); err != nil {
		return err
	}
	return announced(ctx, tx, n.links)
}
