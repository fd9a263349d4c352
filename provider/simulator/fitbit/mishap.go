package fitbit

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/fault"
)

// Mishaps that any endpoint can have. Those with Before leave everything at the
// cloud as it was: no token is rotated and no quota used.

// errorBody is an error in Fitbit's shape.
func errorBody(errorType, message string) []byte {
	return []byte(`{"errors":[{"errorType":"` + errorType + `","message":"` + message + `"}],"success":false}`)
}

// RateLimited is a 429 that names the wait in Retry-After.
func RateLimited(wait time.Duration) *Fault {
	return &Fault{
		Before: true, Status: http.StatusTooManyRequests, Body: errorBody("system", "Too Many Requests"),
		Header: http.Header{"Retry-After": {seconds(wait)}},
	}
}

// RateLimitedWithoutRetryAfter is a 429 that names the wait in Fitbit's own
// header alone.
func RateLimitedWithoutRetryAfter(wait time.Duration) *Fault {
	f := RateLimited(wait)
	f.Header = http.Header{"Fitbit-Rate-Limit-Reset": {seconds(wait)}}
	return f
}

// RateLimitedWithoutHeaders is a 429 that says nothing of how long to wait.
func RateLimitedWithoutHeaders() *Fault {
	f := RateLimited(0)
	f.Header = nil
	return f
}

// Timeout is no answer for so long, and no effect when the client hangs up first.
func Timeout(after time.Duration) *Fault { return fault.Timeout(after) }

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// ServerError is a 5xx in Fitbit's shape.
func ServerError(status int) *Fault {
	return &Fault{Before: true, Status: status, Body: errorBody("system", "internal error")}
}

// HTMLPage is a page for people, as proxies and maintenance send it.
func HTMLPage(status int) *Fault { return fault.HTMLPage(status) }

// SlowBody sends the real answer bit by bit.
func SlowBody(over time.Duration) *Fault { return fault.SlowBody(over) }

// HugeBody sends more bytes than anybody should read, and calls them JSON.
func HugeBody(size int) *Fault {
	return &Fault{Before: true, Status: http.StatusOK, Body: append(append([]byte(`{"activities":["`), bytes.Repeat([]byte("x"), size)...), `"]}`...)}
}

// ConnectionReset hangs up on a request before it has any effect.
func ConnectionReset() *Fault { return fault.ConnectionReset() }

// CutShort hangs up in the middle of the real answer.
func CutShort() *Fault { return fault.CutShort() }

// TruncatedJSON sends half of the real answer as if it were all of it.
func TruncatedJSON() *Fault { return fault.TruncatedJSON() }

// WrongContentType calls the real answer something else than JSON.
func WrongContentType() *Fault { return fault.WrongContentType() }

// Expired is the 401 of an access token that is over.
func Expired() *Fault {
	return &Fault{Before: true, Status: http.StatusUnauthorized, Body: errorBody("expired_token", "Access token expired")}
}

// InsufficientScope is the 403 of a grant that does not cover the data.
func InsufficientScope() *Fault {
	return &Fault{Before: true, Status: http.StatusForbidden, Body: errorBody("insufficient_scope", "This application does not have permission")}
}

// Gone is the 410 of an API that is switched off.
func Gone() *Fault {
	return &Fault{Before: true, Status: http.StatusGone, Body: errorBody("request", "This API is no longer available")}
}

// Mishaps of the token endpoint.

// InvalidGrant refuses a refresh token.
func InvalidGrant() *Fault {
	return &Fault{Before: true, Status: http.StatusBadRequest, Body: errorBody("invalid_grant", "Refresh token invalid")}
}

// InvalidClient refuses the app's id and secret.
func InvalidClient() *Fault {
	return &Fault{Before: true, Status: http.StatusUnauthorized, Body: errorBody("invalid_client", "Invalid authorization header")}
}

// Conflict is the 409 of two refreshes at once.
func Conflict() *Fault {
	return &Fault{Before: true, Status: http.StatusConflict, Body: errorBody("request", "Conflict")}
}

// LostAnswer does what was asked, a rotation for one, and hangs up without a word.
func LostAnswer() *Fault { return fault.LostAnswer() }
