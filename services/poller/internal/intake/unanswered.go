package intake

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/telemetry"
)

// TakeUp queues the requested syncs of which the log knows no end, and gives their
// number: a database that was restored under a newer log has lost those that were
// acknowledged since. Those that it has stay as they are.
func (in *Intake) TakeUp(ctx context.Context, b *bus.Bus) (int, error) {
	open := map[string]bus.Delivery{}
	reports := map[string]int{}
	_, err := b.Read(ctx, events.StreamSyncs, []string{
		events.TypeSubjects(events.TypeSyncRequested), events.TypeSubjects(events.TypeSyncFinished),
	}, 1, func(d bus.Delivery) error {
		switch data := d.Event.Data.(type) {
		case *events.SyncRequested:
			open[data.SyncID] = d
		case *events.SyncFinished:
			reports[data.SyncID] = max(reports[data.SyncID], data.Report)
			if data.Status != events.SyncDeferred {
				delete(open, data.SyncID)
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("look for requested syncs without an end: %w", err)
	}
	// Whoever reads reports believes the one with the highest number.
	if err := in.Store.RaiseReports(ctx, reports); err != nil {
		return 0, err
	}
	requests := make([]bus.Delivery, 0, len(open))
	for _, d := range open {
		requests = append(requests, d)
	}
	slices.SortFunc(requests, func(a, b bus.Delivery) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for _, d := range requests {
		id := d.Event.Data.(*events.SyncRequested).SyncID //nolint:forcetypeassert // only these were put in
		if err := in.request(telemetry.WithTraceParent(ctx, d.Event.TraceParent), d, reports[id]); err != nil {
			// Its first delivery ended in the dead letters, too.
			in.Log.WarnContext(ctx, "a requested sync could not be taken up again", "sync_id", id, "error", err)
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
		}
	}
	return len(requests), nil
}
