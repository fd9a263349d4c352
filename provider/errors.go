package provider

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what kind of failure a provider answered with, and so what to do.
type Class string

// The classes. Only those marked (grant) may ever change a connection's status.
const (
	ClassRateLimited       Class = "rate_limited"       // wait until RetryAt
	ClassUnavailable       Class = "unavailable"        // 5xx, timeout, reset: retry with backoff
	ClassInvalidResponse   Class = "invalid_response"   // HTML, truncated JSON, wrong type: retry with backoff
	ClassUnauthorized      Class = "unauthorized"       // access token refused: refresh once
	ClassInsufficientScope Class = "insufficient_scope" // (grant) ask the person for the scope
	ClassNotFound          Class = "not_found"
	ClassGone              Class = "gone"           // 410: the API is switched off, if a second call says so
	ClassInvalidGrant      Class = "invalid_grant"  // (grant) re-read the stored token first
	ClassInvalidClient     Class = "invalid_client" // our credentials: tell the operator, keep the connection
	ClassNotAdmitted       Class = "not_admitted"   // this installation may not use the API: tell the operator, keep the connection
	ClassConflict          Class = "conflict"       // 409: somebody else refreshes; re-read
	ClassBadRequest        Class = "bad_request"    // our fault: do not retry unchanged
	ClassTooLarge          Class = "too_large"      // more bytes than we accept
)

// Error is a provider's failure, rebuilt from its status and class: no body, no
// URL and no wrapped library error, because those can hold a token.
type Error struct {
	Provider string
	Op       string // what was tried: "list activities"
	Class    Class
	Status   int       // HTTP status; 0 when there was no answer
	Reason   string    // the provider's own error word, from a known set; never its text
	RetryAt  time.Time // zero when the provider does not say
	Quotas   []Quota   // as far as the answer says
	// OfAccount says that the limit that was hit is the account's own, where the
	// provider has one for the whole app, too, and its answer names no numbers.
	OfAccount bool
}

// Error says what was tried, what came back and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: %s", e.Provider, e.Op, e.Class)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, " [%s]", e.Reason)
	}
	if advice := e.Class.advice(); advice != "" {
		fmt.Fprintf(&b, ": %s", advice)
	}
	if !e.RetryAt.IsZero() {
		fmt.Fprintf(&b, " (not before %s)", e.RetryAt.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// Retryable says whether the same call may succeed later without anybody's help.
func (c Class) Retryable() bool {
	switch c {
	case ClassRateLimited, ClassUnavailable, ClassInvalidResponse, ClassConflict:
		return true
	default:
		return false
	}
}

func (c Class) advice() string {
	switch c {
	case ClassRateLimited:
		return "wait for the limit to reset"
	case ClassUnavailable, ClassInvalidResponse:
		return "try again later"
	case ClassUnauthorized:
		return "refresh the access token and try once more"
	case ClassInsufficientScope:
		return "ask the person to grant the missing scope"
	case ClassGone:
		return "the API seems switched off; confirm with a second call"
	case ClassInvalidGrant:
		return "re-read the stored token; if it is current, the person must consent again"
	case ClassInvalidClient:
		return "check the client id and secret"
	case ClassNotAdmitted:
		return "the provider does not let this installation use the API; its operator must see to that"
	case ClassConflict:
		return "re-read the stored token and try again"
	case ClassTooLarge:
		return "the answer exceeds the size limit"
	default:
		return ""
	}
}

// ClassOf is the class of a provider error, or empty for any other error.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return ""
}
