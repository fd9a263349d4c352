package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// Import is how one import stands.
type Import struct {
	ID, UserID             uuid.UUID
	Provider, Kind, Status string
	DryRun                 bool
	TimeZone               string // stated with the import; empty when none was
	Report                 Report
	Error                  *Failure
	RequestedAt            time.Time
	StartedAt, FinishedAt  *time.Time
}

// Report is what the poller's view says that an import did so far.
type Report struct {
	Progress struct {
		BytesRead        int64   `json:"bytes_read"`
		BytesTotal       int64   `json:"bytes_total"`
		RecordsPerSecond float64 `json:"records_per_second"`
	} `json:"progress"`
	Counts struct {
		Found        int `json:"found"`
		Imported     int `json:"imported"`
		AlreadyThere int `json:"already_there"`
		Enriched     int `json:"enriched"`
		Skipped      int `json:"skipped"`
		Rejected     int `json:"rejected"`
		Superseded   int `json:"superseded"`
		Restated     int `json:"restated"`
	} `json:"counts"`
	Range *struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
	} `json:"date_range"`
	Files   []File   `json:"files"`
	Unknown []string `json:"unknown_files"`
	Notes   []string `json:"notes"`
}

// File is what became of one file.
type File struct {
	Name         string         `json:"name"`
	Kind         string         `json:"kind"`
	Found        int            `json:"found"`
	Imported     int            `json:"imported"`
	AlreadyThere int            `json:"already_there"`
	Enriched     int            `json:"enriched"`
	Rejected     int            `json:"rejected"`
	Skipped      map[string]int `json:"skipped"`
	Problem      string         `json:"problem"`
}

// Failure says why an import failed, or is only a part.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

const (
	view = "poller"
	// time_zone is read as a member: an older poller, which may still run during an
	// upgrade, has a view without that column.
	columns = `SELECT import_id, user_id, provider, kind, dry_run, status, report, error, requested_at, started_at, finished_at, coalesce(to_jsonb(v)->>'time_zone', '') FROM poller.view_imports_v1 v`
)

// Owner is whose import it is.
func (s *Store) Owner(ctx context.Context, id uuid.UUID) (uuid.UUID, error) {
	i, err := s.Get(ctx, id)
	return i.UserID, err
}

// Get is one import, or a 404. Those of erased users are gone.
func (s *Store) Get(ctx context.Context, id uuid.UUID) (Import, error) {
	rows, err := s.db.Query(ctx, columns+` WHERE import_id = $1 AND EXISTS (SELECT FROM gateway.users u WHERE u.id = v.user_id)`, id)
	if err != nil {
		return Import{}, problem.OfQuery(view, err)
	}
	i, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return Import{}, problem.NotFound("import")
	}
	if err != nil {
		return Import{}, problem.OfQuery(view, err)
	}
	return i, nil
}

// List is one page of a user's imports, newest request first, and the number on all pages.
func (s *Store) List(ctx context.Context, userID uuid.UUID, word string, limit int) ([]Import, cursor.Page, int, error) {
	filter := cursor.NewFilter("imports", userID.String())
	at, err := filter.Start(word)
	if err != nil {
		return nil, cursor.Page{}, 0, problem.InvalidCursor("list")
	}
	var total int
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM poller.view_imports_v1 WHERE user_id = $1`, userID).Scan(&total); err != nil {
		return nil, cursor.Page{}, 0, problem.OfQuery(view, err)
	}
	tail, args := cursor.Keyset{Time: "requested_at", ID: "import_id"}.Tail([]any{userID}, at, limit+1)
	rows, err := s.db.Query(ctx, columns+` WHERE user_id = $1`+tail, args...)
	if err != nil {
		return nil, cursor.Page{}, 0, problem.OfQuery(view, err)
	}
	read, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, cursor.Page{}, 0, problem.OfQuery(view, err)
	}
	read, page := cursor.PageOf(filter, at, limit, read, func(i Import) cursor.Place { return cursor.Place{Time: i.RequestedAt, ID: i.ID} })
	return read, page, total, nil
}

func scan(row pgx.CollectableRow) (Import, error) {
	var (
		i              Import
		report, failed []byte
	)
	err := row.Scan(&i.ID, &i.UserID, &i.Provider, &i.Kind, &i.DryRun, &i.Status, &report, &failed, &i.RequestedAt, &i.StartedAt, &i.FinishedAt, &i.TimeZone)
	if err != nil {
		return i, err
	}
	if err := json.Unmarshal(report, &i.Report); err != nil {
		return i, fmt.Errorf("read the report of import %s: %w", i.ID, err)
	}
	if failed == nil {
		return i, nil
	}
	return i, json.Unmarshal(failed, &i.Error)
}
