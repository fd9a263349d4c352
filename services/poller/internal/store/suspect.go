package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
)

// KnownWithin gives the records of a target's present account and of one source that a
// list of a span should hold: those whose civil start, end or date, as the list has it,
// lies in it, an end of the span taken as the civil time that it is in UTC. Those of
// other accounts, of imports and without a readable time are not for a pass to miss.
func (s *Store) KnownWithin(ctx context.Context, t Target, of Part, order provider.Order, span events.Window) ([]absence.Suspect, error) {
	rows, err := s.db.Query(ctx, `
		SELECT i.external_id, i.sequence, i.at, x.first_absent, x.mass_since
		  FROM (SELECT *, `+orderedAt(order)+` AS at FROM poller.activity_index
		         WHERE user_id = $1 AND provider = $2 AND NOT removed AND origin = 'api' AND account = $3
		           AND kind = $6 AND resource = $7) i
		  LEFT JOIN poller.suspects x
		    ON x.user_id = i.user_id AND x.provider = i.provider AND x.external_id = i.external_id AND x.sequence = i.sequence
		 WHERE i.at + make_interval(secs => i.utc_offset_seconds) >= $4
		   AND i.at + make_interval(secs => i.utc_offset_seconds) < $5`,
		t.UserID, t.Provider, t.AccountID, span.From, span.To, of.Kind, of.Resource)
	return collectSuspects(rows, err, t)
}

// Suspects gives the suspects of a target and of one source that still mean something.
func (s *Store) Suspects(ctx context.Context, t Target, of Part, order provider.Order) ([]absence.Suspect, error) {
	rows, err := s.db.Query(ctx, `
		SELECT i.external_id, i.sequence, i.at, x.first_absent, x.mass_since
		  FROM poller.suspects x
		  JOIN (SELECT *, `+orderedAt(order)+` AS at FROM poller.activity_index) i
		    ON x.user_id = i.user_id AND x.provider = i.provider AND x.external_id = i.external_id AND x.sequence = i.sequence
		 WHERE x.user_id = $1 AND x.provider = $2 AND NOT i.removed AND i.account = $3 AND i.kind = $4 AND i.resource = $5 ORDER BY 1`,
		t.UserID, t.Provider, t.AccountID, of.Kind, of.Resource)
	return collectSuspects(rows, err, t)
}

func collectSuspects(rows pgx.Rows, err error, t Target) ([]absence.Suspect, error) {
	if err != nil {
		return nil, fmt.Errorf("look for missing records of user %s: %w", t.UserID, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[absence.Suspect])
	if err != nil {
		return nil, fmt.Errorf("look for missing records of user %s: %w", t.UserID, err)
	}
	for i := range list {
		list[i].ExternalID = ExternalID(list[i].ExternalID)
	}
	return list, nil
}

// PutSuspects stores suspicions. What began earlier about the same version stays.
func PutSuspects(ctx context.Context, tx pgx.Tx, t Target, kind string, list []absence.Suspect) error {
	var (
		ids          []string
		sequences    []int64
		absent, mass []*time.Time
	)
	for _, x := range list {
		ids, sequences = append(ids, Key(kind, x.ExternalID)), append(sequences, int64(x.Sequence)) //nolint:gosec // a sequence fits
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
func ClearSuspects(ctx context.Context, tx pgx.Tx, t Target, kind string, externalIDs []string) error {
	if len(externalIDs) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, "DELETE FROM poller.suspects WHERE user_id = $1 AND provider = $2 AND external_id = ANY($3)",
		t.UserID, t.Provider, keys(kind, externalIDs))
	if err != nil {
		return fmt.Errorf("clear suspects of user %s: %w", t.UserID, err)
	}
	return nil
}
