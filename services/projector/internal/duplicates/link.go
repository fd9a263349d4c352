package duplicates

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// atATime is how many islands are in memory.
const atATime = 100

// Report says what the working out of links came upon.
type Report struct {
	// TooLarge counts the islands that hold more than Most records now, and did not
	// before. They are not linked.
	TooLarge int
}

// Link works the links out again around what was found, in the generation of the
// transaction's search path. The caller holds the locks of the users.
func (t *Touching) Link(ctx context.Context, tx pgx.Tx) (r Report, err error) {
	if len(t.seeds)+len(t.before) == 0 {
		return r, nil
	}
	if len(t.changed) > t.batch {
		return r, fmt.Errorf("a batch changes %d workouts, at most %d are allowed", len(t.changed), t.batch)
	}
	pieces, err := t.dissolve(ctx, tx)
	if err != nil {
		return r, fmt.Errorf("look at %d islands that records have left: %w", len(t.large), err)
	}
	clusters, err := t.grow(ctx, tx, pieces)
	if err != nil {
		return r, fmt.Errorf("find what %d changed records touch: %w", len(t.seeds), err)
	}
	var small, large []cluster
	for _, c := range clusters {
		if len(c.large) > 0 {
			large = append(large, c)
		} else {
			small = append(small, c)
		}
	}
	for some := range slices.Chunk(small, atATime) {
		found, err := t.linkSmall(ctx, tx, some)
		if err != nil {
			return r, err
		}
		large = append(large, found...)
	}
	for _, c := range large {
		if len(c.large) == 0 {
			r.TooLarge++
		}
		if err := t.unlink(ctx, tx, c); err != nil {
			return r, err
		}
	}
	return r, t.unlinkSeeds(ctx, tx)
}

// grow gives the whole islands of the seeds and pieces that may not be as they were.
func (t *Touching) grow(ctx context.Context, tx pgx.Tx, pieces []span) ([]cluster, error) {
	var clusters []cluster
	for _, s := range t.seeds {
		clusters = append(clusters, cluster{span: s.span})
	}
	for _, s := range pieces {
		clusters = append(clusters, cluster{span: s})
	}
	for _, s := range t.large {
		clusters = append(clusters, cluster{span: s, large: []span{s}})
	}
	clusters = merged(clusters)
	grown := grownOf(clusters)
	if len(grown) == 0 {
		return nil, nil
	}
	if err := t.reach(ctx, tx, grown); err != nil {
		return nil, err
	}
	for _, s := range t.large {
		grown = append(grown, cluster{span: s})
	}
	// What has grown may have come upon each other, and upon large islands.
	return grownOf(t.within(merged(grown))), nil
}

// within notes which large islands lie in each cluster.
func (t *Touching) within(clusters []cluster) []cluster {
	for n := range clusters {
		c := &clusters[n]
		c.large = nil
		for _, l := range t.large {
			if c.holds(l) {
				c.large = append(c.large, l)
			}
		}
	}
	return clusters
}

func grownOf(clusters []cluster) []cluster {
	return slices.DeleteFunc(clusters, func(c cluster) bool { return !c.grown() })
}

// linkSmall links the islands that hold at most Most, and gives back the others.
func (t *Touching) linkSmall(ctx context.Context, tx pgx.Tx, clusters []cluster) (large []cluster, err error) {
	loaded, err := t.load(ctx, tx, clusters)
	if err != nil {
		return nil, fmt.Errorf("read the workouts of %d islands: %w", len(clusters), err)
	}
	var links []link
	for n := range loaded {
		if loaded[n].tooLarge() {
			large = append(large, clusters[n])
			continue
		}
		links = append(links, loaded[n].changes()...)
	}
	return large, t.store(ctx, tx, links)
}

// unlink makes a cluster one large island, of which nothing is linked.
func (t *Touching) unlink(ctx context.Context, tx pgx.Tx, c cluster) error {
	var links []link
	for _, part := range c.outside() {
		ids, err := linkedIn(ctx, tx, part)
		if err != nil {
			return fmt.Errorf("look for links in an island that is too large: %w", err)
		}
		for _, id := range ids {
			links = append(links, link{id: id})
		}
	}
	if err := t.store(ctx, tx, links); err != nil {
		return err
	}
	if err := forget(ctx, tx, c.large); err != nil {
		return err
	}
	t.large = slices.DeleteFunc(t.large, func(s span) bool { return c.holds(s) })
	t.large = append(t.large, c.span)
	return remember(ctx, tx, c.span)
}

// unlinkSeeds takes their links from changed records that lie in large islands now.
func (t *Touching) unlinkSeeds(ctx context.Context, tx pgx.Tx) error {
	var links []link
	for _, s := range t.seeds {
		if s.linked && slices.ContainsFunc(t.large, func(l span) bool { return l.holds(s.span) }) {
			links = append(links, link{id: s.id})
		}
	}
	return t.store(ctx, tx, links)
}

// link is a workout's link as it shall be; a zero primary is none.
type link struct{ id, primary uuid.UUID }

func key(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }
