// Package refusal words what the service answers when it cannot do what it was
// asked: the codes of the rpc contract, and sentences that say what to do.
package refusal

import (
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// Argument refuses a request whose field is wrong.
func Argument(field, detail string) *rpc.Error {
	return &rpc.Error{Code: rpc.CodeInvalidArgument, Field: field, Detail: detail}
}

// UnknownProvider refuses a name that is not in the catalog.
func UnknownProvider() *rpc.Error {
	return &rpc.Error{Code: rpc.CodeUnknownProvider, Field: "provider", Detail: "There is no such provider; see the list of providers."}
}

// Disabled refuses a provider that has no credentials here.
func Disabled(provider string) *rpc.Error {
	return &rpc.Error{Code: rpc.CodeProviderDisabled, Field: "provider",
		Detail: fmt.Sprintf("The provider %s is not configured here: set its client id and secret.", provider)}
}

// InvalidState refuses a callback whose state is not a consent under way.
func InvalidState() *rpc.Error {
	return &rpc.Error{Code: rpc.CodeInvalidState, Field: "state",
		Detail: "The state is unknown, used, expired or of another provider: start the consent again."}
}

// NoConnection refuses an id or a user that has no connection.
func NoConnection() *rpc.Error {
	return &rpc.Error{Code: rpc.CodeNotFound, Detail: "There is no such connection."}
}

// Unusable refuses a token of a connection whose status forbids it.
func Unusable(c store.Connection) *rpc.Error {
	e := &rpc.Error{Code: rpc.CodeActionRequired, Reason: c.Reason, NextAction: c.NextAction,
		Detail: fmt.Sprintf("The connection %s is %s.", c.ID, c.Status)}
	if e.Reason == "" {
		e.Reason = string(c.Status)
	}
	if c.Status == events.StatusRevoked {
		e.NextAction = "Ask the person to connect again."
	}
	return e
}

// TooMany refuses until an instant what was asked for too often.
func TooMany(what string, until time.Time) *rpc.Error {
	return &rpc.Error{Code: rpc.CodeTooMany, RetryAt: &until, Detail: "Too many " + what + ": go on with one of them, or wait as long as Retry-After says."}
}

// Later refuses for now. The instant is zero when it is not known.
func Later(detail string, at time.Time) *rpc.Error {
	e := &rpc.Error{Code: rpc.CodeUnavailable, Detail: detail}
	if !at.IsZero() {
		at = at.UTC()
		e.RetryAt = &at
	}
	return e
}
