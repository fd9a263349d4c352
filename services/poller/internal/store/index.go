package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
)

// Known is the latest version of a record, as the log has it.
type Known struct {
	Kind        string
	ExternalID  string
	Resource    string // of the provider, where the kind has several
	Sequence    uint64
	ContentHash string
	HashVersion int
	// Part says that the latest delivery adds to the earlier ones, and does not replace
	// them.
	Part      bool
	Origin    string
	Removed   bool
	StartedAt *time.Time // with the record's UTC offset, as far as that is known
	EndedAt   *time.Time
	LocalDate string // that the provider states; empty when it states none
	SyncID    string // that published it; empty for imports
	Account   string // the provider account it was read from; empty when unknown
}

// knownColumns are those of Known, of a row i of the index.
const knownColumns = `i.kind, i.external_id, i.resource, i.sequence, i.content_hash, i.hash_version, i.part, i.origin, i.removed,
	coalesce(i.began_at, i.started_at), i.ended_at, coalesce(i.local_date::text, ''), coalesce(i.sync_id::text, ''), i.account`

func scanKnown(row pgx.CollectableRow) (k Known, err error) {
	k, err = pgx.RowToStructByPos[Known](row)
	k.ExternalID = ExternalID(k.ExternalID)
	return k, err
}

// HasImports says whether there are live records of a kind that only imports know.
func (s *Store) HasImports(ctx context.Context, t Target, kind string) (has bool, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM poller.activity_index
		 WHERE user_id = $1 AND provider = $2 AND NOT removed AND origin = 'import' AND kind = $3)`,
		t.UserID, t.Provider, kind).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look for imports of user %s: %w", t.UserID, err)
	}
	return has, nil
}

// ImportedNear gives the live records of a kind that only imports know and that start
// within so much of one of some starts.
func (s *Store) ImportedNear(ctx context.Context, t Target, kind string, starts []time.Time, within time.Duration) ([]Known, error) {
	rows, err := s.db.Query(ctx, "SELECT "+knownColumns+`
		  FROM poller.activity_index i
		 WHERE user_id = $1 AND provider = $2 AND NOT removed AND origin = 'import' AND kind = $3
		   AND EXISTS (SELECT FROM unnest($4::timestamptz[]) AS s (at)
		                WHERE coalesce(i.began_at, i.started_at) BETWEEN s.at - $5::interval AND s.at + $5::interval)
		 ORDER BY external_id`, t.UserID, t.Provider, kind, starts, within)
	if err != nil {
		return nil, fmt.Errorf("look up imports of user %s: %w", t.UserID, err)
	}
	list, err := pgx.CollectRows(rows, scanKnown)
	if err != nil {
		return nil, fmt.Errorf("look up imports of user %s: %w", t.UserID, err)
	}
	return list, nil
}

// LookUp gives what is known of some records of a kind, by external id. Each is looked
// for in the index by itself: asked for all at once, Postgres may read everything that
// it knows of the user, for every page of a long history.
func (s *Store) LookUp(ctx context.Context, t Target, kind string, externalIDs []string) (map[string]Known, error) {
	rows, err := s.db.Query(ctx, `
		SELECT i.* FROM unnest($3::text[]) AS x (id) CROSS JOIN LATERAL (
		    SELECT `+knownColumns+`
		      FROM poller.activity_index i
		     WHERE user_id = $1 AND provider = $2 AND external_id = x.id LIMIT 1) i`, t.UserID, t.Provider, keys(kind, externalIDs))
	if err != nil {
		return nil, fmt.Errorf("look up records of user %s: %w", t.UserID, err)
	}
	list, err := pgx.CollectRows(rows, scanKnown)
	if err != nil {
		return nil, fmt.Errorf("look up records of user %s: %w", t.UserID, err)
	}
	known := make(map[string]Known, len(list))
	for _, k := range list {
		known[k.ExternalID] = k
	}
	return known, nil
}

// columns are versions as PutIndex stores them, column by column.
type columns struct {
	keys, kinds, resources, hashes, origins, syncs, accounts []string
	sequences                                                []int64
	hashVersions, offsets                                    []int32
	parts, removed                                           []bool
	started, began, ended                                    []*time.Time
	dates                                                    []*string
}

func (c *columns) add(k Known) {
	c.keys, c.kinds, c.resources = append(c.keys, Key(k.Kind, k.ExternalID)), append(c.kinds, k.Kind), append(c.resources, k.Resource)
	c.hashes, c.origins, c.syncs = append(c.hashes, k.ContentHash), append(c.origins, k.Origin), append(c.syncs, k.SyncID)
	c.sequences, c.hashVersions = append(c.sequences, int64(k.Sequence)), append(c.hashVersions, int32(k.HashVersion)) //nolint:gosec // both fit
	c.parts, c.removed, c.accounts = append(c.parts, k.Part), append(c.removed, k.Removed), append(c.accounts, k.Account)
	started, began := k.StartedAt, k.StartedAt
	if k.Kind == KindActivity {
		began = nil
	} else {
		started = nil
	}
	c.started, c.began, c.ended = append(c.started, started), append(c.began, began), append(c.ended, k.EndedAt)
	c.offsets, c.dates = append(c.offsets, k.offset()), append(c.dates, k.date())
}

// offset is the UTC offset of a start, or of the end where there is no start, in seconds.
func (k Known) offset() int32 {
	at := k.StartedAt
	if at == nil {
		at = k.EndedAt
	}
	if at == nil {
		return 0
	}
	_, seconds := at.Zone()
	return int32(seconds) //nolint:gosec // an offset is a day at most
}

// date is the civil date that the provider states; nil for none, and for what is none.
func (k Known) date() *string {
	if at, err := time.Parse(time.DateOnly, k.LocalDate); err != nil || at.Year() < 1 {
		return nil
	}
	return &k.LocalDate
}

// origins are all of them in rising rank.
func origins() []string {
	return []string{string(events.OriginImport), string(events.OriginPush), string(events.OriginAPI)}
}

// PutIndex stores versions, each unless a later or a higher-ranking one is known, and up
// to where in the log the index is now complete: sequences that are lower than the known
// ones change nothing. The list holds a record once.
func PutIndex(ctx context.Context, tx pgx.Tx, t Target, versions []Known, epoch string, upTo Sequences) error {
	var c columns
	for _, k := range versions {
		c.add(k)
	}
	if len(versions) > 0 {
		_, err := tx.Exec(ctx, `
			INSERT INTO poller.activity_index (user_id, provider, external_id, kind, resource, sequence, content_hash, hash_version, part, origin, removed,
			    started_at, began_at, ended_at, local_date, sync_id, account, utc_offset_seconds)
			SELECT $1, $2, x.key, x.kind, x.resource, x.seq, x.hash, x.hv, x.part, x.origin, x.removed,
			       x.started, x.began, x.ended, x.date::date, nullif(x.sync, '')::uuid, x.account, x.off
			  FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::int[], $9::bool[], $10::text[], $11::bool[],
			       $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[], $17::text[], $18::int[])
			       AS x (key, kind, resource, seq, hash, hv, part, origin, removed, started, began, ended, date, sync, account, off)
			ON CONFLICT (user_id, provider, external_id) DO UPDATE SET
			    resource = excluded.resource, sequence = excluded.sequence, content_hash = excluded.content_hash, hash_version = excluded.hash_version,
			    part = excluded.part, origin = excluded.origin, removed = excluded.removed, started_at = excluded.started_at, began_at = excluded.began_at,
			    ended_at = excluded.ended_at, local_date = excluded.local_date, sync_id = excluded.sync_id,
			    account = excluded.account, utc_offset_seconds = excluded.utc_offset_seconds
			WHERE activity_index.sequence <= excluded.sequence
			  AND coalesce(array_position($19, excluded.origin), 0) >= coalesce(array_position($19, activity_index.origin), 0)`,
			t.UserID, t.Provider, c.keys, c.kinds, c.resources, c.sequences, c.hashes, c.hashVersions, c.parts, c.origins, c.removed,
			c.started, c.began, c.ended, c.dates, c.syncs, c.accounts, c.offsets, origins())
		if err != nil {
			return fmt.Errorf("store versions of user %s: %w", t.UserID, err)
		}
	}
	_, err := tx.Exec(ctx, `
		UPDATE poller.targets SET index_sequence = greatest(index_sequence, $3), record_sequence = greatest(record_sequence, $4),
		    chunk_sequence = greatest(chunk_sequence, $5), stream_epoch = $6
		 WHERE user_id = $1 AND provider = $2`,
		t.UserID, t.Provider, int64(upTo.Activity), int64(upTo.Record), int64(upTo.Chunk), epoch) //nolint:gosec // a sequence fits
	if err != nil {
		return fmt.Errorf("store the index position of user %s: %w", t.UserID, err)
	}
	return nil
}

// CountRecovered adds facts that the window of a sync and a source had published before
// a crash kept it from saying so.
func CountRecovered(ctx context.Context, tx pgx.Tx, syncID string, of Part, created, changed, removed int) error {
	_, err := tx.Exec(ctx, `
		UPDATE poller.windows SET new = new + $2, changed = changed + $3, seen = seen + $2 + $3, removed = removed + $4
		 WHERE sync_id = $1 AND source = $5 AND status <> 'done'`, syncID, created, changed, removed, of.Source())
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
	rows, err := s.db.Query(ctx, `
		SELECT stream_epoch, greatest(max(index_sequence), max(record_sequence), max(chunk_sequence))
		  FROM poller.targets WHERE stream_epoch <> '' GROUP BY 1`)
	if err != nil {
		return nil, fmt.Errorf("read the positions in the log: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Position])
}
