package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Page is what a provider showed at once.
type Page struct {
	SyncID  string
	Records []provider.Record
	// Counted says whether the reading that the page belongs to has counted a record
	// already; nil when it is of none.
	Counted func(externalID string) bool
}

func (p Page) counted(id string) bool { return p.Counted != nil && p.Counted(id) }

// Plan is what the log lacks of a page, or of anything else that is to be written.
type Plan struct {
	SyncID string
	Seen   []string // external ids that the provider showed

	facts    []events.Event
	versions []store.Known // of the facts, in their order; those of no record are empty
	rehashed []store.Known // known records under a new hash version
	// What is too large for the log is among the rejected.
	unchanged, rejected, tooLarge int
}

// PlanOf is a plan of one fact that is of no record of its own.
func PlanOf(e events.Event) *Plan {
	p := &Plan{}
	p.add(e, store.Known{})
	return p
}

func (p *Plan) add(e events.Event, v store.Known) {
	p.facts, p.versions = append(p.facts, e), append(p.versions, v)
}

// Count adds the plan to the counts of its sync.
func (p *Plan) Count(c *events.SyncCounts) {
	for _, e := range p.facts {
		switch data := e.Data.(type) {
		case *events.ActivityRemoved:
			if data.Proof != events.RemovedSuperseded {
				c.Removed++
			}
			continue
		case *events.ActivityFetched:
			if data.ReplacesSequence == 0 {
				c.New++
			} else {
				c.Changed++
			}
		}
		c.Seen++
	}
	c.Unchanged += p.unchanged
	c.Rejected += p.rejected
	c.Seen += p.unchanged + p.tooLarge
}

// source is where the target's records come from.
func (x *Index) source() *provider.Source {
	const activities = "activity"
	source, ok := x.Connector.Source(activities)
	if !ok {
		return &provider.Source{}
	}
	return source
}

// Writes says whether the plan holds anything for the log.
func (p *Plan) Writes() bool { return len(p.facts) > 0 }

// Plan finds what a page holds beyond what the log knows. What this very sync has
// published or repeats is passed over: it is counted already.
func (x *Index) Plan(ctx context.Context, page Page) (*Plan, error) {
	p := &Plan{SyncID: page.SyncID}
	records := once(page.Records)
	p.Seen = make([]string, len(records))
	for i, a := range records {
		p.Seen[i] = a.ExternalID
	}
	known, err := x.Store.LookUp(ctx, x.Target, p.Seen)
	if err != nil {
		return nil, err
	}
	hasher, err := provider.NewHasher(x.source().Volatile)
	if err != nil {
		return nil, fmt.Errorf("compare records of %s: %w", x.Target.Provider, err)
	}
	now := x.Now().UTC()
	var changed Plan
	for _, a := range records {
		if a.Problem != "" && !page.counted(a.ExternalID) {
			p.rejected++
			x.Log.WarnContext(ctx, "a record was not understood; its bytes are kept", "external_id", a.ExternalID, "problem", a.Problem)
		}
		hash := hasher.Content(a.Raw)
		k, ok := known[a.ExternalID]
		same, rehashed, err := x.same(ctx, k, hash)
		if err != nil {
			return nil, err
		}
		if ok && same {
			if rehashed != nil {
				p.rehashed = append(p.rehashed, *rehashed)
			}
			if k.SyncID != page.SyncID && !page.counted(a.ExternalID) {
				p.unchanged++
			}
			continue
		}
		e, version := x.fetched(page.SyncID, a, hash, k.Sequence, now)
		fits, err := x.fits(ctx, a, e)
		switch {
		case err != nil:
			return nil, err
		case !fits:
			p.leaveOut(a, page.counted(a.ExternalID))
		case ok:
			changed.add(e, version)
		default:
			p.add(e, version)
		}
	}
	p.facts, p.versions = append(p.facts, changed.facts...), append(p.versions, changed.versions...)
	return p, x.supersede(ctx, p)
}

// small is which part of the server's limit a record may have without its event
// being measured, which costs as much as to publish it: JSON makes a text six times
// as long at most, and the limit is at least 64 kB.
const small = 16

