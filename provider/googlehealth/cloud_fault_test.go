package googlehealth

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/stridelog/stridelog/provider/providertest"
)

// fail answers with the fault that is due, if one is, in the words of the endpoint.
// Its texts hold a secret.
func (c *cloud) fail(w http.ResponseWriter, at providertest.Endpoint) bool {
	fault, due := c.faults[at]
	delete(c.faults, at)
	if !due {
		return false
	}
	planted := c.secret("planted")
	switch fault {
	case providertest.FaultHTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>access_token "+planted+"</html>")
	case providertest.FaultTruncated:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"dataPoints":[],"access_token":"`+planted)
	case providertest.FaultConnectionLost:
		panic(http.ErrAbortHandler)
	case providertest.FaultUnavailable:
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>"+planted)
	case providertest.FaultGone:
		w.WriteHeader(http.StatusGone)
	case providertest.FaultNotFoundPage:
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>"+planted)
	default:
		c.refusal(w, at, fault, planted)
	}
	return true
}

// refusal answers with an error in Google's own form.
func (c *cloud) refusal(w http.ResponseWriter, at providertest.Endpoint, fault providertest.Fault, planted string) {
	say := func(status int, canonical, reason string) { refuse(w, status, canonical, reason, "see "+planted) }
	if at == providertest.TokenEndpoint {
		say = func(status int, _, word string) { refuseToken(w, status, word, "see "+planted) }
	}
	switch fault {
	case providertest.FaultRateLimited:
		w.Header().Set("Retry-After", "60")
		say(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED")
	case providertest.FaultRateLimitedMute:
		say(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED")
	case providertest.FaultConflict:
		say(http.StatusConflict, "ABORTED", planted)
	case providertest.FaultInvalidClient:
		say(http.StatusUnauthorized, "", "invalid_client")
	case providertest.FaultInvalidGrant:
		say(http.StatusBadRequest, "", "invalid_grant")
	case providertest.FaultUnauthorized:
		say(http.StatusUnauthorized, "UNAUTHENTICATED", "")
	case providertest.FaultInsufficientScope:
		say(http.StatusForbidden, "PERMISSION_DENIED", "MISSING_OAUTH_SCOPE")
	case providertest.FaultNotAdmitted:
		say(http.StatusForbidden, "PERMISSION_DENIED", "API_PRIVATE_PREVIEW_ACCESS_DENIED")
	case providertest.FaultNotLinked:
		say(http.StatusBadRequest, "FAILED_PRECONDITION", "ACCOUNT_NOT_LINKED")
	case providertest.FaultBadRequest:
		say(http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_PAGE_SIZE")
	}
}

// refuse answers as google.rpc.Status; without a reason there are no details.
func refuse(w http.ResponseWriter, status int, canonical, reason, message string) {
	body := map[string]any{"code": status, "message": message, "status": canonical}
	if reason != "" {
		body["details"] = []any{
			map[string]any{"@type": "type.googleapis.com/google.rpc.Help", "links": []any{}},
			map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "health.googleapis.com"},
		}
	}
	writeJSON(w, status, map[string]any{"error": body})
}

func refuseToken(w http.ResponseWriter, status int, word, description string) {
	writeJSON(w, status, map[string]any{"error": word, "error_description": description})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
