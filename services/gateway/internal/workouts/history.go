package workouts

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// version is one entry of a workout's history. Its document goes out as stored.
type version struct {
	Event             string    `json:"event"`
	EventID           string    `json:"event_id"`
	Sequence          int64     `json:"sequence"`
	FactID            string    `json:"fact_id"`
	Origin            string    `json:"origin"`
	At                time.Time `json:"at"`
	NormalizerVersion *int      `json:"normalizer_version"`
	Problem           *string   `json:"problem"`
	doc               []byte
}

// History is every version of a workout in the order of the log, as the JSON body
// of the answer; also of a workout that was removed.
func (s *Store) History(ctx context.Context, id uuid.UUID) ([]byte, error) {
	if _, err := s.record(ctx, id); err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, `SELECT event, event_id::text, sequence, fact_id::text, origin, at, normalizer_version, problem, doc
		FROM projector.view_workout_versions_v1 WHERE workout_id = $1 ORDER BY sequence`, id)
	if err != nil {
		return nil, problem.OfQuery(projector, err)
	}
	versions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (version, error) {
		var v version
		err := row.Scan(&v.Event, &v.EventID, &v.Sequence, &v.FactID, &v.Origin, &v.At, &v.NormalizerVersion, &v.Problem, &v.doc)
		v.At = v.At.UTC()
		return v, err
	})
	if err != nil {
		return nil, problem.OfQuery(projector, err)
	}
	body := []byte(`{"data":[`)
	for i, v := range versions {
		if i > 0 {
			body = append(body, ',')
		}
		if body, err = v.appendTo(body); err != nil {
			return nil, fmt.Errorf("history of workout %s: %w", id, err)
		}
	}
	return append(body, "]}"...), nil
}

func (v version) appendTo(dst []byte) ([]byte, error) {
	head, err := json.Marshal(v)
	if err != nil {
		return dst, err
	}
	dst = append(dst, head[:len(head)-1]...)
	dst = append(dst, `,"workout":`...)
	if len(v.doc) == 0 {
		dst = append(dst, "null"...)
	}
	dst = append(dst, v.doc...)
	return append(dst, '}'), nil
}
