package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Count is how many connections of a provider have a status.
type Count struct {
	Provider, Status string
	Connections      int64
}

// CountConnections counts all connections.
func (s *Store) CountConnections(ctx context.Context) ([]Count, error) {
	rows, err := s.pool.Query(ctx, "SELECT provider, status, count(*) FROM oauth.connections GROUP BY provider, status")
	if err != nil {
		return nil, fmt.Errorf("count the connections: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Count])
	if err != nil {
		return nil, fmt.Errorf("count the connections: %w", err)
	}
	return list, nil
}
