package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
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
	if w.Cursor != "" && (w.CursorAt == nil || s.Now().Sub(*w.CursorAt) > cursorFresh) {
		if err := s.Store.Guarded(ctx, s.lease, func(tx tx) error { return store.RestartWindow(ctx, tx, &w) }); err != nil {
			return err
		}
	}
	page, err := s.fetch(ctx, w, t)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return s.fetchFailed(ctx, w, err)
	}
	if err := call(s.Hooks.Fetched); err != nil {
		return err
	}
	for range redo {
		err = s.keep(ctx, &w, page)
		switch {
		case err == nil:
			return call(s.Hooks.Committed)
		case errors.Is(err, bus.ErrDuplicate):
			// An earlier attempt got through although it seemed to fail.
			found, err := s.catchUp(ctx)
			if err != nil {
				return err
			}
			r := found[w.ID]
			w.Counts.New, w.Counts.Changed, w.Counts.Seen = w.Counts.New+r.created, w.Counts.Changed+r.changed, w.Counts.Seen+r.created+r.changed
		case errors.Is(err, bus.ErrWrongLastSequence):
			s.log.Info("somebody else wrote the log; dropping the lease")
			return errDone
		default:
			return err
		}
	}
	return err
}

// keep compares a page with the index, publishes what differs in pages of what the
// log takes at once, and stores the progress. Only the last of them moves the cursor.
func (s *session) keep(ctx context.Context, w *store.Window, page provider.Page) error {
	d, err := s.compare(ctx, *w, page)
	if err != nil {
		return err
	}
	for len(d.facts) > bus.MaxPage {
		part := difference{facts: d.facts[:bus.MaxPage], versions: d.versions[:bus.MaxPage], created: min(d.created, bus.MaxPage)}
		if err := s.publish(ctx, w, &part, nil); err != nil {
			return err
		}
		d.facts, d.versions, d.created = d.facts[bus.MaxPage:], d.versions[bus.MaxPage:], d.created-part.created
	}
	return s.publish(ctx, w, &d, &page)
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
		if err := call(s.Hooks.Published); err != nil {
			return err
		}
	}
	next := *w
	d.addTo(&next.Counts)
	if page != nil {
		advance(&next, *page, s.Now())
	}
	err := s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		if err := store.PutIndex(ctx, tx, s.lease.Target, append(d.versions, d.rehashed...), s.lease.StreamEpoch, last); err != nil {
			return err
		}
		if err := store.SaveWindow(ctx, tx, next); err != nil {
			return err
		}
		if page == nil {
			return nil
		}
		return s.afterPage(ctx, tx, &next, page.Next == "")
	})
	if err != nil {
		return fmt.Errorf("store a page: %w", err)
	}
	*w = next
	s.lease.IndexSequence = last
	s.lease.Failures, s.lease.NotBefore = 0, nil
	return nil
}
