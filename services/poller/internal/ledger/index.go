package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/intake"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

type tx = pgx.Tx

// Reader takes in the facts of a stretch of the log, in their order, and stores what it
// makes of them together with the stretch's line in the index.
type Reader interface {
	Add(data events.Data, sequence uint64)
	Apply(ctx context.Context, tx pgx.Tx, t store.Target, now time.Time) error
}

// Config is what the indexes of all persons share. All of it is required.
type Config struct {
	Store       *store.Store
	Bus         *bus.Bus
	Kinds       events.KindTable
	Normalizers provider.Normalizers // for when a record of an export is the provider's
	Now         func() time.Time
	// Published is called when n facts are in the log and the database does not know
	// it yet.
	Published func(provider string, n int) error
	// Attachments makes what is kept of the attachments in a stretch of the log.
	Attachments func(*provider.Connector) Reader
}

// Holder is a worker with the lease on a target.
type Holder struct {
	Log       *slog.Logger
	Target    store.Target
	Connector *provider.Connector // nil when the provider is not configured
	Epoch     string              // of the log that the index was made from; empty for none
	Known     store.Sequences     // up to which the index knows it
	// Held fails when the lease may be somebody else's by now.
	Held func() error
	// Guarded runs a function in a transaction in which the lease is still held.
	Guarded func(ctx context.Context, fn func(tx pgx.Tx) error) error
}

// Index is what is known of the log of one person at one provider. It is written by
// the holder of the lease, and is not for concurrent use.
type Index struct {
	Config
	Holder
	logs     map[events.Fence]*Log
	imported map[string]bool // whether only imports know some record of a kind, where that was looked up
}

// Of gives the index of the holder's target.
func (c Config) Of(h Holder) *Index {
	x := &Index{Config: c, Holder: h, logs: map[events.Fence]*Log{}, imported: map[string]bool{}}
	for _, f := range events.Fences() {
		x.logs[f] = Open(c.Bus, f, h.Target.Provider, h.Target.UserID, *h.Known.At(f))
	}
	return x
}

// followed is how many facts one transaction applies to the index.
const followed = 1000

// fences are those in which the records of the connector's sources lie.
func (x *Index) fences() []events.Fence {
	var all []events.Fence
	for _, f := range events.Fences() {
		for i := range x.sources() {
			kind, known := x.Kinds.Find(x.Connector.Sources[i].Kind)
			if known && kind.Fence() == f {
				all = append(all, f)
				break
			}
		}
	}
	return all
}

func (x *Index) sources() []provider.Source {
	if x.Connector == nil {
		return nil
	}
	return x.Connector.Sources
}

// Follow brings the index to the end of the log, in every fence in which the sources of
// the connector have records. It gives what it found
// of syncs whose facts the database had not heard of, and fails with ErrRestored when
// the log is not the one the index was made from.
func (x *Index) Follow(ctx context.Context) (map[Work]Recovered, error) {
	epoch, err := x.Bus.Epoch(ctx, events.StreamFacts)
	if err != nil {
		return nil, err
	}
	if x.Epoch != "" && x.Epoch != epoch {
		return nil, intake.ErrRestored
	}
	x.Epoch = epoch
	found := map[Work]Recovered{}
	for _, f := range x.fences() {
		if err := x.follow(ctx, f, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (x *Index) follow(ctx context.Context, fence events.Fence, found map[Work]Recovered) error {
	l, known := x.logs[fence], x.Known.At(fence)
	end, err := l.end(ctx)
	if err != nil {
		return err
	}
	if end < *known {
		return intake.ErrRestored
	}
	l.last = *known
	if end == *known {
		return nil
	}
	clear(x.imported)
	stretch, beside := newFold(x.Kinds), x.Attachments(x.Connector)
	apply := func() error {
		if stretch.last == 0 {
			return nil
		}
		for w, r := range stretch.syncs {
			found[w] = found[w].plus(r)
		}
		err := x.store(ctx, fence, stretch, beside)
		stretch, beside = newFold(x.Kinds), x.Attachments(x.Connector)
		return err
	}
	err = l.Read(ctx, func(d bus.Delivery) error {
		stretch.add(d.Event.Data, d.Sequence)
		beside.Add(d.Event.Data, d.Sequence)
		if stretch.count < followed {
			return nil
		}
		return apply()
	})
	if err != nil {
		return fmt.Errorf("bring the index up to the log: %w", err)
	}
	return apply()
}

func (x *Index) store(ctx context.Context, fence events.Fence, f fold, beside Reader) error {
	upTo := x.Known
	*upTo.At(fence) = f.last
	err := x.Guarded(ctx, func(tx tx) error {
		for w, r := range f.syncs {
			if err := store.CountRecovered(ctx, tx, w.SyncID, w.Of, r.New, r.Changed, r.Removed); err != nil {
				return err
			}
		}
		if err := beside.Apply(ctx, tx, x.Target, x.Now()); err != nil {
			return err
		}
		return store.PutIndex(ctx, tx, x.Target, f.list(), x.Epoch, upTo)
	})
	if err == nil {
		x.Known = upTo
	}
	return err
}

// Append puts what a plan holds beyond what is known into the log. See Log.Write for
// its errors: after Behind, follow and plan again.
func (x *Index) Append(ctx context.Context, p *Plan) error {
	if len(p.facts) == 0 {
		return nil
	}
	return x.logs[p.fence].Write(ctx, p.facts, Around{
		Before: x.Held,
		After: func(at, n int, first uint64) error {
			for i := range n {
				p.versions[at+i].Sequence = first + uint64(i) //nolint:gosec // an index of a page
			}
			return x.Published(x.Target.Provider, n)
		},
	})
}

// Commit stores in the index what a plan has put into the log. The caller stores in the
// same transaction how far the work has come, and calls Committed after it.
func (x *Index) Commit(ctx context.Context, tx pgx.Tx, p *Plan) error {
	if len(p.facts) == 0 && len(p.rehashed) == 0 {
		return nil
	}
	beside := x.Attachments(x.Connector)
	known := p.rehashed
	for i, e := range p.facts {
		beside.Add(e.Data, p.versions[i].Sequence)
		if !p.attached {
			known = append(known, p.versions[i])
		}
	}
	upTo := x.Known
	*upTo.At(p.fence) = x.logs[p.fence].last
	if err := store.PutIndex(ctx, tx, x.Target, known, x.Epoch, upTo); err != nil {
		return err
	}
	return beside.Apply(ctx, tx, x.Target, x.Now())
}

// Committed notes that the transaction of Commit is stored.
func (x *Index) Committed(p *Plan) {
	if len(p.facts) > 0 {
		*x.Known.At(p.fence) = x.logs[p.fence].last
	}
}
