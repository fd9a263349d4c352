package connections

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// Stretch is a span of time, From included and Until not, of which one kind of data
// was read completely.
type Stretch struct {
	Kind        string
	From, Until time.Time
}

// coverage is what was read of the accounts of a user's connections, oldest first; a
// connection of whose account nothing was read is absent. An older poller, which may
// still run during an upgrade, does not publish the view: then nothing is known, which
// is no error.
func (r *Reader) coverage(ctx context.Context, userID uuid.UUID) (map[uuid.UUID][]Stretch, error) {
	// The poller names an account by its connection where the provider does not tell it.
	rows, err := r.db.Query(ctx, `SELECT c.id, v.kind, v.covered_from, v.covered_to
		FROM oauth.view_connections_v1 c JOIN poller.view_coverage_v1 v ON v.user_id = c.user_id AND v.provider = c.provider
			AND v.provider_account_id = coalesce(nullif(c.provider_user_id, ''), c.id::text)
		WHERE c.user_id = $1 ORDER BY v.covered_from, v.kind`, userID)
	known := map[uuid.UUID][]Stretch{}
	if err == nil {
		var (
			id uuid.UUID
			s  Stretch
		)
		_, err = pgx.ForEachRow(rows, []any{&id, &s.Kind, &s.From, &s.Until}, func() error {
			known[id] = append(known[id], s)
			return nil
		})
	}
	if err != nil && !problem.MissingView(err) {
		return nil, problem.OfQuery("oauth or poller", err)
	}
	return known, nil
}
