package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/postgres"
)

// ImportChannel is the NOTIFY channel that says that some import may have work.
const ImportChannel = "poller_imports"

// The statuses of an import.
const (
	ImportQueued  = "queued"
	ImportRunning = "running"
	ImportSuccess = "success"
	ImportPartial = "partial"
	ImportFailed  = "failed"
)

// ErrErased says that the user is erased: nothing about them is taken any more.
var ErrErased = errors.New("the user is erased")

// ImportError says why an import failed, or is only a part.
type ImportError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Import is one import.
type Import struct {
	ID, UserID, Provider, Kind string
	DryRun                     bool
	TimeZone                   string // IANA, as whoever asked stated it; may be empty
	Uploads                    []rpc.Upload
	Status                     string
	Attempts                   int
	Trace                      string
	RequestedAt                time.Time
	StartedAt                  *time.Time
}

// ImportLease is the right to work on an import until it expires. Token is its
// fencing number.
type ImportLease struct {
	Import
	Token int64
}

const importColumns = `id::text, user_id::text, provider, kind, dry_run, time_zone, uploads, status, attempts, trace, requested_at, started_at, lease_token`

func scanImport(row pgx.Row) (l ImportLease, err error) {
	err = row.Scan(&l.ID, &l.UserID, &l.Provider, &l.Kind, &l.DryRun, &l.TimeZone, &l.Uploads, &l.Status, &l.Attempts, &l.Trace, &l.RequestedAt, &l.StartedAt, &l.Token)
	return l, err
}

