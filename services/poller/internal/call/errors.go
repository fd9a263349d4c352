package call

import (
	"errors"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Owners of budgets, as ShortError names them.
const (
	OfAccount = "account"
	OfApp     = "app"
)

// ShortError says that a rate limit allows no request before an instant: by our own
// count, or by the provider's answer.
type ShortError struct {
	Until time.Time
	Whose string // OfAccount or OfApp
	// Refusal is the provider's answer; nil when nobody was asked.
	Refusal error
}

func (e *ShortError) Error() string {
	text := "the budget of the " + e.Whose + " is used up until " + e.Until.UTC().Format(time.RFC3339)
	if e.Refusal != nil {
		text += ": " + e.Refusal.Error()
	}
	return text
}

func (e *ShortError) Unwrap() error { return e.Refusal }

// TokenError says that no access token could be had. Nothing about the provider is
// known then.
type TokenError struct {
	// Standing is why. An active connection may have a token later.
	Standing store.Standing
	RetryAt  time.Time // zero when nothing is said of it
	Detail   string
}

func (e *TokenError) Error() string { return "no access token could be had: " + e.Detail }

// ProviderError is an answer that was no record, or no answer.
type ProviderError struct {
	Class provider.Class // never empty: a connector's error without one counts as ClassUnavailable
	Err   error
}

func (e *ProviderError) Error() string { return e.Err.Error() }
func (e *ProviderError) Unwrap() error { return e.Err }

// Detail is the error's text where it is known to hold nothing secret.
func (e *ProviderError) Detail() string {
	var typed *provider.Error
	if errors.As(e.Err, &typed) {
		return typed.Error()
	}
	return "no readable answer."
}

// ClassOf is the class of a ProviderError, or empty for any other error.
func ClassOf(err error) provider.Class {
	var e *ProviderError
	if errors.As(err, &e) {
		return e.Class
	}
	return ""
}
