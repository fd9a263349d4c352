package googlehealth

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/fault"
)

// Mishaps that any endpoint can have. Those with Before leave everything at the
// cloud as it was.

// refusal is a fault that answers a problem.
func refusal(p problem) *Fault { return &Fault{Before: true, Status: p.HTTP, Body: p.body()} }

// RateLimited is a 429 that names the wait in Retry-After.
func RateLimited(wait time.Duration) *Fault {
	f := refusal(rateLimited())
	f.Header = http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(wait.Seconds())))}}
	return f
}

// RateLimitedUntil is a 429 that names the end of the wait as an HTTP date.
func RateLimitedUntil(end time.Time) *Fault {
	f := refusal(rateLimited())
	f.Header = http.Header{"Retry-After": {end.UTC().Format(http.TimeFormat)}}
	return f
}

// RateLimitedWithoutRetryAfter is a 429 that says nothing of how long to wait, as
// the documentation has it.
func RateLimitedWithoutRetryAfter() *Fault { return refusal(rateLimited()) }

// ServerError is a 5xx in Google's shape.
func ServerError(status int) *Fault {
	p := problem{HTTP: status, Status: "INTERNAL", Message: "Internal error encountered.", Reason: "INTERNAL_ERROR"}
	if status == http.StatusServiceUnavailable {
		p = problem{HTTP: status, Status: "UNAVAILABLE", Message: "The service is currently unavailable."}
	}
	return refusal(p)
}

// Expired is the 401 of an access token that is over.
func Expired() *Fault {
	f := refusal(unauthenticated())
	f.Header = http.Header{"Www-Authenticate": {realm}}
	return f
}

// MissingScope is the API's own 403 of a grant that does not cover the data.
func MissingScope() *Fault { return refusal(scopeProblem([]string{scopeActivity})) }

// InsufficientScope is the front end's 403 of the same.
func InsufficientScope() *Fault { return refusal(scopeProblem(nil)) }

// NotLinked, Unfinished, Legacy, Denied and DataDenied are what accounts in these
// states answer; see AccountState.
func NotLinked() *Fault { return refusal(accountProblems()[AccountNotLinked]) }

// Unfinished is a 412.
func Unfinished() *Fault { return refusal(accountProblems()[AccountUnfinished]) }

// Legacy is a 403 without a reason.
func Legacy() *Fault { return refusal(accountProblems()[AccountLegacy]) }

// LegacyInOtherWords is what Google's front end says of the same accounts.
func LegacyInOtherWords() *Fault {
	return refusal(problem{HTTP: http.StatusForbidden, Status: "PERMISSION_DENIED", Message: "Could not mint UberMint from GaiaMint"})
}

// Denied is a sudden 403.
func Denied() *Fault { return refusal(accountProblems()[AccountDenied]) }

// DataDenied is another sudden 403.
func DataDenied() *Fault { return refusal(accountProblems()[AccountDataDenied]) }

// NotAdmitted is the 403 of a project that Google did not let in.
func NotAdmitted() *Fault { return refusal(projectProblems()[ProjectNotAdmitted]) }

// Disabled is the 403 of a project that has not enabled the API.
func Disabled() *Fault { return refusal(projectProblems()[ProjectDisabled]) }

// Gone is the 410 of an API that is switched off.
func Gone() *Fault {
	return refusal(problem{HTTP: http.StatusGone, Status: "FAILED_PRECONDITION", Message: "The API is no longer available."})
}

// NotFound is the 404 of a resource that is not there, which a list never is.
func NotFound() *Fault { return refusal(notFound()) }

// UnknownReason is a 400 with a reason that is in no catalogue yet.
func UnknownReason() *Fault {
	return refusal(invalid("REASON_FROM_NEXT_YEAR", "Something new is wrong."))
}

// BadPageToken refuses a page token in the middle of the pages.
func BadPageToken() *Fault {
	return refusal(invalid("INVALID_PAGE_TOKEN", "The page token is invalid or expired."))
}

// BadFilter refuses every filter, as live ones did in July 2026.
func BadFilter() *Fault { return refusal(*filterProblem("DATA_TYPE_MEMBER", "not a member")) }

// HugeBody sends more bytes than anybody should read, and calls them JSON.
func HugeBody(size int) *Fault {
	return &Fault{Before: true, Status: http.StatusOK, Body: append(append([]byte(`{"dataPoints":["`), bytes.Repeat([]byte("x"), size)...), `"]}`...)}
}

// Mishaps of the token endpoint.

// InvalidGrant refuses a refresh token.
func InvalidGrant() *Fault { return invalidGrant("") }

// LoginRequired refuses a refresh token because of session control.
func LoginRequired() *Fault { return invalidGrant("invalid_rapt") }

func invalidGrant(subtype string) *Fault {
	return &Fault{Before: true, Status: http.StatusBadRequest, Body: tokenError("invalid_grant", deadGrant, subtype)}
}

// InvalidClient refuses the app's id and secret.
func InvalidClient() *Fault {
	return &Fault{Before: true, Status: http.StatusUnauthorized, Body: tokenError("invalid_client", "The provided client secret is invalid.", "")}
}

// Conflict is the 409 of two refreshes at once.
func Conflict() *Fault {
	return refusal(problem{HTTP: http.StatusConflict, Status: "ABORTED", Message: "The operation was aborted."})
}

// The mishaps that every cloud can have; see package fault.

// Timeout is no answer for so long, and no effect when the client hangs up first.
func Timeout(after time.Duration) *Fault { return fault.Timeout(after) }

// HTMLPage is a page for people.
func HTMLPage(status int) *Fault { return fault.HTMLPage(status) }

// SlowBody sends the real answer bit by bit.
func SlowBody(over time.Duration) *Fault { return fault.SlowBody(over) }

// ConnectionReset hangs up on a request before it has any effect.
func ConnectionReset() *Fault { return fault.ConnectionReset() }

// CutShort hangs up in the middle of the real answer.
func CutShort() *Fault { return fault.CutShort() }

// TruncatedJSON sends half of the real answer as if it were all of it.
func TruncatedJSON() *Fault { return fault.TruncatedJSON() }

// WrongContentType calls the real answer something else than JSON.
func WrongContentType() *Fault { return fault.WrongContentType() }

// LostAnswer does what was asked, a rotation for one, and hangs up without a word.
func LostAnswer() *Fault { return fault.LostAnswer() }
