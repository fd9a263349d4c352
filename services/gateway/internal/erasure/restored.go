package erasure

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// restoredLook is how often the erasures of a restored system are looked at.
const restoredLook = 100 * time.Millisecond

// Merge is one list of all erasures that the files and the database know, each once, the
// oldest first, and how many they are. A nil database knows none.
func Merge(ctx context.Context, db *pgxpool.Pool, files ...string) (text []byte, n int, err error) {
	all := map[uuid.UUID]entry{}
	for _, path := range files {
		entries, err := (&list{path: path}).read()
		if err != nil {
			return nil, 0, err
		}
		for _, e := range entries {
			all[e.ErasureID] = e
		}
	}
	if db != nil {
		if err := stored(ctx, db, all); err != nil {
			return nil, 0, fmt.Errorf("read the erasures: %w", err)
		}
	}
	var sorted []entry
	for _, e := range all {
		sorted = append(sorted, e)
	}
	slices.SortFunc(sorted, func(a, b entry) int {
		return cmp.Or(a.Requested.Compare(b.Requested), bytes.Compare(a.ErasureID[:], b.ErasureID[:]))
	})
	var out bytes.Buffer
	for _, e := range sorted {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, 0, err
		}
		out.Write(append(line, '\n'))
	}
	return out.Bytes(), len(sorted), nil
}

// stored adds the erasures of the database. One that has no tables yet has none.
func stored(ctx context.Context, db *pgxpool.Pool, all map[uuid.UUID]entry) error {
	var there bool
	if err := db.QueryRow(ctx, "SELECT to_regclass('gateway.erasures') IS NOT NULL").Scan(&there); err != nil || !there {
		return err
	}
	rows, err := db.Query(ctx, `SELECT id, user_hash, requested_at FROM gateway.erasures`)
	if err != nil {
		return err
	}
	var e entry
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&e.ErasureID, &hash, &e.Requested}, func() error {
		e.UserSHA256, e.Requested = hex.EncodeToString(hash), e.Requested.UTC()
		all[e.ErasureID] = e
		return nil
	})
	return err
}

// Restored erases again whom a restore brought back, as the list, the tables and the log
// tell, and carries every erasure to its end. The other services must answer. It says
// how many were carried to their end.
func (r *Runner) Restored(ctx context.Context) (done int, err error) {
	if err := r.Replay(ctx); err != nil {
		return 0, err
	}
	if err := r.searchOnce(ctx); err != nil {
		return 0, err
	}
	todo, err := r.unfinished(ctx)
	if err != nil || todo == 0 {
		return 0, err
	}
	working, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.work(working)
	}()
	defer func() {
		stop()
		<-ended
		r.locks.close(ctx)
	}()
	tick := time.NewTicker(restoredLook)
	defer tick.Stop()
	for {
		left, err := r.unfinished(ctx)
		if err != nil || left == 0 {
			return todo - left, err
		}
		select {
		case <-ctx.Done():
			return todo - left, fmt.Errorf("%d erasures are not at their end: %w", left, ctx.Err())
		case <-tick.C:
		}
	}
}

func (r *Runner) unfinished(ctx context.Context) (n int, err error) {
	if err = r.o.DB.QueryRow(ctx, `SELECT count(*) FROM gateway.erasures WHERE state <> 'done'`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the erasures that are not at their end: %w", err)
	}
	return n, nil
}
