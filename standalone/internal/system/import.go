package system

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller"
)

// ErrNoUser says that a person is not known by that id.
var ErrNoUser = errors.New("no such user")

// Import brings an export archive in, beside a running system. user is the
// person's id, or the id that the client gave them. ErrNoUser when neither fits.
func (s *System) Import(ctx context.Context, user string, i poller.Import, progress func(poller.ImportReport)) (poller.Imported, error) {
	var err error
	if i.UserID, err = s.FindUser(ctx, user); err != nil {
		return poller.Imported{}, err
	}
	c, err := s.open(ctx, "import", "poller", nil) // the services beside it have the metrics
	if err != nil {
		return poller.Imported{}, err
	}
	defer c.close()
	service, err := s.poller(c)
	if err != nil {
		return poller.Imported{}, err
	}
	return service.Import(ctx, i, progress)
}

// FindUser gives the id of a person by that id, or by the id that the client gave
// them, also written external:ID as in paths of the API, from what the gateway publishes. ErrNoUser when neither fits.
func (s *System) FindUser(ctx context.Context, user string) (id string, err error) {
	if !events.Storable(user) { // no database could look for it
		return "", fmt.Errorf("%w: the id is not UTF-8", ErrNoUser)
	}
	c, err := s.open(ctx, "import", "", nil)
	if err != nil {
		return "", err
	}
	defer c.close()
	err = c.db.QueryRow(ctx, `SELECT user_id::text FROM gateway.view_users_v1 WHERE user_id::text = lower($1) OR external_user_id IN ($1, $2)
		ORDER BY user_id::text = lower($1) DESC, external_user_id = $1 DESC LIMIT 1`, user, strings.TrimPrefix(user, "external:")).Scan(&id)
	switch {
	case errors.Is(err, pgx.ErrNoRows) && uuid.Validate(user) == nil:
		return "", fmt.Errorf("%w: %s; POST /api/v1/users makes one", ErrNoUser, user)
	case errors.Is(err, pgx.ErrNoRows): // not shown: a client's own id can be a name
		return "", fmt.Errorf("%w with this external_user_id; POST /api/v1/users makes one", ErrNoUser)
	case err != nil:
		return "", fmt.Errorf("look the user up (has the gateway run on this database?): %w", err)
	}
	return id, nil
}
