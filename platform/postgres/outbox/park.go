package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
)

// The server's refusals of a message for what it is, from nats-server's
// jetstream_errors_generated.go.
const (
	codeMessageTooLarge jetstream.ErrorCode = 10054
	codeHeaderTooLarge  jetstream.ErrorCode = 10097
)

// refusedForGood says whether a row that could not be published never can be, with
// this server as it is set up. Anything else may be over soon: a stream that is
// missing may be declared, a full disk be emptied.
func refusedForGood(m row, err error) bool {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return false
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject):
		return true
	case errors.As(err, &api) && (api.ErrorCode == codeMessageTooLarge || api.ErrorCode == codeHeaderTooLarge):
		return true
	}
	_, _, _, _, malformed := events.ParseSubject(m.Subject) //nolint:dogsled // only whether it is a subject of ours
	return malformed != nil
}

// park leaves a row in the table with the reason, and out of the way. It is
// published again once somebody has set parked to NULL.
func (r *Relay) park(ctx context.Context, conn *pgxpool.Conn, m row, reason error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if _, err := conn.Exec(ctx, "UPDATE "+r.schema+".outbox SET parked = $2 WHERE id = $1", m.ID, reason.Error()); err != nil {
		return fmt.Errorf("park outbox row %d: %w", m.ID, err)
	}
	r.log.Error("JetStream refuses an event for good; it is parked in the outbox with the reason", "row", m.ID, "type", m.kind())
	return nil
}

// kind is the event type of a row.
func (m row) kind() string {
	if types := m.Header[events.HeaderType]; len(types) > 0 {
		return types[0]
	}
	return "unknown"
}
