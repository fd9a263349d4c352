package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// patience is how long a database that is away is waited for, from the first
// failure on.
const patience = 30 * time.Second

// Patiently calls fn until it succeeds, fails for another reason than that the
// database is away, or the database has been away for 30 s. It is for what a
// service does once, at its start; fn must be safe to repeat. The log, which may be
// nil, hears once that somebody waits.
func Patiently(ctx context.Context, log *slog.Logger, fn func(ctx context.Context) error) error {
	var end time.Time
	for pause := reconnectFirst; ; pause = min(2*pause, reconnectMost) {
		err := fn(ctx)
		switch {
		case err == nil, !Away(err), ctx.Err() != nil:
			return err
		case end.IsZero():
			end = time.Now().Add(patience)
			if log != nil {
				log.Warn("the database is away; waiting for it", "at_most", patience, "error", err)
			}
		case time.Now().After(end):
			return fmt.Errorf("the database was away for %v: %w", patience, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// The server's words for being away, from PostgreSQL's appendix A (error codes).
const (
	codeAdminShutdown    = "57P01"
	codeCrashShutdown    = "57P02"
	codeCannotConnectNow = "57P03" // it starts, stops or recovers
)

// Away says whether an error may be over soon: nobody listens, nobody answers, a
// connection was lost, or the server says that it is not up. Whatever else the
// server says (a wrong password, no such database) stays as it is.
func Away(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code == codeAdminShutdown || answer.Code == codeCrashShutdown || answer.Code == codeCannotConnectNow
	}
	var network *net.OpError
	var name *net.DNSError // a container that has not started has no name yet
	return errors.As(err, &network) || errors.As(err, &name) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}
