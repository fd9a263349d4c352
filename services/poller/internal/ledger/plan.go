package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Page is what a source showed at once.
type Page struct {
	Of      store.Part
	SyncID  string
	Records []provider.Record
	// Counted says whether the reading that the page belongs to has counted a record
	// already; nil when it is of none.
	Counted func(externalID string) bool
}

func (p Page) counted(id string) bool { return p.Counted != nil && p.Counted(id) }

// Plan is what the log lacks of a page, or of anything else that is to be written. All
// of it lies within one fence.
type Plan struct {
	Of     store.Part
	SyncID string
	Seen   []string // external ids that the provider showed

	kind     events.Kind
	fence    events.Fence
	attached bool // the facts are of attachments, which have no line in the index
	facts    []events.Event
	versions []store.Known // of the facts, in their order; without sequences until they are in the log
	rehashed []store.Known // known records under a new hash version
	counts   events.SyncCounts
}

// NewPlan is a plan of nothing yet, for a sync of a source.
func (x *Index) NewPlan(of store.Part, syncID string) (*Plan, error) {
	kind, known := x.Kinds.Find(of.Kind)
	if !known {
		return nil, fmt.Errorf("records of %s are of kind %q, which this program does not know", x.Target.Provider, of.Kind)
	}
	return &Plan{Of: of, SyncID: syncID, kind: kind, fence: kind.Fence(), attached: kind.Shape == events.ShapeAttachment}, nil
}

// Count adds the plan to the counts of its sync.
func (p *Plan) Count(c *events.SyncCounts) {
	c.Seen += p.counts.Seen
	c.New += p.counts.New
	c.Changed += p.counts.Changed
	c.Unchanged += p.counts.Unchanged
	c.Rejected += p.counts.Rejected
	c.Removed += p.counts.Removed
}

func (p *Plan) add(e events.Event, v store.Known) {
	p.facts, p.versions = append(p.facts, e), append(p.versions, v)
}

// Writes says whether the plan holds anything for the log.
func (p *Plan) Writes() bool { return len(p.facts) > 0 }

// Plan finds what a page holds beyond what the log knows. What this very sync has
// published or repeats is passed over: it is counted already.
func (x *Index) Plan(ctx context.Context, page Page) (*Plan, error) {
	p, err := x.NewPlan(page.Of, page.SyncID)
	if err != nil {
		return nil, err
	}
	records := once(page.Records)
	p.Seen = make([]string, len(records))
	for i, a := range records {
		p.Seen[i] = a.ExternalID
	}
	known, err := x.Store.LookUp(ctx, x.Target, page.Of.Kind, p.Seen)
	if err != nil {
		return nil, err
	}
	compare, err := x.comparer(page.Of)
	if err != nil {
		return nil, err
	}
	now := x.Now().UTC()
	var fresh []events.RecordFetched
	var changed Plan
	for _, a := range records {
		counted := page.counted(a.ExternalID)
		if a.Problem != "" && !counted {
			p.counts.Rejected++
			x.Log.WarnContext(ctx, "a record was not understood; its bytes are kept", "external_id", a.ExternalID, "problem", a.Problem)
		}
		k := known[a.ExternalID]
		r := x.record(page, a, now)
		r.ContentHash, r.HashVersion, r.ReplacesSequence = compare.hash(a.Raw), compare.version, k.Sequence
		same, rehashed, err := compare.same(ctx, p.kind, k, r)
		if err != nil {
			return nil, err
		}
		if same {
			if rehashed != nil {
				p.rehashed = append(p.rehashed, *rehashed)
			}
			if k.SyncID != page.SyncID && !counted {
				p.counts.Unchanged++
				p.counts.Seen++
			}
			continue
		}
		e, err := fetched(p.kind, r)
		if err != nil {
			return nil, err
		}
		fits, err := x.fits(ctx, r, e)
		switch {
		case err != nil:
			return nil, err
		case !fits:
			p.leaveOut(a, counted)
		case k.Sequence > 0:
			changed.add(e, knownOf(p.kind, r))
			p.counts.Changed++
			p.counts.Seen++
		default:
			p.add(e, knownOf(p.kind, r))
			fresh = append(fresh, r)
			p.counts.New++
			p.counts.Seen++
		}
	}
	p.facts, p.versions = append(p.facts, changed.facts...), append(p.versions, changed.versions...)
	return p, x.supersede(ctx, p, fresh)
}

