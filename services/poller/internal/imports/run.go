package imports

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// redo is how often a page is compared again because somebody else wrote.
	redo = 20
	// saveEvery is how old a stored progress may be: people look at it, and nothing
	// else depends on it.
	saveEvery = 500 * time.Millisecond
)

// run is one import at work.
type run struct {
	*Runner
	lease   *lease
	known   *knowledge
	tally   *tally
	began   time.Time
	saved   time.Time // when the progress was last stored
	total   int64
	log     *ledger.Log
	atBytes int64
	show    func(Report)
}

// bringIn reads the export to its end and publishes what the log does not know.
func (r *run) bringIn(ctx context.Context, export provider.Export) (Report, error) {
	r.total = export.Size()
	if err := r.readLog(ctx); err != nil {
		return Report{}, err
	}
	beside := export.Contexts()
	r.known.addContexts(beside)
	err := inPages(ctx, export, func(p page) error { return r.bring(ctx, p.records) })
	if err == nil {
		err = r.settle(ctx)
	}
	if err == nil {
		err = r.note(ctx, beside)
	}
	if err == nil {
		err = r.bringRoutes(ctx, export)
	}
	if err != nil {
		return r.report(r.tally.report()), err
	}
	r.atBytes = r.total
	return r.report(r.tally.complete(export.Report())), nil
}

// readLog brings what is known up to the end of the log.
func (r *run) readLog(ctx context.Context) error {
	return r.log.Read(ctx, func(d bus.Delivery) error {
		r.known.read(d)
		return nil
	})
}

// bring compares a page with what is known and publishes what is new. Whoever else
// writes at the same moment makes it compare again.
func (r *run) bring(ctx context.Context, page []record) error {
	var p plan
	err := r.write(ctx, func() (facts []events.Event, err error) {
		p, err = r.compare(ctx, page)
		return p.facts, err
	}, func(i int, sequence uint64) {
		at := p.of[i]
		r.known.published(&page[at], p.outcomes[at], sequence)
	})
	if err != nil {
		return err
	}
	for i, x := range page {
		if o := p.outcomes[i]; o == tooLarge {
			r.tally.skip(x)
		} else {
			r.tally.add(x, o)
		}
		r.known.see(x.ExternalID)
		r.atBytes = max(r.atBytes, x.Read)
	}
	return r.showProgress(ctx)
}

// write publishes the facts that list gives, and calls done with the sequence of
// each. When the log turns out to know more, it is read on and list is asked again.
func (r *run) write(ctx context.Context, list func() ([]events.Event, error), done func(i int, sequence uint64)) error {
	var err error
	for range redo {
		var facts []events.Event
		if facts, err = list(); err != nil {
			return err
		}
		if len(facts) == 0 {
			return nil
		}
		if err = r.publish(ctx, facts, done); err == nil {
			return nil
		}
		if !ledger.Behind(err) {
			return err
		}
		r.Log.DebugContext(ctx, "somebody else wrote the log; comparing again", "import_id", r.lease.ID)
		// An erasure writes, too, and must find nothing new behind it.
		if err := r.lease.renew(ctx); err != nil {
			return err
		}
		if err := r.readLog(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("compared %d times and somebody else always wrote first: %w", redo, err)
}

// publish puts facts into the log. What a part before a failure published is found in
// the log again.
func (r *run) publish(ctx context.Context, facts []events.Event, done func(i int, sequence uint64)) error {
	if r.lease.DryRun {
		for i := range facts {
			done(i, math.MaxUint64)
		}
		return nil
	}
	// Not cut off half-way: whoever waits for the lease must find all that was written.
	return r.log.Write(context.WithoutCancel(ctx), facts, ledger.Around{
		Before: func() error {
			if r.lease.expired() {
				return store.ErrFenced
			}
			return context.Cause(ctx)
		},
		After: func(at, n int, first uint64) error {
			for i := range n {
				done(at+i, first+uint64(i)) //nolint:gosec // an index of a page
			}
			return hook.Call(r.Hooks.Published)
		},
	})
}

func (r *run) event(about string, data events.Data, id string) events.Event {
	return events.Event{
		ID: id, Source: report.Source, About: about, Time: *r.lease.StartedAt,
		Provider: r.lease.Provider, UserID: r.lease.UserID, TraceParent: r.lease.Trace, Data: data,
	}
}

func (r *run) removal(externalID string, replaces uint64) events.Event {
	return r.event(externalID, &events.ActivityRemoved{
		UserID: r.lease.UserID, Provider: r.lease.Provider, ExternalID: externalID, ReplacesSequence: replaces,
		Origin: events.OriginImport, Proof: events.RemovedSuperseded, RemovedAt: *r.lease.StartedAt,
	}, events.ActivityFactID(events.TypeActivityRemoved, r.lease.UserID, r.lease.Provider, externalID, replaces, ""))
}

// showProgress shows how far the import is, and stores it from time to time.
func (r *run) showProgress(ctx context.Context) error {
	stands := r.report(r.tally.report())
	if r.show != nil {
		r.show(stands)
	}
	if time.Since(r.saved) < saveEvery {
		return nil
	}
	r.saved = time.Now()
	return r.lease.save(ctx, stands)
}

func (r *run) report(t Report) Report {
	t.Elapsed = time.Since(r.began)
	t.Progress = Progress{BytesRead: r.atBytes, BytesTotal: r.total}
	if seconds := t.Elapsed.Seconds(); seconds > 0 {
		t.Progress.RecordsPerSecond = float64(t.Counts.Found) / seconds
	}
	return t
}
