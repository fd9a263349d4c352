package httpcall

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/stridelog/stridelog/provider"
)

// Reasons of failures that no provider has a word for.
const (
	ReasonTimeout    = "timeout"
	ReasonCanceled   = "canceled"
	ReasonConnection = "connection_failed"
	ReasonNotJSON    = "not_json"
	ReasonIncomplete = "incomplete_answer"
	ReasonBadAddress = "bad_address"
	ReasonRedirect   = "redirect"
)

// Unreachable is the failure of a call that got no whole answer. The error it
// comes from stays behind: its text holds the address, and may hold more.
func Unreachable(ctx context.Context, name, op string, err error) *provider.Error {
	e := &provider.Error{Provider: name, Op: op, Class: provider.ClassUnavailable, Reason: ReasonConnection}
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Reason = ReasonCanceled
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		e.Reason = ReasonTimeout
	}
	return e
}

// Invalid is the failure of an answer that claims success and makes no sense.
func Invalid(name, op, reason string) *provider.Error {
	return &provider.Error{Provider: name, Op: op, Class: provider.ClassInvalidResponse, Status: http.StatusOK, Reason: reason}
}
