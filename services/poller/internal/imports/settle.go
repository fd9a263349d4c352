package imports

import (
	"context"
	"fmt"
	"slices"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// settlePage is how many records are settled at once. Their bytes are read again.
const settlePage = 250

// amendment is what the log lacks of an activity.
type amendment int

const (
	nothing  amendment = iota
	restate            // its record with all that is known by now
	withdraw           // its removal: it is of an activity of the provider's
)

// lacks says what the log lacks of an activity, after all exports so far. What the
// API said stands. So what an earlier program lost or joined wrongly is repaired, too.
func (k *knowledge) lacks(a *activity) amendment {
	live := a.found && !a.winner.removed
	switch {
	case !a.told || a.ofAPI():
		return nothing
	case a.foreign && k.joins.ownOf[a.id] != "":
		if live {
			return withdraw
		}
		return nothing
	case a.foreign && a.said.deleted, !a.foreign && a.said.sequence == 0:
		return nothing // not to be shown; or the log does not take its bytes
	case live && a.winner.edition.Compare(a.best) == 0 && a.winner.context == k.sum(k.contextOf(a, a.said.unit, a.said.locale)):
		return nothing
	default:
		return restate
	}
}

// lacking are the activities of which the log lacks something, in a fixed order.
func (k *knowledge) lacking() []string {
	k.join()
	var ids []string
	for id, a := range k.activities {
		if k.lacks(a) != nothing {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// restated is the record of an activity with all that is known of it; raw is that of
// the fact that the statement names, of one of the provider's.
func (k *knowledge) restated(a *activity, raw []byte) record {
	if a.foreign {
		raw = []byte(a.said.text())
	}
	x := provider.ImportedActivity{ForeignID: a.foreign}
	x.ExternalID, x.Format, x.Raw, x.ModifiedAt = a.id, a.said.format, raw, a.said.modified
	x.Context = k.contextOf(a, a.said.unit, a.said.locale)
	x.Reading = &provider.Reading{Edition: a.best}
	k.format.Finish(&x)
	return recordOf(x)
}

// settle publishes what follows for the records that are in the log from what this
// import brought, and for records under a foreign id that are one with another now or
// are no longer. Whoever else writes at the same moment makes it look again.
func (r *run) settle(ctx context.Context) error {
	unfit := map[string]bool{}
	for range redo {
		ids := slices.DeleteFunc(r.known.lacking(), func(id string) bool { return unfit[id] })
		if len(ids) == 0 {
			return nil
		}
		for page := range slices.Chunk(ids, settlePage) {
			if err := r.settlePage(ctx, page, unfit); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("settled %d times what is known, and it never was: please report it as a fault", redo)
}

func (r *run) settlePage(ctx context.Context, ids []string, unfit map[string]bool) error {
	var done []func(sequence uint64)
	return r.write(ctx, func() (facts []events.Event, err error) {
		done = nil
		r.known.join()
		for _, id := range ids {
			e, then, err := r.amend(ctx, r.known.activities[id])
			if err != nil {
				return nil, err
			}
			if then == nil {
				unfit[id] = true
				continue
			}
			facts, done = append(facts, e), append(done, then)
		}
		return facts, nil
	}, func(i int, sequence uint64) { done[i](sequence) })
}

// amend is the fact that the log lacks of an activity, and what is to be done when it
// is there; that is nil when there is nothing to publish.
func (r *run) amend(ctx context.Context, a *activity) (e events.Event, then func(sequence uint64), err error) {
	switch r.known.lacks(a) {
	case withdraw:
		return r.removal(a.id, a.winner.sequence), func(sequence uint64) {
			a.winner.sequence, a.winner.removed = sequence, true
			r.tally.counts.Superseded++
		}, nil
	case restate:
	default:
		return e, nil, nil
	}
	x, err := r.restated(ctx, a)
	if err != nil {
		return e, nil, err
	}
	e = r.fact(x, a)
	if fits, err := r.fits(ctx, x, e); err != nil || !fits {
		return e, nil, err
	}
	return e, func(sequence uint64) {
		r.known.published(&x, enriched, sequence)
		r.tally.counts.Restated++
	}, nil
}

// restated reads the bytes of a record in the log again. A dry run, which publishes
// nothing, does without them.
func (r *run) restated(ctx context.Context, a *activity) (record, error) {
	if a.foreign || r.lease.DryRun {
		return r.known.restated(a, nil), nil
	}
	d, err := r.Bus.Get(ctx, events.StreamFacts, a.said.sequence)
	if err != nil {
		return record{}, fmt.Errorf("read an imported record again: %w", err)
	}
	data, ok := d.Event.Data.(*events.ActivityFetched)
	if !ok || data.ExternalID != a.id {
		return record{}, fmt.Errorf("read an imported record again: fact %d is of something else", a.said.sequence)
	}
	return r.known.restated(a, data.Raw), nil
}
