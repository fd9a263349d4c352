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
	Normalizers provider.Normalizers // for when a record of an export is the provider's
	Now         func() time.Time
	// Published is called when n facts are in the log and the database does not know
	// it yet.
	Published func(provider string, n int) error
	// Attachments makes what else is kept of a stretch of the log.
	Attachments func(*provider.Connector) Reader
}

// Holder is whoever holds the lease on a target.
type Holder struct {
	Log       *slog.Logger
	Target    store.Target
	Connector *provider.Connector // nil when the provider is not configured
	Epoch     string              // of the log that the index was made from; empty for none
	Sequence  uint64              // up to which the index knows it
	// Held fails when the lease may be somebody else's by now.
	Held func() error
	// Guarded runs a function in a transaction in which the lease is still held.
	Guarded func(ctx context.Context, fn func(tx pgx.Tx) error) error
}

// Index is what is known of the log of one person at one provider. It is written by
// whoever holds the lease, and is not for concurrent use.
type Index struct {
	Config
	Holder
	writes   *Log
	imported *bool // whether only imports know some record; nil: not looked yet
}

// Of gives the index of the holder's target.
func (c Config) Of(h Holder) *Index {
	return &Index{Config: c, Holder: h, writes: Open(c.Bus, h.Target.Provider, h.Target.UserID, h.Sequence)}
}

// followed is how many facts one transaction applies to the index.
const followed = 1000

// Follow brings the index to the end of the log. It gives what it found of syncs whose
// facts the database had not heard of, and fails with ErrRestored when the log is not
// the one the index was made from.
func (x *Index) Follow(ctx context.Context) (map[string]Recovered, error) {
	epoch, err := x.Bus.Epoch(ctx, events.StreamFacts)
	if err != nil {
		return nil, err
	}
	last, err := x.writes.end(ctx)
	if err != nil {
		return nil, err
	}
	if x.Epoch != "" && x.Epoch != epoch || last < x.Sequence {
		return nil, intake.ErrRestored
	}
	x.Epoch, x.writes.last = epoch, x.Sequence
	if last == x.Sequence {
		return nil, nil
	}
	x.imported = nil
	found := map[string]Recovered{}
	stretch, beside := newFold(), x.Attachments(x.Connector)
	apply := func() error {
		if stretch.last == 0 {
			return nil
		}
		for id, r := range stretch.syncs {
			found[id] = Recovered{found[id].New + r.New, found[id].Changed + r.Changed, found[id].Removed + r.Removed}
		}
		err := x.store(ctx, stretch, beside)
		stretch, beside = newFold(), x.Attachments(x.Connector)
		return err
	}
	err = x.writes.Read(ctx, func(d bus.Delivery) error {
		stretch.add(d.Event.Data, d.Sequence)
		beside.Add(d.Event.Data, d.Sequence)
		if stretch.count < followed {
			return nil
		}
		return apply()
	})
	if err != nil {
		return nil, fmt.Errorf("bring the index up to the log: %w", err)
	}
	return found, apply()
}

func (x *Index) store(ctx context.Context, f fold, beside Reader) error {
	err := x.Guarded(ctx, func(tx tx) error {
		for id, r := range f.syncs {
			if err := store.CountRecovered(ctx, tx, id, r.New, r.Changed, r.Removed); err != nil {
				return err
			}
		}
		if err := beside.Apply(ctx, tx, x.Target, x.Now()); err != nil {
			return err
		}
		return store.PutIndex(ctx, tx, x.Target, f.list(), x.Epoch, f.last)
	})
	if err == nil {
		x.Sequence = f.last
	}
	return err
}

// Append puts what a plan holds beyond what is known into the log. See Log.Write for
// its errors: after Behind, follow and plan again.
func (x *Index) Append(ctx context.Context, p *Plan) error {
	return x.writes.Write(ctx, p.facts, Around{
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
	beside := x.Attachments(x.Connector)
	known := p.rehashed
	for i, e := range p.facts {
		beside.Add(e.Data, p.versions[i].Sequence)
		if p.versions[i].ExternalID != "" {
			known = append(known, p.versions[i])
		}
	}
	if err := store.PutIndex(ctx, tx, x.Target, known, x.Epoch, x.writes.last); err != nil {
		return err
	}
	return beside.Apply(ctx, tx, x.Target, x.Now())
}

// Committed notes that the transaction of Commit is stored.
func (x *Index) Committed() { x.Sequence = x.writes.last }
