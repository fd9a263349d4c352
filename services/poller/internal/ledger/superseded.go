package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// supersede plans to remove what only an export knew, under an id of its own, and what
// the plan brings under the provider's. Both go into the log together.
func (x *Index) supersede(ctx context.Context, p *Plan) error {
	var fresh []*events.ActivityFetched
	var starts []time.Time
	for _, e := range p.facts {
		if data, ok := e.Data.(*events.ActivityFetched); ok && data.ReplacesSequence == 0 && data.StartedAt != nil {
			fresh, starts = append(fresh, data), append(starts, *data.StartedAt)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if imported, err := x.hasImports(ctx); err != nil || !imported {
		return err
	}
	near, err := x.Store.ImportedNear(ctx, x.Target, starts, provider.MaxStartGap)
	if err != nil {
		return err
	}
	for _, k := range near {
		found, err := x.Bus.Get(ctx, events.StreamFacts, k.Sequence)
		if err != nil {
			return fmt.Errorf("read an imported record again: %w", err)
		}
		old, ok := found.Event.Data.(*events.ActivityFetched)
		if !ok || !old.ForeignID || old.StartedAt == nil || !slices.ContainsFunc(fresh, x.twinOf(old)) {
			continue
		}
		x.superseded(p, k)
		x.Log.InfoContext(ctx, "a record that only an export knew is the provider's", "external_id", k.ExternalID, "sync_id", p.SyncID)
	}
	return nil
}

// hasImports says whether only imports know some record. Most users have none, so it
// is asked once and holds until the log has more: what somebody else writes to it
// makes the next page fail.
func (x *Index) hasImports(ctx context.Context) (bool, error) {
	if x.imported == nil {
		has, err := x.Store.HasImports(ctx, x.Target)
		if err != nil {
			return false, err
		}
		x.imported = &has
	}
	return *x.imported, nil
}

// twinOf says of a record of the provider's whether it is of the same activity as one
// under a foreign id.
func (x *Index) twinOf(foreign *events.ActivityFetched) func(*events.ActivityFetched) bool {
	seen, ok := x.sight(foreign)
	return func(own *events.ActivityFetched) bool {
		other, known := x.sight(own)
		return ok && known && other.Same(seen)
	}
}

func (x *Index) sight(data *events.ActivityFetched) (provider.Sighting, bool) {
	return x.Normalizers.Sight(provider.Record{
		Provider: data.Provider, ExternalID: data.ExternalID, Format: data.Format, Raw: data.Raw, Context: data.Context,
	})
}

// superseded plans the removal of an imported record. It is no removal by the provider,
// so no sync counts it.
func (x *Index) superseded(p *Plan, k store.Known) {
	t, now := x.Target, x.Now().UTC().Truncate(time.Microsecond)
	p.add(events.Event{
		ID:     events.ActivityFactID(events.TypeActivityRemoved, t.UserID, t.Provider, k.ExternalID, k.Sequence, ""),
		Source: report.Source, About: k.ExternalID, Time: now, Provider: t.Provider, UserID: t.UserID,
		Data: &events.ActivityRemoved{
			UserID: t.UserID, Provider: t.Provider, ExternalID: k.ExternalID, ReplacesSequence: k.Sequence,
			Origin: events.OriginImport, Proof: events.RemovedSuperseded, RemovedAt: now,
		},
	}, store.Known{ExternalID: k.ExternalID, Origin: string(events.OriginImport), Removed: true})
}