// PlanOne plans a record whatever is known of it; fits is false when the log does not
// take it.
func (x *Index) PlanOne(ctx context.Context, of store.Part, r events.RecordFetched) (p *Plan, fits bool, err error) {
	if p, err = x.NewPlan(of, r.SyncID); err != nil {
		return nil, false, err
	}
	e, err := fetched(p.kind, r)
	if err != nil {
		return nil, false, err
	}
	if fits, err = x.fits(ctx, r, e); err != nil || !fits {
		return nil, false, err
	}
	p.add(e, knownOf(p.kind, r))
	return p, true, nil
}

// leaveOut counts a record that is too large, once in a reading.
func (p *Plan) leaveOut(a provider.Record, counted bool) {
	if counted {
		return
	}
	p.counts.Seen++
	if a.Problem == "" { // else it is counted already
		p.counts.Rejected++
	}
}

// record is a record of a page in the words of the log, but for its hash.
func (x *Index) record(page Page, a provider.Record, now time.Time) events.RecordFetched {
	t := x.Target
	return events.RecordFetched{
		UserID: t.UserID, Provider: t.Provider, ConnectionID: t.ConnectionID, SyncID: page.SyncID, ProviderAccountID: t.AccountID,
		Kind: page.Of.Kind, Resource: page.Of.Resource, ExternalID: a.ExternalID, Format: a.Format, Context: a.Context,
		Aliases: a.Aliases, Step: a.Step, Slot: a.Slot, Parent: a.Parent, ProviderModifiedAt: a.ModifiedAt, StartedAt: a.StartedAt, EndedAt: a.EndedAt,
		LocalDate: a.LocalDate, Delivery: a.Delivery, Complete: a.Complete, Origin: events.OriginAPI, FetchedAt: now, Raw: a.Raw,
	}
}

// Remove plans the removal of a record by its sync; the sequence is that of the version
// that the provider no longer has.
func (x *Index) Remove(p *Plan, externalID string, sequence uint64, proof string) error {
	t := x.Target
	p.counts.Removed++
	return x.remove(p, events.RecordRemoved{
		UserID: t.UserID, Provider: t.Provider, ConnectionID: t.ConnectionID, SyncID: p.SyncID, Kind: p.Of.Kind, Resource: p.Of.Resource,
		ExternalID: externalID, ReplacesSequence: sequence, Origin: events.OriginAPI, Proof: proof,
	}, t.AccountID)
}

func (x *Index) remove(p *Plan, r events.RecordRemoved, account string) error {
	r.RemovedAt = x.Now().UTC().Truncate(time.Microsecond)
	e, err := removed(p.kind, r)
	if err != nil {
		return err
	}
	p.add(e, store.Known{
		Kind: r.Kind, Resource: r.Resource, ExternalID: r.ExternalID, Origin: string(r.Origin), Removed: true, SyncID: r.SyncID, Account: account,
	})
	return nil
}

// once drops repetitions within a page. Of two versions of one record the one
// modified later counts, else the one that comes first.
func once(records []provider.Record) []provider.Record {
	at := make(map[string]int, len(records))
	var out []provider.Record
	for _, a := range records {
		i, seen := at[a.ExternalID]
		if !seen {
			at[a.ExternalID] = len(out)
			out = append(out, a)
			continue
		}
		if have := out[i]; a.ModifiedAt != nil && (have.ModifiedAt == nil || a.ModifiedAt.After(*have.ModifiedAt)) {
			out[i] = a
		}
	}
	return out
}
