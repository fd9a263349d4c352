package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	reconnectFirst = 50 * time.Millisecond
	reconnectMost  = 5 * time.Second
)

// Listen subscribes to a NOTIFY channel on a connection of its own, beside the
// pool. The returned channel holds at most one wake-up: many notifications make
// one. A wake-up also follows each connect and reconnect, since notifications
// sent without a connection are lost; so whoever looks at its table at every
// wake-up misses nothing. The first connect waits up to 30 s for a database that is
// away. The channel is closed when ctx ends.
func Listen(ctx context.Context, pool *pgxpool.Pool, channel string) (<-chan struct{}, error) {
	l := &listener{
		config: pool.Config().ConnConfig,
		listen: "LISTEN " + pgx.Identifier{channel}.Sanitize(),
		wake:   make(chan struct{}, 1),
	}
	var conn *pgx.Conn
	err := Patiently(ctx, nil, func(ctx context.Context) (err error) {
		conn, err = l.connect(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on channel %s: %w", channel, err)
	}
	go l.run(ctx, conn)
	return l.wake, nil
}

type listener struct {
	config *pgx.ConnConfig
	listen string
	wake   chan struct{}
}

func (l *listener) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, l.listen); err != nil {
		hangUp(conn)
		return nil, err
	}
	l.signal()
	return conn, nil
}

func (l *listener) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // one is waiting already
	}
}

func (l *listener) run(ctx context.Context, conn *pgx.Conn) {
	defer close(l.wake)
	for conn != nil {
		l.follow(ctx, conn)
		conn = l.reconnect(ctx)
	}
}

// follow passes notifications on until the connection is lost.
func (l *listener) follow(ctx context.Context, conn *pgx.Conn) {
	defer hangUp(conn)
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return
		}
		l.signal()
	}
}

// reconnect tries until it has a connection; nil means that ctx ended.
func (l *listener) reconnect(ctx context.Context) *pgx.Conn {
	for wait := reconnectFirst; ctx.Err() == nil; wait = min(2*wait, reconnectMost) {
		if conn, err := l.connect(ctx); err == nil {
			return conn
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait)):
		}
	}
	return nil
}

// hangUp closes a connection that may be dead already; there is nobody who
// could use the error.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
