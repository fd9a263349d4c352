package googlehealth

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

// What was tried, as errors name it.
const (
	opExchange = httpcall.OpExchange
	opRefresh  = httpcall.OpRefresh
	opRevoke   = httpcall.OpRevoke
	opIdentity = "read identity"
	opSettings = "read settings"
	opList     = "list exercises"
	opGet      = "get exercise"
	opRoute    = "get route"
	opNotice   = "read notification"
	opKeys     = "read notification keys"
)

// Reasons of ours, beside those of every cloud.
const (
	reasonNotTCX    = "not_tcx"
	reasonCircular  = "circular_page_token"
	reasonBadID     = "bad_id"
	reasonBadCursor = "bad_cursor"
	reasonNoRoute   = "no_route"

	reasonBadSecret    = "bad_secret"
	reasonBadMethod    = "bad_method"
	reasonBadSignature = "bad_signature"
	reasonUnknownKey   = "unknown_key"
)

// failure classifies an answer that is no success. The HTTP status comes first
// where it says enough: such answers often are a proxy's, in HTML (section 7).
func failure(op string, a httpcall.Answer, now time.Time) *provider.Error {
	s, isJSON := readStatus(a.Body)
	e := &provider.Error{Provider: Name, Op: op, Status: a.Status, Reason: knownWord(s.reason)}
	switch {
	case a.Status == http.StatusTooManyRequests:
		e.Class, e.OfAccount = provider.ClassRateLimited, !s.limitOfProject
		e.RetryAt = retryAt(a.Header, now)
	case a.Status >= 500 || a.Status == http.StatusRequestTimeout:
		e.Class = provider.ClassUnavailable
	case a.Status == http.StatusConflict:
		e.Class = provider.ClassConflict
	case a.Status == http.StatusGone:
		e.Class = provider.ClassGone
	case a.Status >= 300 && a.Status < 400:
		e.Class, e.Reason = provider.ClassInvalidResponse, httpcall.ReasonRedirect
	case a.Status == http.StatusNotFound && op == opRoute:
		e.Class = provider.ClassNotFound // in whatever words: no route is no loss (section 4)
	case !isJSON && len(a.Body) > 0, !isJSON && a.Status == http.StatusNotFound:
		// Not Google's words: a proxy, or a path that does not exist. It says nothing
		// about the grant or about a record. Else an empty answer leaves the status.
		e.Class, e.Reason = provider.ClassInvalidResponse, httpcall.ReasonNotJSON
	case atTokenEndpoint(op):
		e.Class = classOfToken(a.Status, s.reason)
	default:
		e.Class = classOfCall(op, a.Status, s)
		if notLinked(a.Status, s) {
			e.Reason = events.ReasonAccountNotLinked
		}
	}
	return e
}

func atTokenEndpoint(op string) bool { return op == opExchange || op == opRefresh || op == opRevoke }

// classOfToken tells apart the answers of the token endpoint (section 2). Only
// invalid_grant is about the grant; to revoke, a token that is dead already is one
// word more.
func classOfToken(status int, word string) provider.Class {
	switch word {
	case "invalid_grant", "invalid_rapt":
		return provider.ClassInvalidGrant
	case "invalid_token":
		return provider.ClassNotFound
	case "invalid_client", "unauthorized_client", "deleted_client", "disabled_client":
		return provider.ClassInvalidClient
	}
	if status == http.StatusUnauthorized {
		return provider.ClassInvalidClient
	}
	return provider.ClassBadRequest
}

// classOfCall tells apart the answers of the data API (section 7).
func classOfCall(op string, status int, s status) provider.Class {
	switch {
	case notLinked(status, s) && op == opIdentity:
		return provider.ClassInvalidGrant // the consent is of no use, now or later
	case notLinked(status, s), consentLost(s.reason):
		// Refreshing goes on to work, and only a new consent helps (section 9).
		return provider.ClassInsufficientScope
	case s.reason == "MISSING_OAUTH_SCOPE" || s.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
		return provider.ClassInsufficientScope
	case notAdmitted(s.reason):
		return provider.ClassNotAdmitted
	case status == http.StatusUnauthorized:
		return provider.ClassUnauthorized
	case status == http.StatusNotFound:
		return provider.ClassNotFound
	default:
		return provider.ClassBadRequest
	}
}

// notLinked says whether Google has the account, but Google Health does not: it
// was never set up there, or still is one of the old Fitbit. The last case has no
// reason, only a text (section 7).
func notLinked(status int, s status) bool {
	switch {
	case s.reason == "ACCOUNT_NOT_LINKED", status == http.StatusPreconditionFailed:
		return true
	case status != http.StatusForbidden || s.reason != "":
		return false
	default:
		return strings.Contains(s.message, "The caller does not have permission") || strings.Contains(s.message, "UberMint")
	}
}

// consentLost names the refusals of every call for a user whose tokens are good.
func consentLost(reason string) bool {
	return reason == "RESOURCE_PERMISSION_DENIED" || reason == "DATA_ACCESS_DENIED"
}

// notAdmitted names the refusals that are about this installation's project.
func notAdmitted(reason string) bool {
	return reason == "API_PRIVATE_PREVIEW_ACCESS_DENIED" || reason == "SERVICE_DISABLED" || reason == "DISALLOWED_OAUTH_SCOPES"
}

// invalid is the failure of an answer that claims success and makes no sense.
func invalid(op, reason string) *provider.Error {
	return httpcall.Invalid(Name, op, reason)
}

const (
	quotaWindow = time.Minute // section 7
	longestWait = time.Hour
)

// retryAt is when a 429 ends. Retry-After is not documented; where it is missing or
// out of all proportion, the minute that the limit counts in says when.
func retryAt(h http.Header, now time.Time) time.Time {
	at := now.UTC().Truncate(quotaWindow).Add(quotaWindow)
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && n < 1<<31 {
		at = now.UTC().Add(time.Duration(n) * time.Second)
	} else if date, err := http.ParseTime(text); err == nil && date.After(now) {
		at = date.UTC()
	}
	if most := now.UTC().Add(longestWait); at.After(most) {
		return most
	}
	return at
}
