// Package health says whether a process can do its work: what it stands on, and
// how far it is behind. It serves that, and the metrics, to operators and
// orchestrators. Nothing of it names a person or holds a secret.
package health

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus"
)

// Timeout is how long a dependency may take to answer before it counts as down.
const Timeout = 2 * time.Second

// silent is what is said of a dependency that does not answer.
const silent = "does not answer"

// OK is what a dependency says that has nothing else to say.
const OK = "ok"

// Check is one dependency.
type Check struct {
	Name string // short, as operators see it
	// Probe gives a few words on how it stands; an error means that it does not
	// work. The error's text is logged and not shown, but for the words of a Fault.
	Probe func(ctx context.Context) (says string, err error)
	// Notice shows what the check says to everybody who asks, unless it says OK: it is
	// no reason to be taken out of service, and an operator has to know.
	Notice bool
	// Detail is asked and shown only with ?verbose, and is no reason to be taken out of
	// service.
	Detail bool
}

// Fault is an error with words that everybody may read.
type Fault struct {
	Says string // what is wrong, and what to do
	Err  error
}

func (f Fault) Error() string { return f.Err.Error() }

// Unwrap implements errors.Unwrap.
func (f Fault) Unwrap() error { return f.Err }

// Database asks whether the database answers.
func Database(pool *pgxpool.Pool) Check {
	return Check{Name: "database", Probe: func(ctx context.Context) (string, error) { return OK, pool.Ping(ctx) }}
}

// NATS asks whether the connection's server answers.
func NATS(b *bus.Bus) Check {
	return Check{Name: "nats", Probe: func(ctx context.Context) (string, error) { return OK, b.Conn().FlushWithContext(ctx) }}
}

// What helps a log that takes no writes: on a NATS server of one's own, and on an
// embedded one.
const (
	RestartNATS     = "free disk space where NATS keeps its streams, then restart NATS"
	NATSRestartsOwn = "free disk space in the data directory; NATS then starts again by itself"
)

// Log asks whether streams took what the services of this process wrote last; advice
// is what helps when they did not.
func Log(buses func() []*bus.Bus, advice string) Check {
	return Check{Name: "log", Probe: func(context.Context) (string, error) {
		for _, b := range buses() {
			for _, r := range b.Refusals() {
				return "", Fault{
					Says: "takes no writes since " + r.Since.UTC().Format(time.RFC3339) + ": " + advice,
					Err:  fmt.Errorf("stream %s does not take what is written", r.Stream),
				}
			}
		}
		return OK, nil
	}}
}

// Consumers asks whether the server has every durable that the services of this
// process read from.
func Consumers(buses func() []*bus.Bus) Check {
	return Check{Name: "consumers", Probe: func(context.Context) (string, error) {
		for _, b := range buses() {
			for _, m := range b.MissingConsumers() {
				return "", Fault{
					Says: m.Consumer + " on " + m.Stream + " is missing since " + m.Since.UTC().Format(time.RFC3339) +
						": somebody deleted it; it is declared again by itself as soon as NATS takes it",
					Err: fmt.Errorf("NATS does not have consumer %s on %s", m.Consumer, m.Stream),
				}
			}
		}
		return OK, nil
	}}
}
