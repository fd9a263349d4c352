package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// cursorFresh is how long a provider's cursor is trusted. An older one may name
	// a place that the list has moved away from.
	cursorFresh = 10 * time.Minute
	// redo is how often a page is compared again when the log knew some of it.
	redo = 3
)

// page reads one page of a window and puts what is new into the log, then into the
// index together with the window's progress.
func (s *session) page(ctx context.Context, w store.Window, tokens <-chan token) error {
	t, err := s.accessToken(ctx, tokens)
	if err != nil {
		return s.noToken(ctx, w, err)
	}
	if err := s.settle(ctx, &w); err != nil {
		return err
	}
	p := s.passes.Of(w.ID, w.AtStart(), s.Now())
	page, err := s.fetch(ctx, w, t)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return s.fetchFailed(ctx, w, err)
	}
	if err := hook.Call(s.Hooks.Fetched); err != nil {
		return err
	}
	if err := s.well(ctx); err != nil {
		return err
	}
	for range redo {
		err = s.keep(ctx, &w, page, p)
		switch {
		case err == nil:
			return hook.Call(s.Hooks.Committed)
		case errors.Is(err, errDuplicate):
			// An earlier attempt got through although it seemed to fail.
			found, err := s.catchUp(ctx)
			if err != nil {
				return err
			}
			r := found[w.ID]
			w.Counts.New, w.Counts.Changed, w.Counts.Seen = w.Counts.New+r.created, w.Counts.Changed+r.changed, w.Counts.Seen+r.created+r.changed
			w.Counts.Removed += r.removed
		case errors.Is(err, errWrongSequence):
			s.log.InfoContext(ctx, "somebody else wrote the log; dropping the lease")
			return errDone
		default:
			return err
		}
	}
	return err
}

// The bus's words for a log that knows more than we do.
var (
	errDuplicate     = bus.ErrDuplicate
	errWrongSequence = bus.ErrWrongLastSequence
)

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

// keep compares a page with the index, publishes what differs and stores the progress.
func (s *session) keep(ctx context.Context, w *store.Window, page provider.Page, p *absence.Pass) error {
	d, err := s.compare(ctx, *w, page, p)
	if err != nil {
		return err
	}
	if err := s.supersede(ctx, *w, &d); err != nil {
		return err
	}
	if _, anew := resume(*w, page); page.Positional && page.Next != "" && !anew {
		p.Moved()
	}
	d.again = page.Next == "" && p.Repeats(d.seen)
	if page.Next == "" && !d.again {
		if d.verdict, err = s.judge(ctx, *w, p, d.seen); err != nil {
			return err
		}
		for _, x := range d.verdict.Removals {
			d.add(s.removal(*w, x, events.RemovedTwiceGone))
			s.log.InfoContext(ctx, "a record is gone from the provider", "external_id", x.ExternalID, "sync_id", w.ID)
		}
	}
	if err := s.publishAll(ctx, w, &d, &page); err != nil {
		return err
	}
	p.Read(d.seen, d.again)
	return nil
}

// publishAll publishes a page in parts of what the log takes at once. Only the last
// of them moves the cursor.
func (s *session) publishAll(ctx context.Context, w *store.Window, d *difference, page *provider.Page) error {
	for {
		part, last := d, page
		if len(d.facts) > s.most {
			part, last = &difference{facts: d.facts[:s.most], versions: d.versions[:s.most]}, nil
		}
		err := s.publish(ctx, w, part, last)
		switch n := len(part.facts); {
		case errors.Is(err, bus.ErrPageTooLong) && n > 1:
			s.most = n / 2
		case err != nil || last != nil:
			return err
		default:
			d.facts, d.versions = d.facts[n:], d.versions[n:]
		}
	}
}

// publish puts one part of a page into the log and then into the database. The
// whole page is given with its last part.
func (s *session) publish(ctx context.Context, w *store.Window, d *difference, page *provider.Page) error {
	last := s.lease.IndexSequence
	if len(d.facts) > 0 {
		if s.expired() {
			return store.ErrFenced
		}
		first, end, err := s.Bus.PublishPage(ctx, d.facts, bus.Expect{
			Subjects: events.ActivitySubjects(s.lease.Provider, s.lease.UserID), LastSequence: last,
		})
		if err != nil {
			return err
		}
		for i := range d.facts {
			d.versions[i].Sequence = first + uint64(i)
		}
		last = end
		s.Metrics.published.WithLabelValues(s.lease.Provider).Add(float64(len(d.facts)))
		if err := hook.Call(s.Hooks.Published); err != nil {
			return err
		}
	}
	routes := routeFold{getter: routesOf(s.connector)}
	for i, e := range d.facts {
		routes.add(e.Data, d.versions[i].Sequence)
	}
	next := *w
	d.addTo(&next.Counts)
	if page != nil {
		advance(&next, *page, s.Now())
	}
	var after turn
	err := s.Store.Guarded(ctx, s.lease, func(tx tx) (err error) {
		if err := store.PutIndex(ctx, tx, s.lease.Target, append(d.versions, d.rehashed...), s.lease.StreamEpoch, last); err != nil {
			return err
		}
		if err := routes.apply(ctx, tx, s.lease.Target, s.Now()); err != nil {
			return err
		}
		if err := store.SaveWindow(ctx, tx, next); err != nil {
			return err
		}
		if s.lease.Suspected {
			if err := store.ClearSuspects(ctx, tx, s.lease.Target, d.answered()); err != nil {
				return err
			}
		}
		if page == nil {
			return nil
		}
		if d.again {
			if err := store.Rewind(ctx, tx, &next); err != nil {
				return err
			}
		}
		if err := s.afterPage(ctx, tx, &next, page.Next == "" && !d.again, d.verdict); err != nil {
			return err
		}
		after, err = s.takeIn(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("store a page: %w", err)
	}
	if page != nil {
		s.next = &after
	}
	*w = next
	s.lease.IndexSequence = last
	s.lease.Failures, s.lease.NotBefore = 0, nil
	return nil
}
