package work

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
	"github.com/stridelog/stridelog/services/poller/internal/call"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// cursorFresh is how long a provider's cursor is trusted. An older one may name
	// a place that the list has moved away from.
	cursorFresh = 10 * time.Minute
	// redo is how often a page is compared when the log knew some of it.
	redo = 4
)

// page reads one page of a window and puts what is new into the log, then into the
// index together with the window's progress.
func (s *session) page(ctx context.Context, w store.Window) error {
	if err := s.settle(ctx, &w); err != nil {
		return err
	}
	p := s.passes.Of(w.ID, w.AtStart(), s.Now())
	page, err := s.list(ctx, w)
	if err != nil {
		return s.outcomes.failed(ctx, w, err)
	}
	if err := hook.Call(s.Hooks.Fetched); err != nil {
		return err
	}
	if err := s.health.answered(ctx); err != nil {
		return err
	}
	for range redo {
		err = s.keep(ctx, &w, page, p)
		switch {
		case err == nil:
			return hook.Call(s.Hooks.Committed)
		case errors.Is(err, errAnew):
			continue
		case !ledger.Behind(err):
			return err
		}
		if err := s.catchUp(ctx, &w, err); err != nil {
			return err
		}
	}
	return err
}

// catchUp follows the log after it turned out to know more than the index. What an
// earlier attempt of the window's put there although it seemed to fail is counted.
func (s *session) catchUp(ctx context.Context, w *store.Window, because error) error {
	if errors.Is(because, bus.ErrWrongLastSequence) {
		s.log.InfoContext(ctx, "somebody else wrote the log; comparing again")
	}
	found, err := s.follow(ctx)
	if err != nil {
		return err
	}
	r := found[ledger.Work{SyncID: w.SyncID, Of: s.part(*w)}]
	w.Counts.New, w.Counts.Changed, w.Counts.Seen = w.Counts.New+r.New, w.Counts.Changed+r.Changed, w.Counts.Seen+r.New+r.Changed
	w.Counts.Removed += r.Removed
	return nil
}

// errAnew says that the index knows more than what a page was compared with.
var errAnew = errors.New("the log had more; comparing again")

// purpose is what a window's requests are for.
func purpose(w store.Window) call.Purpose {
	if w.Deep {
		return call.Deep
	}
	return call.Purpose(w.Trigger)
}

// settle makes a window ready for its next page: a cursor that is too old is given
// up, and a second look that was interrupted begins again.
func (s *session) settle(ctx context.Context, w *store.Window) error {
	stale := w.Cursor != "" && (w.CursorAt == nil || s.Now().Sub(*w.CursorAt) > cursorFresh)
	broken := w.Confirms && !w.AtStart() && (stale || !s.passes.Whole(w.ID))
	switch {
	case broken:
		return s.Store.Guarded(ctx, s.lease, func(tx tx) error { return store.Rewind(ctx, tx, w) })
	case stale:
		s.passes.End(w.ID)
		return s.Store.Guarded(ctx, s.lease, func(tx tx) error { return store.RestartWindow(ctx, tx, w) })
	}
	return nil
}