// fits says whether the log takes a fact. One that is too large would stop its page
// for ever; what the log has of the record stays.
func (x *Index) fits(ctx context.Context, a provider.Record, e events.Event) (bool, error) {
	// The id is in the subject's headers and in the data, too.
	if int64(small*(len(a.Raw)+4*len(a.ExternalID))) < x.Bus.Conn().MaxPayload() {
		return true, nil
	}
	size, err := x.Bus.CheckSize(e)
	if errors.Is(err, bus.ErrTooLarge) {
		x.Log.WarnContext(ctx, "a record is larger than the log takes and is left out", "external_id", e.About, "bytes", size)
		return false, nil
	}
	return true, err
}

// leaveOut counts a record that is too large, once in a reading.
func (p *Plan) leaveOut(a provider.Record, counted bool) {
	if counted {
		return
	}
	p.tooLarge++
	if a.Problem == "" { // else it is counted already
		p.rejected++
	}
}

// same says whether a record is the known version. Under a new hash version the
// known bytes are hashed again, out of the log; that alone is no change.
func (x *Index) same(ctx context.Context, k store.Known, hash string) (same bool, rehashed *store.Known, err error) {
	if k.Sequence == 0 || k.Removed || k.Origin != string(events.OriginAPI) {
		return false, nil, nil
	}
	if k.HashVersion == x.source().HashVersion {
		return k.ContentHash == hash, nil, nil
	}
	d, err := x.Bus.Get(ctx, events.StreamFacts, k.Sequence)
	if err != nil {
		return false, nil, fmt.Errorf("hash a known record again: %w", err)
	}
	old, ok := d.Event.Data.(*events.ActivityFetched)
	if !ok {
		return false, nil, nil
	}
	k.HashVersion, k.StartedAt = x.source().HashVersion, old.StartedAt // the database keeps no offset in it
	if k.ContentHash, err = provider.ContentHash(old.Raw, x.source().Volatile); err != nil {
		return false, nil, fmt.Errorf("hash a known record again: %w", err)
	}
	return k.ContentHash == hash, &k, nil
}

// fetched makes the event of a record, and its line in the index but for the sequence.
func (x *Index) fetched(syncID string, a provider.Record, hash string, replaces uint64, now time.Time) (events.Event, store.Known) {
	t := x.Target
	data := &events.ActivityFetched{
		UserID: t.UserID, Provider: t.Provider, ConnectionID: t.ConnectionID, SyncID: syncID,
		ProviderAccountID: t.AccountID, ExternalID: a.ExternalID, Format: a.Format, Context: a.Context,
		ProviderModifiedAt: a.ModifiedAt, ContentHash: hash, HashVersion: x.source().HashVersion, ReplacesSequence: replaces,
		Origin: events.OriginAPI, FetchedAt: now, StartedAt: a.StartedAt, Raw: a.Raw,
	}
	e := events.Event{
		ID:     events.ActivityFactID(events.TypeActivityFetched, t.UserID, t.Provider, a.ExternalID, replaces, hash),
		Source: report.Source, About: a.ExternalID, Time: now, Provider: t.Provider, UserID: t.UserID, Data: data,
	}
	return e, store.Known{
		ExternalID: a.ExternalID, ContentHash: hash, HashVersion: x.source().HashVersion,
		Origin: string(events.OriginAPI), StartedAt: a.StartedAt, SyncID: syncID, Account: t.AccountID,
	}
}

// Remove plans the removal of a record by its sync; the sequence is that of the version
// that the provider no longer has.
func (x *Index) Remove(p *Plan, externalID string, sequence uint64, proof string) {
	t, now := x.Target, x.Now().UTC().Truncate(time.Microsecond)
	p.add(events.Event{
		ID:     events.ActivityFactID(events.TypeActivityRemoved, t.UserID, t.Provider, externalID, sequence, ""),
		Source: report.Source, About: externalID, Time: now, Provider: t.Provider, UserID: t.UserID,
		Data: &events.ActivityRemoved{
			UserID: t.UserID, Provider: t.Provider, ConnectionID: t.ConnectionID, SyncID: p.SyncID, ExternalID: externalID,
			ReplacesSequence: sequence, Origin: events.OriginAPI, Proof: proof, RemovedAt: now,
		},
	}, store.Known{ExternalID: externalID, Origin: string(events.OriginAPI), Removed: true, SyncID: p.SyncID, Account: t.AccountID})
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
