// Package notifications turns what providers tell on their own into requests for
// syncs. A notification only says where to look: what is there is read from the
// provider, so one that is lost, late or repeated changes nothing but when.
package notifications

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

const (
	source = "stridelog/gateway"
	// slot is how long equal notifications are one request, which starts after it: a
	// change that the slot's last one tells of is there by then.
	slot = 5 * time.Second
	// clocks is how far the clocks of two machines may differ.
	clocks = 2 * time.Second
)

// Store requests syncs for what was told.
type Store struct {
	db  *pgxpool.Pool
	bus *bus.Bus
	now func() time.Time
}

// NewStore uses the pool and publishes on the bus.
func NewStore(db *pgxpool.Pool, b *bus.Bus) *Store { return &Store{db: db, bus: b, now: time.Now} }

// connection is a live connection of an account that was told of.
type connection struct {
	ID      uuid.UUID
	User    uuid.UUID
	Account string
}

// Request asks for a sync of every user who has a live connection with an account
// that changed, and gives how many were asked for. When it returns, JetStream has
// them. The same changes again within some seconds are the same requests.
func (s *Store) Request(ctx context.Context, name string, changes []provider.AccountChange) (int, error) {
	if len(changes) == 0 {
		return 0, nil
	}
	now := s.now().UTC()
	began := now.Truncate(slot)
	byAccount := map[string][]provider.AccountChange{}
	var accounts []string
	for _, c := range changes {
		c, ok := c.Storable()
		if !ok {
			continue // nobody here has such an account
		}
		if byAccount[c.AccountID] == nil {
			accounts = append(accounts, c.AccountID)
		}
		byAccount[c.AccountID] = append(byAccount[c.AccountID], c)
	}
	live, err := s.live(ctx, name, accounts)
	if err != nil {
		return 0, err
	}
	asked := 0
	for _, c := range live {
		// Windows that depend on the present do not depend on when in the slot it is.
		n, err := s.ask(ctx, name, c, gather(byAccount[c.Account], began.Add(slot)), began)
		if err != nil {
			return asked, err
		}
		asked += n
	}
	return asked, nil
}

// live are the users who have a connection in use with one of the accounts.
func (s *Store) live(ctx context.Context, name string, accounts []string) ([]connection, error) {
	rows, err := s.db.Query(ctx, `SELECT id, user_id, provider_user_id FROM oauth.view_connections_v1
		WHERE provider = $1 AND provider_user_id = ANY($2) AND (status IN ('active', 'degraded') OR status = 'action_required' AND reason = $3)
		ORDER BY user_id`, name, accounts, events.ReasonConsentExpiring)
	if err != nil {
		return nil, problem.OfQuery("oauth", err)
	}
	live, err := pgx.CollectRows(rows, pgx.RowToStructByPos[connection])
	if err != nil {
		return nil, problem.OfQuery("oauth", err)
	}
	return live, nil
}

// ask publishes one user's requests. The user's row stays locked meanwhile, so that
// none slips past an erasure.
func (s *Store) ask(ctx context.Context, name string, c connection, wishes []wish, began time.Time) (asked int, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var exists bool
		err := tx.QueryRow(ctx, `SELECT true FROM gateway.users WHERE id = $1 FOR KEY SHARE`, c.User).Scan(&exists)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // being erased
		}
		if err != nil {
			return fmt.Errorf("lock the user: %w", err)
		}
		for _, w := range wishes {
			if _, err := s.bus.Publish(ctx, request(name, c, w, began)); err != nil {
				return problem.Unavailable("The notification could not be kept: send it again; if it stays so, check the connection to NATS.", err)
			}
			asked++
		}
		return nil
	})
	return asked, err
}

// request is the event that asks for one window. Its ids come from what it asks for
// and from the slot that it falls into.
func request(name string, c connection, w wish, began time.Time) events.Event {
	const form = time.RFC3339Nano
	cause := strings.Join(append([]string{
		"notification", name, c.User.String(), w.window.From.Format(form), w.window.To.Format(form), began.Format(form),
	}, w.suspects...), "\n")
	var kinds []string
	if w.kind != "" {
		cause, kinds = cause+"\nkind "+w.kind, []string{w.kind}
	}
	id := events.SyncID(cause)
	start := began.Add(slot + clocks)
	return events.Event{
		ID: events.SyncID("request\n" + cause), Source: source, About: id, Time: began, Provider: name, UserID: c.User.String(),
		Data: &events.SyncRequested{
			SyncID: id, ConnectionID: c.ID.String(), UserID: c.User.String(), Provider: name, Window: w.window, Kinds: kinds, Suspects: w.suspects,
			Trigger: events.TriggerNotification, RequestedAt: began, NotBefore: &start,
		},
	}
}