// keep plans what the log lacks of a page and of the pass that may end with it, appends
// it, and commits it together with the progress.
func (s *session) keep(ctx context.Context, w *store.Window, page provider.Page, p *absence.Pass) error {
	plan, err := s.index.Plan(ctx, ledger.Page{Of: s.part(*w), SyncID: w.SyncID, Records: page.Records, Counted: p.Counted})
	if err != nil {
		return err
	}
	if _, anew := resume(*w, page); page.Positional && page.Next != "" && !anew {
		p.Moved()
	}
	again := page.Next == "" && p.Repeats(plan.Seen)
	var v absence.Verdict
	if page.Next == "" && !again {
		if v, err = s.judge(ctx, *w, p, plan.Seen); err != nil {
			return err
		}
		for _, x := range v.Removals {
			if err := s.index.Remove(plan, x.ExternalID, x.Sequence, events.RemovedTwiceGone); err != nil {
				return err
			}
			s.log.InfoContext(ctx, "a record is gone from the provider", "external_id", x.ExternalID, "sync_id", w.ID)
		}
	}
	if plan.Writes() && !s.followed {
		known := s.index.Known
		if err := s.catchUp(ctx, w, nil); err != nil {
			return err
		}
		if s.index.Known != known {
			return errAnew
		}
	}
	if err := s.index.Append(ctx, plan); err != nil {
		return err
	}
	var after turn
	err = s.commit(ctx, w, plan, answered(plan, v), func(tx tx, next *store.Window) (err error) {
		advance(next, page, s.Now())
		if err := store.SaveWindow(ctx, tx, *next); err != nil {
			return err
		}
		if again {
			if err := store.Rewind(ctx, tx, next); err != nil {
				return err
			}
		}
		if err := s.afterPage(ctx, tx, next, page.Next == "" && !again, v); err != nil {
			return err
		}
		after, err = s.takeIn(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	s.next = &after
	p.Read(plan.Seen, again)
	return nil
}

// commit stores what a plan has put into the log, together with the progress of its
// window.
func (s *session) commit(ctx context.Context, w *store.Window, plan *ledger.Plan, answered []string, progress func(tx tx, next *store.Window) error) error {
	next := *w
	plan.Count(&next.Counts)
	err := s.Store.Guarded(ctx, s.lease, func(tx tx) (err error) {
		if err := s.index.Commit(ctx, tx, plan); err != nil {
			return err
		}
		if s.lease.Suspected {
			if err := store.ClearSuspects(ctx, tx, s.lease.Target, plan.Of.Kind, answered); err != nil {
				return err
			}
		}
		return progress(tx, &next)
	})
	if err != nil {
		return fmt.Errorf("store a page: %w", err)
	}
	s.index.Committed(plan)
	s.unstored = false
	*w = next
	s.lease.Failures, s.lease.NotBefore = 0, nil
	return nil
}

// afterPage stores what follows a page that was read: the end of a streak of
// failures, and the outcome when the window was read to its end.
func (s *session) afterPage(ctx context.Context, tx tx, w *store.Window, complete bool, v absence.Verdict) error {
	if w.Failures > 0 {
		if err := store.RestSource(ctx, tx, s.lease.Target, w.Source, 0, nil); err != nil {
			return err
		}
		w.Failures = 0
	}
	if s.lease.Failures > 0 {
		t := s.lease.Target
		t.Failures, t.NotBefore = 0, nil
		if err := store.SetFailures(ctx, tx, t); err != nil {
			return err
		}
	}
	if !complete {
		return nil
	}
	if err := s.pursue(ctx, tx, *w, v.Suspects); err != nil {
		return err
	}
	if err := s.outcomes.cover(ctx, tx, *w, v); err != nil {
		return err
	}
	o := report.Outcome{Status: events.SyncSuccess}
	if v.Mass {
		o = report.Outcome{Status: events.SyncPartial, Error: failure("suspicious_absence",
			"The provider left out so many known records that none is taken as removed; if it still does once ABSENCE_CONFIRM is over (a day by default), they are.")}
	} else if w.Counts.Rejected > 0 {
		o = report.Outcome{Status: events.SyncPartial, Error: failure("records_rejected",
			"Some records were not understood, or are larger than the log takes. The log keeps those not understood, and the projector's failures name them; messages of the poller name those too large.")}
	} else if !w.Confirms && !w.Deep && w.Span.To.After(w.RequestedAt.Add(-presentDay)) {
		if err := store.SetSynced(ctx, tx, s.lease.Target, s.Now()); err != nil {
			return err
		}
	}
	return s.outcomes.finish(ctx, tx, w, o)
}

// answered are the records about which there is no more suspicion.
func answered(plan *ledger.Plan, v absence.Verdict) []string {
	ids := slices.Clone(plan.Seen)
	for _, x := range v.Removals {
		ids = append(ids, x.ExternalID)
	}
	return ids
}

// advance moves a window past a page.
func advance(w *store.Window, page provider.Page, now time.Time) {
	w.Counts.Pages++
	w.Cursor, w.CursorAt = page.Next, &now
	from := w.CoveredFrom
	switch {
	case page.Next == "":
		w.CursorAt = nil
		from = &w.Span.From
	case !page.Oldest.IsZero() && page.Oldest.Before(w.Span.To):
		// Another record that began at the same moment may be on the next page.
		at := page.Oldest.Add(time.Microsecond)
		if at.Before(w.Span.From) {
			at = w.Span.From
		}
		if from == nil || at.Before(*from) {
			from = &at
		}
	}
	w.CoveredFrom = from
	if to, ok := resume(*w, page); ok {
		w.Cursor, w.CursorAt, w.PassTo = "", nil, to
	}
}

// resume says where the reading goes on anew: nothing that vanishes above can make
// the list move there, as it can under a cursor.
func resume(w store.Window, page provider.Page) (to time.Time, ok bool) {
	if page.Next == "" || page.Resume.IsZero() {
		return to, false
	}
	to = page.Resume.UTC().Truncate(time.Microsecond)
	if !to.After(w.Span.From) {
		to = w.Span.From.Add(time.Microsecond)
	}
	return to, to.Before(w.PassTo)
}
