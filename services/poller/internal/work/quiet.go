package work

import (
	"context"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
	"github.com/stridelog/stridelog/services/poller/internal/call"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// quiet finds out which of some leases have nothing to do but scans that may find
// nothing, and takes their requests off the budgets. The others go the usual way, and so
// do all when the database does not answer.
func (l *looking) quiet(ctx context.Context, leases []store.Lease) map[store.LeaseKey]*store.Quiet {
	var list []store.Lease
	of := map[store.LeaseKey]store.Lease{}
	for _, x := range leases {
		if l.calm(x) {
			list, of[x.Key()] = append(list, x), x
		}
	}
	if len(list) == 0 {
		return nil
	}
	now := l.Now()
	found, err := l.Store.Quiet(ctx, list, now)
	asks := map[store.LeaseKey]store.Ask{}
	for key, q := range found {
		if !l.readable(of[key], q) {
			delete(found, key)
			continue
		}
		asks[key] = l.Callers.For(of[key], l.Connectors[key.Provider]).Ask(events.TriggerScheduled, len(q.Scans))
	}
	if err == nil {
		err = l.Store.TakeQuiet(ctx, now, found, asks)
	}
	if err != nil {
		l.Log.WarnContext(ctx, "could not look for scans that may find nothing; each is done by itself", "error", err)
		return nil
	}
	return found
}

// calm says whether a lease has nothing that is to be told or ended when the provider
// answers.
func (l *looking) calm(x store.Lease) bool {
	return l.Connectors[x.Provider] != nil && !x.Routes && !x.Expired && !x.Suspected && x.Failures == 0 && x.Trouble == (store.Trouble{})
}

// readable says whether this process can read all that is due of a lease, and whether
// nothing has to be said when it ends well.
func (l *looking) readable(x store.Lease, q *store.Quiet) bool {
	granted := map[string]bool{}
	for _, of := range l.Catalog.Of(x.Provider, x.Scopes) {
		granted[of.Name] = of.Granted
	}
	for _, scan := range q.Scans {
		source, ok := l.Connectors[x.Provider].Source(scan.Source)
		// What is read beside a scan is what the index has of activities.
		if !ok || scan.Kind != store.KindActivity || source.List == nil || !granted[scan.Source] || scan.LastOutcome != "" && scan.LastOutcome != string(events.SyncSuccess) {
			return false
		}
	}
	return true
}

// listed is the first page of a scan, read before its window was made.
type listed struct {
	span events.Window
	page provider.Page
	err  error
}

// scan reads what is due of a lease without a window, and says whether all of it showed
// nothing but what is known. Otherwise the windows are made as of the same instant, and
// begin with what was read here.
func (s *session) scan(ctx context.Context, q *store.Quiet) (nothing bool, err error) {
	s.caller.Hold(q.Taken)
	defer s.caller.Tell(ctx)
	for _, x := range q.Scans {
		source, _ := s.connector.Source(x.Source)
		var found bool
		err := s.traced(ctx, "read a page", store.Window{Provider: s.lease.Provider, Trigger: events.TriggerScheduled}, func(ctx context.Context) error {
			var got listed
			got.span = x.Span
			got.page, got.err = s.caller.List(ctx, call.Purpose(events.TriggerScheduled), source, provider.ListRequest{Window: x.Span})
			s.listed[x.Source] = got
			if got.err != nil || got.page.Next != "" {
				found = true
				return ctx.Err()
			}
			known, err := ledger.Unchanged(got.page, x.Known, source)
			shown := map[string]bool{}
			for _, r := range got.page.Records {
				shown[r.ExternalID] = true
			}
			found = !known || source.ProvesAbsence && !x.Shown(s.lease.AccountID, absence.Expected(x.Span), func(id string) bool { return shown[id] })
			return err
		})
		if err != nil {
			return false, err
		}
		if found {
			s.asOf = x.Span.To
			return false, nil
		}
	}
	s.quietEnd = &store.QuietEnd{Lease: s.hold.lease, Quiet: q, Quotas: s.caller.News()}
	return true, hook.Call(s.Hooks.Fetched)
}

// list reads the next page of a window.
func (s *session) list(ctx context.Context, w store.Window) (provider.Page, error) {
	got, ok := s.listed[w.Source]
	delete(s.listed, w.Source)
	if ok && w.Trigger == events.TriggerScheduled && !w.Deep && !w.Confirms && w.AtStart() && w.Span.From.Equal(got.span.From) && w.Span.To.Equal(got.span.To) {
		return got.page, got.err
	}
	return s.caller.List(ctx, purpose(w), s.source(w), provider.ListRequest{Window: w.Pass(), Cursor: w.Cursor})
}

// endQuiet stores that scans found nothing and gives their leases back.
func (p *Pool) endQuiet(ctx context.Context, ends []store.QuietEnd) (time.Time, error) {
	for _, e := range ends {
		e.Quiet.MoveOn(p.Schedule, p.Catalog.Of(e.Lease.Provider, e.Lease.Scopes), p.Now())
	}
	next, err := p.Store.EndQuiet(ctx, ends, p.Now())
	if err != nil {
		return next, err
	}
	for _, e := range ends {
		for range e.Quiet.Scans {
			p.Metrics.runs.WithLabelValues(e.Lease.Provider, events.TriggerScheduled, string(events.SyncSuccess)).Inc()
		}
	}
	return next, nil
}
