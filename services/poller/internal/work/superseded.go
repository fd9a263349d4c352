package work

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

// supersede removes what only an export knew, under an id of its own, and what a
// page now brings under the provider's. Both go into the log together.
func (s *session) supersede(ctx context.Context, w store.Window, d *difference) error {
	var fresh []*events.ActivityFetched
	var starts []time.Time
	for _, e := range d.facts {
		if data, ok := e.Data.(*events.ActivityFetched); ok && data.ReplacesSequence == 0 && data.StartedAt != nil {
			fresh, starts = append(fresh, data), append(starts, *data.StartedAt)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if imported, err := s.hasImports(ctx); err != nil || !imported {
		return err
	}
	near, err := s.Store.ImportedNear(ctx, s.lease.Target, starts, provider.MaxStartGap)
	if err != nil {
		return err
	}
	for _, k := range near {
		found, err := s.Bus.Get(ctx, events.StreamFacts, k.Sequence)
		if err != nil {
			return fmt.Errorf("read an imported record again: %w", err)
		}
		old, ok := found.Event.Data.(*events.ActivityFetched)
		if !ok || !old.ForeignID || old.StartedAt == nil || !slices.ContainsFunc(fresh, s.twinOf(old)) {
			continue
		}
		d.add(s.superseded(w, k))
		s.log.InfoContext(ctx, "a record that only an export knew is the provider's", "external_id", k.ExternalID, "sync_id", w.ID)
	}
	return nil
}

// hasImports says whether only imports know some record. Most users have none, so it
// is asked once and holds until the log has more: what somebody else writes to it
// makes the next page fail.
func (s *session) hasImports(ctx context.Context) (bool, error) {
	if s.imported == nil {
		has, err := s.Store.HasImports(ctx, s.lease.Target)
		if err != nil {
			return false, err
		}
		s.imported = &has
	}
	return *s.imported, nil
}

// twinOf says of a record of the provider's whether it is of the same activity as one
// under a foreign id.
func (s *session) twinOf(foreign *events.ActivityFetched) func(*events.ActivityFetched) bool {
	seen, ok := s.sight(foreign)
	return func(own *events.ActivityFetched) bool {
		other, known := s.sight(own)
		return ok && known && other.Same(seen)
	}
}

func (s *session) sight(data *events.ActivityFetched) (provider.Sighting, bool) {
	return s.Normalizers.Sight(provider.Record{
		Provider: data.Provider, ExternalID: data.ExternalID, Format: data.Format, Raw: data.Raw, Context: data.Context,
	})
}

// superseded is the removal of an imported record, and its line in the index. It is
// no removal by the provider, so no sync counts it.
func (s *session) superseded(w store.Window, k store.Known) (events.Event, store.Known) {
	now := s.Now().UTC().Truncate(time.Microsecond)
	return events.Event{
		ID:     events.ActivityFactID(events.TypeActivityRemoved, w.UserID, w.Provider, k.ExternalID, k.Sequence, ""),
		Source: report.Source, About: k.ExternalID, Time: now, Provider: w.Provider, UserID: w.UserID,
		Data: &events.ActivityRemoved{
			UserID: w.UserID, Provider: w.Provider, ExternalID: k.ExternalID, ReplacesSequence: k.Sequence,
			Origin: events.OriginImport, Proof: events.RemovedSuperseded, RemovedAt: now,
		},
	}, store.Known{ExternalID: k.ExternalID, Origin: string(events.OriginImport), Removed: true}
}
