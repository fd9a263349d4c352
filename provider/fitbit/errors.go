package fitbit

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

// What was tried, as errors name it.
const (
	opExchange = httpcall.OpExchange
	opRefresh  = httpcall.OpRefresh
	opRevoke   = httpcall.OpRevoke
	opList     = "list activities"
)

// Reasons of ours, beside those of every cloud.
const (
	reasonForeignNext  = "foreign_next_link"
	reasonCircularNext = "circular_next_link"
	reasonBadCursor    = "bad_cursor"
)

// errorWord gives back the error types that Fitbit documents (section 9) and
// drops every other text: an error answer can echo a token.
func errorWord(word string) string {
	switch word {
	case "validation", "request", "invalid_request", "invalid_grant", "expired_token", "invalid_token",
		"invalid_client", "authorization", "oauth", "insufficient_scope", "insufficient_permissions",
		"not_found", "system", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "access_denied":
		return word
	default:
		return ""
	}
}

// failure classifies an answer that is no success. Status comes first: the
// error types are not reliable (section 9), except where two failures of one
// status need different care.
func failure(op string, a httpcall.Answer, now time.Time) *provider.Error {
	e := &provider.Error{Provider: Name, Op: op, Status: a.Status, Quotas: quotasOf(a.Header, now)}
	word, isJSON := errorType(a)
	e.Reason = word
	switch {
	case a.Status == http.StatusTooManyRequests:
		e.Class = provider.ClassRateLimited
		e.RetryAt = retryAt(a.Header, now)
	case a.Status >= 500 || a.Status == http.StatusRequestTimeout:
		e.Class = provider.ClassUnavailable
		e.RetryAt = retryAfter(a.Header, now)
	case a.Status == http.StatusConflict:
		e.Class = provider.ClassConflict
	case a.Status == http.StatusGone:
		e.Class = provider.ClassGone
	case a.Status >= 300 && a.Status < 400:
		e.Class, e.Reason = provider.ClassInvalidResponse, httpcall.ReasonRedirect
	case isHTML(a), !isJSON && len(a.Body) > 0:
		// Not Fitbit's words: a proxy or a maintenance page, which says nothing
		// about the grant. An empty answer leaves the status to go by.
		e.Class, e.Reason = provider.ClassInvalidResponse, httpcall.ReasonNotJSON
	default:
		e.Class = classOf(op, a.Status, word)
	}
	return e
}

// classOf tells apart the answers that are Fitbit's own.
func classOf(op string, status int, word string) provider.Class {
	atToken := op == opExchange || op == opRefresh
	switch {
	case word == "invalid_client":
		return provider.ClassInvalidClient
	case word == "invalid_grant" && op != opList:
		return provider.ClassInvalidGrant
	case deadAccess(word) && op == opRevoke:
		return provider.ClassInvalidGrant // the token to revoke is dead already
	case deadAccess(word) && atToken:
		// Words about access tokens (section 9), and none was sent. They say nothing
		// about the grant, so they must not end it; an answer that makes no sense is
		// asked for again, and shows once it lasts.
		return provider.ClassInvalidResponse
	case op != opList && status == http.StatusUnauthorized:
		return provider.ClassInvalidClient // the Basic header was refused: section 2 gives a dead grant 400
	case status == http.StatusUnauthorized:
		return provider.ClassUnauthorized
	case status == http.StatusForbidden && word == "insufficient_scope":
		return provider.ClassInsufficientScope
	case status == http.StatusNotFound:
		return provider.ClassNotFound
	default:
		return provider.ClassBadRequest
	}
}

// deadAccess says whether a word is one for an access token that is over.
func deadAccess(word string) bool { return word == "expired_token" || word == "invalid_token" }

// errorType is the first known error word of the answer, in Fitbit's shape or
// in that of RFC 6749, and whether the answer is JSON at all.
func errorType(a httpcall.Answer) (word string, isJSON bool) {
	var body struct {
		Errors []struct {
			ErrorType string `json:"errorType"`
		} `json:"errors"`
		Error json.RawMessage `json:"error"`
	}
	if !isObject(a.Body) || json.Unmarshal(a.Body, &body) != nil {
		return "", false
	}
	for _, e := range body.Errors {
		if word := errorWord(e.ErrorType); word != "" {
			return word, true
		}
	}
	var plain string
	if json.Unmarshal(body.Error, &plain) == nil {
		return errorWord(plain), true
	}
	return "", true
}

func isObject(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && body[0] == '{'
}

func isHTML(a httpcall.Answer) bool {
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return kind == "text/html" || bytes.HasPrefix(bytes.TrimLeft(a.Body, " \t\r\n"), []byte("<"))
}

// invalid is the failure of an answer that claims success and makes no sense.
func invalid(op, reason string) *provider.Error {
	return httpcall.Invalid(Name, op, reason)
}

const (
	headerLimit     = "Fitbit-Rate-Limit-Limit"
	headerRemaining = "Fitbit-Rate-Limit-Remaining"
	headerReset     = "Fitbit-Rate-Limit-Reset"
)

// unixThreshold tells a point in time from a number of seconds: the header holds
// seconds until the reset (section 3), but clients exist that took it for a Unix
// timestamp, and so may mirrors.
const unixThreshold = 1_000_000_000

// quotasOf reads the rate limit; none when the answer does not tell it.
func quotasOf(h http.Header, now time.Time) []provider.Quota {
	limit, okLimit := count(h.Get(headerLimit))
	remaining, okRemaining := count(h.Get(headerRemaining))
	if !okLimit || !okRemaining {
		return nil
	}
	reset := resetAt(h, now)
	if reset.IsZero() {
		reset = topOfHour(now)
	}
	return []provider.Quota{{Limit: int(limit), Remaining: int(remaining), ResetAt: reset}}
}

// retryAt is when a 429 ends. Reset comes before Retry-After, which was seen to
// disagree with it (section 3); with neither, the quota ends with the hour.
func retryAt(h http.Header, now time.Time) time.Time {
	for _, at := range []time.Time{resetAt(h, now), retryAfter(h, now)} {
		if !at.IsZero() {
			return at
		}
	}
	return topOfHour(now)
}

func resetAt(h http.Header, now time.Time) time.Time {
	n, ok := count(h.Get(headerReset))
	switch {
	case !ok:
		return time.Time{}
	case n >= unixThreshold:
		return time.Unix(n, 0).UTC()
	default:
		return now.Add(time.Duration(n) * time.Second).UTC()
	}
}

func retryAfter(h http.Header, now time.Time) time.Time {
	value := h.Get("Retry-After")
	if n, ok := count(value); ok && n < unixThreshold {
		return now.Add(time.Duration(n) * time.Second).UTC()
	}
	if at, err := http.ParseTime(value); err == nil {
		return at.UTC()
	}
	return time.Time{}
}

func topOfHour(now time.Time) time.Time { return now.UTC().Truncate(time.Hour).Add(time.Hour) }

// count reads a header's non-negative whole number, of a size that a time and
// an int can hold.
func count(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n >= 0 && n < 1<<40
}
