package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/services/oauth/internal/seal"
)

// The numbers of the locks that say what a process does with a key. They are the same in
// every process, and of no other meaning.
const (
	seals = 0x534B5345
	opens = 0x534B4F50

	// presencePause is the wait before another session after one that was lost.
	presencePause = time.Second
	// closeTime bounds the end of a session.
	closeTime = 5 * time.Second
)

// Presence says in the database, as long as a process runs, which keys it has: by shared
// locks of a session of its own, which end with the process however that ends.
type Presence struct {
	Log *slog.Logger
	DB  *pgxpool.Pool
	// SealingKey is what the process opens and seals with.
	SealingKey string
}

// Run keeps the locks until ctx ends. A keyset that no rotation can work with is not shown.
func (p Presence) Run(ctx context.Context, ready func()) error {
	keys, err := seal.ParseKeyset(p.SealingKey)
	if err != nil {
		ready()
		<-ctx.Done()
		return nil
	}
	ready = sync.OnceFunc(ready)
	for {
		err := p.hold(ctx, keys, ready)
		if ctx.Err() != nil {
			return nil
		}
		p.Log.DebugContext(ctx, "the session that shows which sealing keys this process has ended; another one begins", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(presencePause):
		}
	}
}

// hold takes the locks in a new session and keeps it until it is lost.
func (p Presence) hold(ctx context.Context, keys seal.Keyset, held func()) error {
	conn, err := pgx.ConnectConfig(ctx, p.DB.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("show which sealing keys this process has: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		_ = conn.Close(closing)
	}()
	var b pgx.Batch
	b.Queue("SELECT pg_advisory_lock_shared($1, $2)", int32(seals), int32(keys.Primary())) //nolint:gosec // the bits count
	for _, id := range keys.Keys() {
		b.Queue("SELECT pg_advisory_lock_shared($1, $2)", int32(opens), int32(id)) //nolint:gosec // the bits count
	}
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("show which sealing keys this process has: %w", err)
	}
	held()
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}

// Process is a running process that has sealing keys.
type Process struct {
	Seals seal.KeyID
	Opens []seal.KeyID
}

// Processes are those that run on one database.
type Processes []Process

// without counts the processes that something is not true of.
func (all Processes) without(is func(Process) bool) (n int) {
	for _, p := range all {
		if !is(p) {
			n++
		}
	}
	return n
}

// Running lists the processes that run on a database now.
func Running(ctx context.Context, db *pgxpool.Pool) (Processes, error) {
	rows, err := db.Query(ctx, `SELECT pid, classid::bigint, objid::bigint FROM pg_locks
		WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid::bigint = ANY($1)
		  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, []int64{seals, opens})
	byPID := map[int32]*Process{}
	var pid int32
	var what, id int64
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&pid, &what, &id}, func() error {
			if byPID[pid] == nil {
				byPID[pid] = &Process{}
			}
			if key := seal.KeyID(id); what == seals { //nolint:gosec // it came from 32 bits
				byPID[pid].Seals = key
			} else {
				byPID[pid].Opens = append(byPID[pid].Opens, key)
			}
			return nil
		})
	}
	if err != nil {
		return nil, errors.Join(errors.New("look which sealing keys the running oauth processes have"), err)
	}
	var all Processes
	for _, p := range byPID {
		all = append(all, *p)
	}
	return all, nil
}
