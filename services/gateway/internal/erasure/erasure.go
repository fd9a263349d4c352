// Package erasure deletes a person everywhere: a state machine that calls the
// other services in order and survives a crash at any step.
package erasure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/services/gateway/internal/audit"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
	"github.com/stridelog/stridelog/services/gateway/internal/users"
)

// The states, in order.
const (
	StateAccepted   = "accepted"
	StateRowsErased = "rows_erased" // in every service; messages go from the log
	StateLogErased  = "log_erased"
	StateDone       = "done"
)

// Erasure is one person's deletion.
type Erasure struct {
	ID          uuid.UUID
	UserID      *uuid.UUID // nil once done: nothing here knows the person any more
	UserHash    []byte     // SHA-256 of the user id's text
	State       string
	Counts      map[string]int64 // rows
	Progress    Progress
	Left        *int64 // messages that are still in the log; nil until they are counted
	Attempts    int
	LastError   *string
	RequestedAt time.Time
	FinishedAt  *time.Time
	Receipt     *Receipt
}

// Erased is what was deleted so far, by service and kind: rows and messages.
func (e Erasure) Erased() map[string]int64 {
	counts := maps.Clone(e.Counts)
	for service, kinds := range e.Progress.Erased {
		for kind, n := range kinds {
			counts[service+"."+kind] += n
		}
	}
	return counts
}

// Receipt is what remains of an erasure.
type Receipt struct {
	ErasureID  uuid.UUID        `json:"erasure_id"`
	UserSHA256 string           `json:"user_sha256"`
	Counts     map[string]int64 `json:"counts"`
	Requested  time.Time        `json:"requested_at"`
	Finished   time.Time        `json:"finished_at"`
}

// accept deletes what the gateway has of the person and notes the erasure, in one
// transaction: from its commit on the user is unknown here, and the erasure will
// finish whatever happens.
func accept(ctx context.Context, db *pgxpool.Pool, userID uuid.UUID) (Erasure, error) {
	sum := sha256.Sum256([]byte(userID.String()))
	e := Erasure{ID: uuid.New()}
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		// The lock waits for sync requests that are being accepted.
		var locked bool
		err := tx.QueryRow(ctx, `SELECT true FROM gateway.users WHERE id = $1 FOR UPDATE`, userID).Scan(&locked)
		if errors.Is(err, pgx.ErrNoRows) {
			return users.NotFound()
		}
		if err != nil {
			return err
		}
		requests, err := tx.Exec(ctx, `DELETE FROM gateway.sync_requests WHERE user_id = $1`, userID)
		if err != nil {
			return err
		}
		keys, err := forget(ctx, tx, userID, e.ID)
		if err != nil {
			return err
		}
		deleted := map[string]int64{"gateway.users": 1, "gateway.sync_requests": requests.RowsAffected()}
		if keys > 0 {
			deleted["gateway.api_keys"] = keys
		}
		counts, err := json.Marshal(deleted)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `INSERT INTO gateway.erasures (id, user_hash, user_id, state, counts)
			VALUES ($1, $2, $3, $4, $5) RETURNING `+columns, e.ID, sum[:], userID, StateAccepted, counts)
		if err != nil {
			return err
		}
		e, err = pgx.CollectExactlyOneRow(rows, scan)
		return err
	})
	if err != nil {
		return Erasure{}, fmt.Errorf("accept an erasure: %w", err)
	}
	return e, nil
}

// forget deletes a person with the keys and tokens that reach nobody else, and puts the
// erasure in their place in the audit.
func forget(ctx context.Context, tx pgx.Tx, userID, erasureID uuid.UUID) (keys int64, err error) {
	tag, err := tx.Exec(ctx, `DELETE FROM gateway.api_keys k WHERE k.bound AND k.id IN (SELECT key_id FROM gateway.api_key_users WHERE user_id = $1)
		AND NOT EXISTS (SELECT FROM gateway.api_key_users o WHERE o.key_id = k.id AND o.user_id <> $1)`, userID)
	if err != nil {
		return 0, err
	}
	if err := audit.Forget(ctx, tx, userID, erasureID); err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM gateway.users WHERE id = $1`, userID)
	return tag.RowsAffected(), err
}

const columns = `id, user_id, user_hash, state, counts, progress, messages_left, attempts, last_error, requested_at, finished_at, receipt`

func scan(row pgx.CollectableRow) (Erasure, error) {
	var e Erasure
	err := row.Scan(&e.ID, &e.UserID, &e.UserHash, &e.State, &e.Counts, &e.Progress, &e.Left, &e.Attempts, &e.LastError, &e.RequestedAt, &e.FinishedAt, &e.Receipt)
	return e, err
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func get(ctx context.Context, q querier, id uuid.UUID) (Erasure, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM gateway.erasures WHERE id = $1`, id)
	if err != nil {
		return Erasure{}, fmt.Errorf("read an erasure: %w", err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return Erasure{}, problem.NotFound("erasure")
	}
	if err != nil {
		return Erasure{}, fmt.Errorf("read an erasure: %w", err)
	}
	return e, nil
}

// receipt is what the finished erasure leaves behind.
func (e Erasure) receipt(at time.Time) Receipt {
	return Receipt{ErasureID: e.ID, UserSHA256: hex.EncodeToString(e.UserHash), Counts: e.Erased(), Requested: e.RequestedAt.UTC(), Finished: at.UTC()}
}
