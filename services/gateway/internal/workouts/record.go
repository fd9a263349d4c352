package workouts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// record is a workout's row. A workout of a user that is not there any more is
// not there either.
type record struct {
	id, userID           uuid.UUID
	provider, externalID string
	removedAt            *time.Time
	duplicateOf          *uuid.UUID
	version              int64
	doc, details         []byte
	created, updated     time.Time
	kind                 *string // its type; null once removed
}

func (s *Store) record(ctx context.Context, id uuid.UUID) (record, error) {
	r := record{id: id}
	err := s.db.QueryRow(ctx, `SELECT w.user_id, w.provider, w.external_id, w.removed_at, w.duplicate_of, w.version, w.doc, w.details, w.created_at, w.updated_at, w.type
		FROM projector.view_workouts_v1 w JOIN gateway.users u ON u.id = w.user_id WHERE w.id = $1`, id).
		Scan(&r.userID, &r.provider, &r.externalID, &r.removedAt, &r.duplicateOf, &r.version, &r.doc, &r.details, &r.created, &r.updated, &r.kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return record{}, problem.NotFound("workout")
	}
	if err != nil {
		return record{}, problem.OfQuery(projector, err)
	}
	return r, nil
}

// present is the record unless the provider has removed it, which is a 410.
func (s *Store) present(ctx context.Context, id uuid.UUID) (record, error) {
	r, err := s.record(ctx, id)
	if err != nil {
		return record{}, err
	}
	if r.removedAt != nil {
		p := problem.New(http.StatusGone, problem.CodeGone, "The provider no longer has this workout, since "+
			r.removedAt.UTC().Format(time.RFC3339)+" as far as is known. Its versions remain at /api/v1/workouts/"+id.String()+"/history.")
		p.Reason = "removed"
		return record{}, p
	}
	return r, nil
}

// Owner is whose workout it is, also of one that was removed.
func (s *Store) Owner(ctx context.Context, id uuid.UUID) (uuid.UUID, error) {
	r, err := s.record(ctx, id)
	return r.userID, err
}

// Get is the full record as the JSON body of the answer.
func (s *Store) Get(ctx context.Context, id uuid.UUID) ([]byte, error) {
	r, err := s.present(ctx, id)
	if err != nil {
		return nil, err
	}
	a := added{created: r.created, updated: r.updated, duplicateOf: r.duplicateOf, details: &r.details}
	if r.kind != nil {
		a.word = s.words[*r.kind]
	}
	body, err := appendWorkout(make([]byte, 0, len(r.doc)+len(r.details)+usualRow), r.doc, a)
	if err != nil {
		return nil, fmt.Errorf("workout %s: %w", id, err)
	}
	return body, nil
}

// Raw is a provider's record, byte for byte.
type Raw struct {
	Bytes  []byte
	Format string
	JSON   bool
}

// Raw reads the record that the current version was made from, from the log.
func (s *Store) Raw(ctx context.Context, id uuid.UUID) (Raw, error) {
	r, err := s.present(ctx, id)
	if err != nil {
		return Raw{}, err
	}
	data, err := s.fact(ctx, r.version)
	if err != nil {
		return Raw{}, err
	}
	fact, ok := data.(*events.ActivityFetched)
	if !ok || fact.UserID != r.userID.String() || fact.Provider != r.provider || fact.ExternalID != r.externalID {
		return Raw{}, mismatch(r.version, "the log has another record there", nil)
	}
	return Raw{Bytes: fact.Raw, Format: fact.Format, JSON: json.Valid(fact.Raw)}, nil
}

// fact reads what a workout is made of from the log.
func (s *Store) fact(ctx context.Context, sequence int64) (events.Data, error) {
	d, err := s.bus.Get(ctx, events.StreamFacts, uint64(sequence))
	if errors.Is(err, bus.ErrNoMessage) {
		return nil, mismatch(sequence, "the log has nothing there", err)
	}
	if err != nil {
		return nil, problem.Unavailable("The log cannot be read now: try again; if it stays so, check the connection to NATS.", err)
	}
	if d.Err != nil {
		return nil, mismatch(sequence, "what the log has there cannot be read", d.Err)
	}
	return d.Event.Data, nil
}

func mismatch(sequence int64, what string, cause error) error {
	return problem.New(http.StatusBadGateway, problem.CodeLogMismatch,
		fmt.Sprintf("This workout was made from fact %d, but %s: the log was restored or is being erased. Run stridelog rebuild, then try again.", sequence, what)).Because(cause)
}
