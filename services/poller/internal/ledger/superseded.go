package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// supersede plans to remove what only an export knew, under an id of its own, and what
// the plan brings under the provider's, for the first time. Both go into the log together.
func (x *Index) supersede(ctx context.Context, p *Plan, fresh []events.RecordFetched) error {
	var own []events.RecordFetched
	var starts []time.Time
	for _, r := range fresh {
		if r.StartedAt != nil {
			own, starts = append(own, r), append(starts, *r.StartedAt)
		}
	}
	if len(own) == 0 {
		return nil
	}
	if imported, err := x.hasImports(ctx, p.Of.Kind); err != nil || !imported {
		return err
	}
	near, err := x.Store.ImportedNear(ctx, x.Target, p.Of.Kind, starts, provider.MaxStartGap)
	if err != nil {
		return err
	}
	for _, k := range near {
		found, err := x.Bus.Get(ctx, events.StreamFacts, k.Sequence)
		if err != nil {
			return fmt.Errorf("read an imported record again: %w", err)
		}
		old, ok := events.FetchedOf(found.Event.Data)
		if !ok || !old.ForeignID || old.StartedAt == nil || !slices.ContainsFunc(own, x.twinOf(old)) {
			continue
		}
		if err := x.superseded(p, k); err != nil {
			return err
		}
		x.Log.InfoContext(ctx, "a record that only an export knew is the provider's", "external_id", k.ExternalID, "sync_id", p.SyncID)
	}
	return nil
}

// hasImports says whether only imports know some record of a kind. Most users have none,
// so it is asked once and holds until the log has more: what somebody else writes to it
// makes the next page fail.
func (x *Index) hasImports(ctx context.Context, kind string) (bool, error) {
	has, asked := x.imported[kind]
	if asked {
		return has, nil
	}
	has, err := x.Store.HasImports(ctx, x.Target, kind)
	if err == nil {
		x.imported[kind] = has
	}
	return has, err
}

// twinOf says of a record of the provider's whether it is of the same thing as one under
// a foreign id.
func (x *Index) twinOf(foreign events.RecordFetched) func(events.RecordFetched) bool {
	seen, ok := x.sight(foreign)
	return func(own events.RecordFetched) bool {
		other, known := x.sight(own)
		return ok && known && other.Same(seen)
	}
}

func (x *Index) sight(r events.RecordFetched) (provider.Sighting, bool) {
	return x.Normalizers.Sight(provider.Record{Provider: r.Provider, ExternalID: r.ExternalID, Format: r.Format, Raw: r.Raw, Context: r.Context})
}

// superseded plans the removal of an imported record. It is no removal by the provider,
// so no sync counts it.
func (x *Index) superseded(p *Plan, k store.Known) error {
	return x.remove(p, events.RecordRemoved{
		UserID: x.Target.UserID, Provider: x.Target.Provider, Kind: k.Kind, Resource: k.Resource, ExternalID: k.ExternalID,
		ReplacesSequence: k.Sequence, Origin: events.OriginImport, Proof: events.RemovedSuperseded,
	}, "")
}
