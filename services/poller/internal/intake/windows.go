package intake

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// queue adds the windows of a sync: one for each source, so that one that cannot be read
// does not hold the others. The first has the sync's id, the others ids that follow from
// it, so that a repeated delivery finds them. Sources that the consent does not allow
// have ended already.
func (in *Intake) queue(ctx context.Context, tx pgx.Tx, w store.Window, sources []store.Source, fit func(*store.Window) error) error {
	w.SyncID = w.ID
	for i, of := range sources {
		one := w
		one.Source, one.Kind = of.Name, of.Kind
		if i > 0 {
			one.ID = events.SyncID(w.SyncID + "/" + of.Name)
		}
		if !of.Granted {
			one.Outcome, one.Error, one.NotBefore = events.SyncSkipped, report.Skipped(), nil
		}
		if err := fit(&one); err != nil {
			return err
		}
		if err := store.AddWindow(ctx, tx, one); err != nil {
			return err
		}
	}
	return nil
}

// usual are the sources that a sync reads which names no kinds.
func usual(sources []store.Source) []store.Source {
	return slices.DeleteFunc(slices.Clone(sources), func(s store.Source) bool { return !s.Usual })
}

// requested are the sources that a request means.
func requested(sources []store.Source, kinds []string) []store.Source {
	if len(kinds) == 0 {
		return usual(sources)
	}
	return slices.DeleteFunc(slices.Clone(sources), func(s store.Source) bool { return !slices.Contains(kinds, s.Kind) })
}

// readable says whether the consent allows to read one of some sources.
func readable(sources []store.Source) bool {
	return slices.ContainsFunc(sources, func(s store.Source) bool { return s.Granted })
}

// unreadable says why none of the sources that a request means can be read.
func unreadable(sources []store.Source) *refusal {
	if len(sources) > 0 {
		return &refusal{SyncError: *report.Skipped()}
	}
	return &refusal{SyncError: events.SyncError{
		Code: "unknown_kind", Detail: "The provider has none of the kinds of data that were asked for; ask for others.",
	}}
}
