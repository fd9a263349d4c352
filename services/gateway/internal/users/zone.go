package users

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// NoZone is what is wrong with a name of a zone that nobody knows.
const NoZone = "is no name of the time zone database; an example is Europe/Rome"

// checkZone is a 400 for a zone that is not known. nil is none.
func checkZone(name *string) error {
	if name == nil {
		return nil
	}
	if _, known := provider.ZoneNamed(*name); !known {
		return problem.InvalidField("time_zone", NoZone)
	}
	return nil
}

// Zone is the zone that a person lives in; UTC where it is not known, as for people who
// are not there.
func (s *Store) Zone(ctx context.Context, id uuid.UUID) (*time.Location, error) {
	rows, err := s.db.Query(ctx, `SELECT coalesce(time_zone, '') FROM gateway.users WHERE id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("read a user's time zone: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read a user's time zone: %w", err)
	}
	for _, name := range names {
		if zone, known := provider.ZoneNamed(name); known {
			return zone, nil
		}
	}
	return time.UTC, nil
}

// StateZone notes the zone that was stated with an import, in its transaction, where
// none is known yet.
func StateZone(ctx context.Context, tx pgx.Tx, id uuid.UUID, name string) error {
	_, err := tx.Exec(ctx, `UPDATE gateway.users SET time_zone = $2, time_zone_source = 'import', time_zone_since = now(), updated_at = now()
		WHERE id = $1 AND time_zone IS NULL`, id, name)
	if err != nil {
		return fmt.Errorf("note a user's time zone: %w", err)
	}
	return nil
}
