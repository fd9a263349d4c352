// Package health says whether a process can do its work: what it stands on, and
// how far it is behind. It serves that, and the metrics, to operators and
// orchestrators. Nothing of it names a person or holds a secret.
package health

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus"
)

// Timeout is how long a dependency may take to answer before it counts as down.
const Timeout = 2 * time.Second

// OK is what a dependency says that has nothing else to say.
const OK = "ok"

// Check is one dependency.
type Check struct {
	Name string // short, as operators see it
	// Probe gives a few words on how it stands; an error means that it does not
	// work. The error's text is logged and not shown.
	Probe func(ctx context.Context) (says string, err error)
	// Notice shows what the check says to everybody who asks, unless it says OK: it is
	// no reason to be taken out of service, and an operator has to know.
	Notice bool
}

// Database asks whether the database answers.
func Database(pool *pgxpool.Pool) Check {
	return Check{Name: "database", Probe: func(ctx context.Context) (string, error) { return OK, pool.Ping(ctx) }}
}

// NATS asks whether the connection's server answers.
func NATS(b *bus.Bus) Check {
	return Check{Name: "nats", Probe: func(ctx context.Context) (string, error) { return OK, b.Conn().FlushWithContext(ctx) }}
}

// Report is how the dependencies stand.
type Report struct {
	Ready bool
	// Says has a few words about each check, by its name.
	Says map[string]string
	// Notices has those of Says that everybody is shown.
	Notices map[string]string
	// Err holds what the failed checks said, for the log.
	Err error
}

// Ask probes all checks at once, for Timeout at most.
func Ask(ctx context.Context, checks []Check) Report {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	r := Report{Ready: true, Says: map[string]string{}, Notices: map[string]string{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, c := range checks {
		all.Go(func() {
			says, err := c.Probe(ctx)
			mu.Lock()
			defer mu.Unlock()
			r.Says[c.Name] = says
			if c.Notice && says != OK {
				r.Notices[c.Name] = says
			}
			if err != nil {
				r.Ready, r.Says[c.Name] = false, "does not answer"
				r.Err = errors.Join(r.Err, fmt.Errorf("%s does not answer: %w", c.Name, err))
			}
		})
	}
	all.Wait()
	return r
}

// Lags adds to what a report says how far the consumers of a process are behind.
// Being behind is no reason to be taken out of service.
func (r Report) Lags(ctx context.Context, buses ...*bus.Bus) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	for _, b := range buses {
		lags, err := b.Lags(ctx)
		for _, l := range lags {
			r.Says["consumer "+l.Consumer] = fmt.Sprintf("%d events behind, the oldest for %s", l.Pending, l.Behind.Round(time.Second))
		}
		if err != nil {
			r.Says["consumers"] = "not all tell how far they are"
		}
	}
}
