package erasure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
)

// searchPause is the wait before another search of the log that failed.
const searchPause = 30 * time.Second

// Replay erases again whom a restore brought back: every user whose erasure is in the
// list and not in the table. It is called before anything is served, and from its
// return on those users are unknown here.
func (r *Runner) Replay(ctx context.Context) error {
	missing, err := r.missing(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	rows, err := r.o.DB.Query(ctx, `SELECT id FROM gateway.users`)
	if err != nil {
		return fmt.Errorf("look whom a restore brought back: %w", err)
	}
	users, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("look whom a restore brought back: %w", err)
	}
	return r.eraseAgain(ctx, missing, users)
}

// missing are the erasures of the list that the table does not have, by the hash of the
// user's id.
func (r *Runner) missing(ctx context.Context) (map[string]entry, error) {
	listed, err := r.list.read()
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	rows, err := r.o.DB.Query(ctx, `SELECT id FROM gateway.erasures`)
	if err != nil {
		return nil, fmt.Errorf("read the erasures: %w", err)
	}
	stored, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("read the erasures: %w", err)
	}
	missing := map[string]entry{}
	for _, e := range listed {
		missing[e.UserSHA256] = e
	}
	known := map[uuid.UUID]bool{}
	for _, id := range stored {
		known[id] = true
	}
	for hash, e := range missing {
		if known[e.ErasureID] {
			delete(missing, hash)
		}
	}
	return missing, nil
}

// search looks in the log for people whose erasure ended and who are there all the same:
// the log is older than that. It tries until it has looked, because nothing waits for it.
func (r *Runner) search(ctx context.Context) {
	for {
		err := r.searchOnce(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		r.o.Log.WarnContext(ctx, "cannot look in the log for people who were erased; trying again", "again_in", searchPause, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(searchPause):
		}
	}
}

// searchOnce reads the names of the streams' subjects, which hold the ids of people, if
// there is an erasure whose end the log does not know.
func (r *Runner) searchOnce(ctx context.Context) error {
	gone, err := r.missing(ctx)
	if err != nil {
		return err
	}
	if gone, err = r.unlogged(ctx, gone); err != nil || len(gone) == 0 {
		return err
	}
	seen := map[uuid.UUID]bool{}
	var people []uuid.UUID
	for _, s := range events.Streams() {
		subjects, err := r.o.Bus.Subjects(ctx, s.Name, ">")
		if err != nil {
			return err
		}
		for subject := range subjects {
			id, err := uuid.Parse(subject[strings.LastIndexByte(subject, '.')+1:])
			if err == nil && !seen[id] {
				seen[id], people = true, append(people, id)
			}
		}
	}
	return r.eraseAgain(ctx, gone, people)
}

// unlogged adds the erasures that are done and whose end is not in the log.
func (r *Runner) unlogged(ctx context.Context, gone map[string]entry) (map[string]entry, error) {
	rows, err := r.o.DB.Query(ctx, `SELECT id, user_hash, requested_at FROM gateway.erasures WHERE state = 'done'`)
	if err != nil {
		return nil, fmt.Errorf("read the erasures: %w", err)
	}
	done := map[string]entry{}
	var e entry
	var hash []byte
	if _, err := pgx.ForEachRow(rows, []any{&e.ErasureID, &hash, &e.Requested}, func() error {
		e.UserSHA256 = hex.EncodeToString(hash)
		done[e.ErasureID.String()] = e
		return nil
	}); err != nil || len(done) == 0 {
		return gone, err
	}
	ended, err := r.o.Bus.Subjects(ctx, events.StreamFacts, events.TypeSubjects(events.TypeUserErased))
	if err != nil {
		return nil, err
	}
	for subject := range ended {
		delete(done, subject[strings.LastIndexByte(subject, '.')+1:])
	}
	if gone == nil {
		gone = map[string]entry{}
	}
	for _, e := range done {
		gone[e.UserSHA256] = e
	}
	return gone, nil
}

// eraseAgain accepts the erasure of everybody among people who is gone.
func (r *Runner) eraseAgain(ctx context.Context, gone map[string]entry, people []uuid.UUID) error {
	for _, id := range people {
		sum := sha256.Sum256([]byte(id.String()))
		e, found := gone[hex.EncodeToString(sum[:])]
		if !found {
			continue
		}
		if err := r.again(ctx, id, sum[:], e); err != nil {
			return fmt.Errorf("erase again whom a restore brought back: %w", err)
		}
		r.o.Log.InfoContext(ctx, "a restore brought an erased person back; erasing again", "erasure_id", e.ErasureID)
		r.wakeWorker()
	}
	return nil
}

func (r *Runner) again(ctx context.Context, user uuid.UUID, hash []byte, e entry) error {
	return pgx.BeginFunc(ctx, r.o.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM gateway.sync_requests WHERE user_id = $1`, user); err != nil {
			return err
		}
		if _, err := forget(ctx, tx, user, e.ErasureID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO gateway.erasures (id, user_hash, user_id, state, requested_at) VALUES ($1, $2, $3, 'accepted', $4)
			ON CONFLICT (id) DO UPDATE SET user_id = $3, state = 'accepted', progress = '{}', messages_left = NULL, receipt = NULL, finished_at = NULL,
			                               not_before = now(), updated_at = now()`, e.ErasureID, hash, user, e.Requested)
		return err
	})
}
