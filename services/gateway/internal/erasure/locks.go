package erasure

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// lockTimeout bounds asking for a lock and letting go of it.
const lockTimeout = 10 * time.Second

// locks keeps several processes from working on one erasure at once. The locks are those
// of a database session of their own, so that a crash releases them and the pool keeps
// its connections. Two that work on one erasure all the same, after the session was
// lost, only repeat each other: every step may be repeated.
type locks struct {
	db   *pgxpool.Pool
	mu   sync.Mutex
	conn *pgx.Conn
}

func (l *locks) take(ctx context.Context, id uuid.UUID) (mine bool, err error) {
	err = l.ask(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, id, &mine)
	return mine, err
}

func (l *locks) release(ctx context.Context, id uuid.UUID) {
	var held bool
	// A session that was lost lost the lock with it.
	_ = l.ask(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, id, &held)
}

func (l *locks) ask(ctx context.Context, sql string, id uuid.UUID, answer *bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.conn.IsClosed() {
		if l.conn, err = pgx.ConnectConfig(ctx, l.db.Config().ConnConfig); err != nil {
			return fmt.Errorf("connect for the locks of erasures: %w", err)
		}
	}
	if err := l.conn.QueryRow(ctx, sql, "stridelog erasure "+id.String()).Scan(answer); err != nil {
		return fmt.Errorf("lock an erasure: %w", err)
	}
	return nil
}

// close ends the session, and with it every lock.
func (l *locks) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockTimeout)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close(ctx)
		l.conn = nil
	}
}
