package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
)

// KnownWithin gives the records of a target's present account whose civil start
// lies in a span, an end taken as the civil time that it is in UTC. Those of other
// accounts, of imports and without a readable start are not for a pass to miss.
func (s *Store) KnownWithin(ctx context.Context, t Target, span events.Window) ([]absence.Suspect, error) {
	rows, err := s.db.Query(ctx, `
		SELECT i.external_id, i.sequence, i.started_at, x.first_absent, x.mass_since
		  FROM poller.activity_index i LEFT JOIN poller.suspects x
		    ON x.user_id = i.user_id AND x.provider = i.provider AND x.external_id = i.external_id AND x.sequence = i.sequence
		 WHERE i.user_id = $1 AND i.provider = $2 AND NOT i.removed AND i.origin = 'api' AND i.account = $3
		   AND i.started_at + make_interval(secs => i.utc_offset_seconds) >= $4
		   AND i.started_at + make_interval(secs => i.utc_offset_seconds) < $5`,
		t.UserID, t.Provider, t.AccountID, span.From, span.To)
	return collectSuspects(rows, err, t)
}

// Suspects gives the target's suspects that still mean something.
func (s *Store) Suspects(ctx context.Context, t Target) ([]absence.Suspect, error) {
	rows, err := s.db.Query(ctx, `
		SELECT i.external_id, i.sequence, i.started_at, x.first_absent, x.mass_since
		  FROM poller.suspects x JOIN poller.activity_index i
		    ON x.user_id = i.user_id AND x.provider = i.provider AND x.external_id = i.external_id AND x.sequence = i.sequence
		 WHERE x.user_id = $1 AND x.provider = $2 AND NOT i.removed AND i.account = $3 ORDER BY 1`,
		t.UserID, t.Provider, t.AccountID)
	return collectSuspects(rows, err, t)
}

func collectSuspects(rows pgx.Rows, err error, t Target) ([]absence.Suspect, error) {
	if err != nil {
		return nil, fmt.Errorf("look for missing activities of user %s: %w", t.UserID, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[absence.Suspect])
	if err != nil {
		return nil, fmt.Errorf("look for missing activities of user %s: %w", t.UserID, err)
	}
	return list, nil
}

// PutSuspects stores suspicions. What began earlier about the same version stays.
func PutSuspects(ctx context.Context, tx pgx.Tx, t Target, list []absence.Suspect) error {
	var (
		ids          []string
		sequences    []int64
		absent, mass []*time.Time
	)
	for _, x := range list {
		ids, sequences = append(ids, x.ExternalID), append(sequences, int64(x.Sequence)) //nolint:gosec // a sequence fits
		absent, mass = append(absent, x.FirstAbsent), append(mass, x.MassSince)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO poller.suspects (user_id, provider, external_id, sequence, first_absent, mass_since)
		SELECT $1, $2, x.id, x.seq, x.absent, x.mass
		  FROM unnest($3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[]) AS x (id, seq, absent, mass)
		ON CONFLICT (user_id, provider, external_id) DO UPDATE SET
		    sequence = excluded.sequence,
		    first_absent = CASE WHEN suspects.sequence = excluded.sequence THEN coalesce(suspects.first_absent, excluded.first_absent) ELSE excluded.first_absent END,
		    mass_since = CASE WHEN suspects.sequence = excluded.sequence THEN coalesce(suspects.mass_since, excluded.mass_since) ELSE excluded.mass_since END`,
		t.UserID, t.Provider, ids, sequences, absent, mass)
	if err != nil {
		return fmt.Errorf("store suspects of user %s: %w", t.UserID, err)
	}
	return nil
}

// ClearSuspects forgets suspicions: the records were seen, or their removal is known.
func ClearSuspects(ctx context.Context, tx pgx.Tx, t Target, externalIDs []string) error {
	if len(externalIDs) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, "DELETE FROM poller.suspects WHERE user_id = $1 AND provider = $2 AND external_id = ANY($3)",
		t.UserID, t.Provider, externalIDs)
	if err != nil {
		return fmt.Errorf("clear suspects of user %s: %w", t.UserID, err)
	}
	return nil
}