// AddImport queues an import, once however often it is asked for, and gives the
// time of the first request. ErrErased when the user is.
func (s *Store) AddImport(ctx context.Context, i Import) (requested time.Time, err error) {
	uploads, err := postgres.JSON(i.Uploads)
	if err != nil {
		return requested, err
	}
	err = s.unlessErased(ctx, i.UserID, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO poller.imports (id, user_id, provider, kind, dry_run, time_zone, uploads, trace, requested_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`,
			i.ID, i.UserID, i.Provider, i.Kind, i.DryRun, i.TimeZone, uploads, i.Trace, i.RequestedAt)
		if err != nil {
			return fmt.Errorf("queue import %s: %w", i.ID, err)
		}
		if err := tx.QueryRow(ctx, "SELECT requested_at FROM poller.imports WHERE id = $1 AND user_id = $2", i.ID, i.UserID).Scan(&requested); err != nil {
			return fmt.Errorf("queue import %s: %w", i.ID, err)
		}
		_, err = tx.Exec(ctx, "SELECT pg_notify($1, '')", ImportChannel)
		return err
	})
	return requested, err
}

// BeginImport adds an import that its caller works on itself.
func (s *Store) BeginImport(ctx context.Context, i Import, owner string, lease time.Duration) (l ImportLease, err error) {
	err = s.unlessErased(ctx, i.UserID, func(tx pgx.Tx) error {
		l, err = scanImport(tx.QueryRow(ctx, `
			INSERT INTO poller.imports (id, user_id, provider, kind, dry_run, time_zone, status, requested_at, started_at, lease_owner, lease_until, lease_token)
			VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $7, $8, $9, 1) RETURNING `+importColumns,
			i.ID, i.UserID, i.Provider, i.Kind, i.DryRun, i.TimeZone, i.RequestedAt, owner, i.RequestedAt.Add(lease)))
		return err
	})
	if err != nil {
		return l, fmt.Errorf("begin import %s: %w", i.ID, err)
	}
	return l, nil
}

func (s *Store) unlessErased(ctx context.Context, userID string, fn func(tx pgx.Tx) error) error {
	return s.InTx(ctx, func(tx pgx.Tx) error {
		erased, err := lockUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		if erased {
			return ErrErased
		}
		return fn(tx)
	})
}

// Bytes is how large the uploads are together.
func (i Import) Bytes() (n int64) {
	for _, u := range i.Uploads {
		n += u.Bytes
	}
	return n
}

// eachSecond is by how many bytes an import counts as smaller for each second that it
// has waited: a gigabyte in two minutes. Small ones come first, and nobody waits for ever.
const eachSecond = 8 << 20

// ClaimImport leases the smallest import that waits, or that a dead worker left, of those
// up to a size in bytes; zero is any. A finished one whose uploads are still there is
// claimed first, for them to be deleted. Imports of one user and provider come one after
// the other. next is when the earliest other one may be claimed; zero when none is in
// sight.
func (s *Store) ClaimImport(ctx context.Context, owner string, now time.Time, lease time.Duration, largest int64) (l ImportLease, found bool, next time.Time, err error) {
	l, err = scanImport(s.db.QueryRow(ctx, `
		WITH due AS (
		    SELECT id FROM poller.imports i, LATERAL (
		            SELECT CASE WHEN status IN ('queued', 'running') THEN coalesce(sum((u ->> 'bytes')::bigint), 0) ELSE 0 END AS bytes
		              FROM jsonb_array_elements(i.uploads) u) size
		     WHERE uploads <> '[]' AND NOT stopped AND (lease_until IS NULL OR lease_until <= $1) AND (not_before IS NULL OR not_before <= $1)
		       AND NOT EXISTS (SELECT FROM poller.imports o WHERE o.user_id = i.user_id AND o.provider = i.provider AND o.id <> i.id
		                          AND o.status = 'running' AND o.lease_until > $1)
		       AND ($4 = 0 OR size.bytes <= $4)
		     ORDER BY greatest(size.bytes - extract(epoch FROM $1 - requested_at) * $5, 0), requested_at LIMIT 1 FOR UPDATE OF i SKIP LOCKED)
		UPDATE poller.imports i SET lease_owner = $2, lease_until = $3, lease_token = lease_token + 1,
		       status = CASE status WHEN 'queued' THEN 'running' ELSE status END, started_at = coalesce(started_at, $1)
		  FROM due WHERE i.id = due.id
		RETURNING i.`+importColumns, now, owner, now.Add(lease), largest, eachSecond))
	if errors.Is(err, pgx.ErrNoRows) {
		next, err = s.nextImport(ctx)
		return l, false, next, err
	}
	if err != nil {
		return l, false, next, fmt.Errorf("claim an import: %w", err)
	}
	return l, true, next, nil
}

func (s *Store) nextImport(ctx context.Context) (time.Time, error) {
	var at *time.Time
	err := s.db.QueryRow(ctx, `SELECT min(greatest(lease_until, not_before)) FROM poller.imports
		WHERE NOT stopped AND (uploads <> '[]' OR status = 'running')`).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("look when an import is due: %w", err)
	}
	if at == nil {
		return time.Time{}, nil
	}
	return *at, nil
}

// RenewImport moves the end of a lease. ErrFenced when it is lost.
func (s *Store) RenewImport(ctx context.Context, l ImportLease, until time.Time) error {
	return s.guardedImport(ctx, l, "lease_until = $3", until)
}

// SaveImport stores how far an import is.
func (s *Store) SaveImport(ctx context.Context, l ImportLease, report []byte) error {
	return s.guardedImport(ctx, l, "report = $3", report)
}

// FinishImport stores how an import ended; without a report, the last one stays.
// The lease goes on.
func (s *Store) FinishImport(ctx context.Context, l ImportLease, status string, report []byte, failure *ImportError, now time.Time) error {
	var said []byte
	if failure != nil {
		var err error
		if said, err = json.Marshal(failure); err != nil {
			return err
		}
	}
	return s.guardedImport(ctx, l, "status = $3, report = coalesce($4, report), error = $5, finished_at = $6, attempts = 0, not_before = NULL",
		status, report, said, now)
}

// CloseImport gives a lease back with nothing left to do: the uploads are deleted.
func (s *Store) CloseImport(ctx context.Context, l ImportLease) error {
	return s.guardedImport(ctx, l, "uploads = '[]', lease_owner = NULL, lease_until = NULL")
}

// PutOffImport gives a lease back after a failure of ours.
func (s *Store) PutOffImport(ctx context.Context, l ImportLease, until time.Time) error {
	return s.guardedImport(ctx, l, "attempts = attempts + 1, not_before = $3, lease_owner = NULL, lease_until = NULL", until)
}

// ReleaseImport gives a lease back for somebody else to go on at once, or for the
// erasure that waits for it. A lost one is left alone.
func (s *Store) ReleaseImport(ctx context.Context, l ImportLease) error {
	_, err := s.db.Exec(ctx, "UPDATE poller.imports SET lease_owner = NULL, lease_until = NULL WHERE id = $1 AND lease_token = $2", l.ID, l.Token)
	if err != nil {
		return fmt.Errorf("release import %s: %w", l.ID, err)
	}
	return nil
}

// guardedImport changes a row whose lease is ours, and whose user is not erased.
func (s *Store) guardedImport(ctx context.Context, l ImportLease, set string, args ...any) error {
	tag, err := s.db.Exec(ctx, "UPDATE poller.imports SET "+set+" WHERE id = $1 AND lease_token = $2 AND lease_until IS NOT NULL AND NOT stopped",
		append([]any{l.ID, l.Token}, args...)...)
	if err != nil {
		return fmt.Errorf("store import %s: %w", l.ID, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrFenced
	}
	return nil
}

// FailAbandoned ends the imports of commands that died: nobody else has their files.
func (s *Store) FailAbandoned(ctx context.Context, now time.Time, failure ImportError) error {
	said, err := json.Marshal(failure)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `
		UPDATE poller.imports SET status = 'failed', error = $2, finished_at = $1, lease_owner = NULL, lease_until = NULL, lease_token = lease_token + 1
		 WHERE status = 'running' AND uploads = '[]' AND lease_until <= $1`, now, said)
	if err != nil {
		return fmt.Errorf("end imports that were left: %w", err)
	}
	return nil
}

// LeasedImports are the imports that somebody works on.
func (s *Store) LeasedImports(ctx context.Context, now time.Time) (map[string]bool, error) {
	rows, err := s.db.Query(ctx, "SELECT id::text FROM poller.imports WHERE lease_until > $1", now)
	if err != nil {
		return nil, fmt.Errorf("list the imports under way: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the imports under way: %w", err)
	}
	leased := map[string]bool{}
	for _, id := range ids {
		leased[id] = true
	}
	return leased, nil
}

// UploadsOf are the uploads of a user that are still there.
func (s *Store) UploadsOf(ctx context.Context, userID string) ([]rpc.Upload, error) {
	rows, err := s.db.Query(ctx, "SELECT uploads FROM poller.imports WHERE user_id = $1 AND uploads <> '[]'", userID)
	if err != nil {
		return nil, fmt.Errorf("list the uploads of user %s: %w", userID, err)
	}
	lists, err := pgx.CollectRows(rows, pgx.RowTo[[]rpc.Upload])
	if err != nil {
		return nil, fmt.Errorf("list the uploads of user %s: %w", userID, err)
	}
	return slices.Concat(lists...), nil
}
