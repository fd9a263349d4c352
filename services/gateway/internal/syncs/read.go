package syncs

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// Sync is how one sync stands.
type Sync struct {
	ID, UserID   uuid.UUID
	Provider     string
	ConnectionID *uuid.UUID
	Trigger      string
	Window       events.Window
	Covered      *events.Window
	Status       events.SyncStatus
	NotBefore    *time.Time
	Counts       []byte            // JSON; nil when unknown
	Error        []byte            // JSON; nil when there is none
	Kinds        []events.SyncKind // nil when unknown
	RequestedAt  time.Time
	FinishedAt   *time.Time
}

// requested are the syncs that were asked for here. Reading them needs no view of
// another service.
const requested = `SELECT sync_id, user_id, provider, connection_id, trigger, window_from, window_to,
		NULL::timestamptz AS covered_from, NULL::timestamptz AS covered_to, 'queued' AS status, NULL::timestamptz AS not_before,
		NULL AS counts, NULL AS error, requested_at, NULL::timestamptz AS finished_at, NULL AS kinds, 4 AS rank
	FROM gateway.sync_requests WHERE user_id = $1`

// merged is one row per sync: how it ended, else what the poller does with it,
// else what was reported last, else what was asked for. A service of an earlier version
// shows no kinds.
const merged = `SELECT DISTINCT ON (sync_id) * FROM (
	SELECT sync_id, user_id, provider, connection_id, trigger, window_from, window_to, covered_from, covered_to, status, not_before,
		counts::text, error::text, requested_at, finished_at, (to_jsonb(v) -> 'kinds')::text AS kinds, CASE WHEN status IN ('success', 'partial', 'failed') THEN 1 ELSE 3 END AS rank
	FROM projector.view_syncs_v1 v WHERE user_id = $1
	UNION ALL
	SELECT sync_id, user_id, provider, connection_id, trigger, window_from, window_to, NULL, NULL, status, not_before,
		counts::text, NULL, requested_at, NULL, (to_jsonb(v) -> 'kinds')::text, 2
	FROM poller.view_syncs_v1 v WHERE user_id = $1
	UNION ALL
	` + requested + `
) every ORDER BY sync_id, rank`

const views = "projector or poller"

// Get is one sync of a user, or a 404. While the other services have never run on
// this database, a sync that was just requested is queued all the same.
func (s *Store) Get(ctx context.Context, userID, id uuid.UUID) (Sync, error) {
	sync, err := s.get(ctx, merged, userID, id)
	if problem.MissingView(err) {
		sync, err = s.get(ctx, requested, userID, id)
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Sync{}, problem.NotFound("sync")
	case err != nil:
		return Sync{}, problem.OfQuery(views, err)
	}
	return sync, nil
}

func (s *Store) get(ctx context.Context, source string, userID, id uuid.UUID) (Sync, error) {
	rows, err := s.db.Query(ctx, `SELECT * FROM (`+source+`) one WHERE sync_id = $2`, userID, id)
	if err != nil {
		return Sync{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scan)
}

// List is one page of a user's syncs, newest request first, and the number on all pages.
func (s *Store) List(ctx context.Context, userID uuid.UUID, word string, limit int) ([]Sync, cursor.Page, int, error) {
	filter := cursor.NewFilter("syncs", userID.String())
	at, err := filter.Start(word)
	if err != nil {
		return nil, cursor.Page{}, 0, problem.InvalidCursor("list")
	}
	var total int
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM (`+merged+`) counted`, userID).Scan(&total); err != nil {
		return nil, cursor.Page{}, 0, problem.OfQuery(views, err)
	}
	tail, args := cursor.Keyset{Time: "requested_at", ID: "sync_id"}.Tail([]any{userID}, at, limit+1)
	rows, err := s.db.Query(ctx, `SELECT * FROM (`+merged+`) listed WHERE true`+tail, args...)
	if err != nil {
		return nil, cursor.Page{}, 0, problem.OfQuery(views, err)
	}
	read, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, cursor.Page{}, 0, problem.OfQuery(views, err)
	}
	read, page := cursor.PageOf(filter, at, limit, read, func(s Sync) cursor.Place { return cursor.Place{Time: s.RequestedAt, ID: s.ID} })
	return read, page, total, nil
}

func scan(row pgx.CollectableRow) (Sync, error) {
	var (
		s        Sync
		from, to *time.Time
		rank     int
		kinds    []byte
	)
	err := row.Scan(&s.ID, &s.UserID, &s.Provider, &s.ConnectionID, &s.Trigger, &s.Window.From, &s.Window.To, &from, &to, &s.Status, &s.NotBefore,
		&s.Counts, &s.Error, &s.RequestedAt, &s.FinishedAt, &kinds, &rank)
	if err == nil && len(kinds) > 0 { // as jsonb, which keeps no order of members
		err = json.Unmarshal(kinds, &s.Kinds)
	}
	if from != nil && to != nil {
		s.Covered = &events.Window{From: *from, To: *to}
	}
	return s, err
}
