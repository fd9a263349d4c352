package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Known is the latest version of an activity, as the log has it.
type Known struct {
	ExternalID  string
	Sequence    uint64
	ContentHash string
	HashVersion int
	Origin      string
	Removed     bool
	StartedAt   *time.Time // with the record's UTC offset, as far as that is known
	SyncID      string     // that published it; empty for imports
	Account     string     // the provider account it was read from; empty when unknown
}

// HasImports says whether there are live records that only imports know.
func (s *Store) HasImports(ctx context.Context, t Target) (has bool, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM poller.activity_index WHERE user_id = $1 AND provider = $2 AND NOT removed AND origin = 'import')`,
		t.UserID, t.Provider).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look for imports of user %s: %w", t.UserID, err)
	}
	return has, nil
}

// ImportedNear gives the live records that only imports know and that start within
// so much of one of some starts.
func (s *Store) ImportedNear(ctx context.Context, t Target, starts []time.Time, within time.Duration) ([]Known, error) {
	rows, err := s.db.Query(ctx, `
		SELECT external_id, sequence, content_hash, hash_version, origin, removed, started_at, coalesce(sync_id::text, ''), account
		  FROM poller.activity_index i
		 WHERE user_id = $1 AND provider = $2 AND NOT removed AND origin = 'import'
		   AND EXISTS (SELECT FROM unnest($3::timestamptz[]) AS s (at) WHERE i.started_at BETWEEN s.at - $4::interval AND s.at + $4::interval)
		 ORDER BY external_id`, t.UserID, t.Provider, starts, within)
	if err != nil {
		return nil, fmt.Errorf("look up imports of user %s: %w", t.UserID, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Known])
	if err != nil {
		return nil, fmt.Errorf("look up imports of user %s: %w", t.UserID, err)
	}
	return list, nil
}

// offset is the UTC offset of a start, in seconds.
func (k Known) offset() int32 {
	if k.StartedAt == nil {
		return 0
	}
	_, seconds := k.StartedAt.Zone()
	return int32(seconds) //nolint:gosec // an offset is a day at most
}

// LookUp gives what is known of some activities, by external id. Each is looked for
// in the index by itself: asked for all at once, Postgres may read everything that it
// knows of the user, for every page of a long history.
func (s *Store) LookUp(ctx context.Context, t Target, externalIDs []string) (map[string]Known, error) {
	rows, err := s.db.Query(ctx, `
		SELECT i.* FROM unnest($3::text[]) AS x (id) CROSS JOIN LATERAL (
		    SELECT external_id, sequence, content_hash, hash_version, origin, removed, started_at, coalesce(sync_id::text, ''), account
		      FROM poller.activity_index
		     WHERE user_id = $1 AND provider = $2 AND external_id = x.id LIMIT 1) i`, t.UserID, t.Provider, externalIDs)
	if err != nil {
		return nil, fmt.Errorf("look up activities of user %s: %w", t.UserID, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Known])
	if err != nil {
		return nil, fmt.Errorf("look up activities of user %s: %w", t.UserID, err)
	}
	known := make(map[string]Known, len(list))
	for _, k := range list {
		known[k.ExternalID] = k
	}
	return known, nil
}

// PutIndex stores versions, each unless a later or a higher-ranking one is known, and the sequence up
// to which the index is now complete. The list holds an external id once.
func PutIndex(ctx context.Context, tx pgx.Tx, t Target, versions []Known, epoch string, upTo uint64) error {
	var (
		ids, hashes, origins, syncs, accounts []string
		sequences                             []int64
		hashVersions, offsets                 []int32
		removed                               []bool
		started                               []*time.Time
	)
	for _, k := range versions {
		ids, hashes, origins, syncs = append(ids, k.ExternalID), append(hashes, k.ContentHash), append(origins, k.Origin), append(syncs, k.SyncID)
		sequences, hashVersions = append(sequences, int64(k.Sequence)), append(hashVersions, int32(k.HashVersion))
		removed, started = append(removed, k.Removed), append(started, k.StartedAt)
		accounts, offsets = append(accounts, k.Account), append(offsets, k.offset())
	}
	if len(ids) > 0 {
		_, err := tx.Exec(ctx, `
			INSERT INTO poller.activity_index (user_id, provider, external_id, sequence, content_hash, hash_version, origin, removed, started_at, sync_id, account, utc_offset_seconds)
			SELECT $1, $2, x.id, x.seq, x.hash, x.hv, x.origin, x.removed, x.started, nullif(x.sync, '')::uuid, x.account, x.off
			  FROM unnest($3::text[], $4::bigint[], $5::text[], $6::int[], $7::text[], $8::bool[], $9::timestamptz[], $10::text[], $11::text[], $12::int[])
			       AS x (id, seq, hash, hv, origin, removed, started, sync, account, off)
			ON CONFLICT (user_id, provider, external_id) DO UPDATE SET
			    sequence = excluded.sequence, content_hash = excluded.content_hash, hash_version = excluded.hash_version,
			    origin = excluded.origin, removed = excluded.removed, started_at = excluded.started_at, sync_id = excluded.sync_id,
			    account = excluded.account, utc_offset_seconds = excluded.utc_offset_seconds
			WHERE activity_index.sequence <= excluded.sequence AND (excluded.origin = 'api' OR activity_index.origin <> 'api')`,
			t.UserID, t.Provider, ids, sequences, hashes, hashVersions, origins, removed, started, syncs, accounts, offsets)
		if err != nil {
			return fmt.Errorf("store versions of user %s: %w", t.UserID, err)
		}
	}
	_, err := tx.Exec(ctx, `
		UPDATE poller.targets SET index_sequence = greatest(index_sequence, $3), stream_epoch = $4 WHERE user_id = $1 AND provider = $2`,
		t.UserID, t.Provider, int64(upTo), epoch)
	if err != nil {
		return fmt.Errorf("store the index position of user %s: %w", t.UserID, err)
	}
	return nil
}

// CountRecovered adds facts that a window had published before a crash kept it
// from saying so.
func CountRecovered(ctx context.Context, tx pgx.Tx, syncID string, created, changed, removed int) error {
	_, err := tx.Exec(ctx, `
		UPDATE poller.windows SET new = new + $2, changed = changed + $3, seen = seen + $2 + $3, removed = removed + $4
		 WHERE id = $1 AND status <> 'done'`, syncID, created, changed, removed)
	if err != nil {
		return fmt.Errorf("count what sync %s had published: %w", syncID, err)
	}
	return nil
}

// SaveWindow stores how far a window got.
func SaveWindow(ctx context.Context, tx pgx.Tx, w Window) error {
	c := w.Counts
	_, err := tx.Exec(ctx, `
		UPDATE poller.windows SET cursor = $2, cursor_at = $3, covered_from = $4, pages = $5, seen = $6, new = $7,
		    changed = $8, unchanged = $9, rejected = $10, removed = $11, pass_to = $12, attempts = 0 WHERE id = $1`,
		w.ID, w.Cursor, w.CursorAt, w.CoveredFrom, c.Pages, c.Seen, c.New, c.Changed, c.Unchanged, c.Rejected, c.Removed, w.PassTo)
	if err != nil {
		return fmt.Errorf("store the progress of sync %s: %w", w.ID, err)
	}
	return nil
}

// Position is a place in one life of the log.
type Position struct {
	Epoch    string
	Sequence uint64
}

// Positions are the highest stored sequences by epoch.
func (s *Store) Positions(ctx context.Context) ([]Position, error) {
	rows, err := s.db.Query(ctx, "SELECT stream_epoch, max(index_sequence) FROM poller.targets WHERE stream_epoch <> '' GROUP BY 1")
	if err != nil {
		return nil, fmt.Errorf("read the positions in the log: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Position])
}
