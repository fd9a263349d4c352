package googlehealth

import (
	"encoding/json"
	"net/http"
)

const (
	jsonType = "application/json; charset=UTF-8"
	htmlType = "text/html; charset=UTF-8"
)

// problem is a google.rpc.Status. Without a Reason it has no details.
type problem struct {
	HTTP     int
	Status   string // the canonical code
	Message  string
	Reason   string
	Domain   string // default health.googleapis.com
	Metadata map[string]string
}

// body is the problem as it is sent.
func (p problem) body() []byte {
	type info struct {
		Type     string            `json:"@type"`
		Reason   string            `json:"reason"`
		Domain   string            `json:"domain"`
		Metadata map[string]string `json:"metadata,omitempty"`
	}
	type status struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
		Details []info `json:"details,omitempty"`
	}
	s := status{Code: p.HTTP, Message: p.Message, Status: p.Status}
	if p.Reason != "" {
		domain := p.Domain
		if domain == "" {
			domain = "health.googleapis.com"
		}
		s.Details = []info{{"type.googleapis.com/google.rpc.ErrorInfo", p.Reason, domain, p.Metadata}}
	}
	text, _ := json.MarshalIndent(map[string]status{"error": s}, "", "  ") // strings and numbers: it cannot fail
	return append(text, '\n')
}

// invalid is a request whose shape is wrong.
func invalid(reason, message string) problem {
	return problem{HTTP: http.StatusBadRequest, Status: "INVALID_ARGUMENT", Message: message, Reason: reason}
}

// forbidden is a request that the caller may not make.
func forbidden(reason, message string) problem {
	return problem{HTTP: http.StatusForbidden, Status: "PERMISSION_DENIED", Message: message, Reason: reason}
}

func unauthenticated() problem {
	return problem{HTTP: http.StatusUnauthorized, Status: "UNAUTHENTICATED", Message: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."}
}

func rateLimited() problem {
	return problem{
		HTTP: http.StatusTooManyRequests, Status: "RESOURCE_EXHAUSTED", Reason: "RATE_LIMIT_EXCEEDED", Domain: "googleapis.com",
		Message:  "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute per user'.",
		Metadata: map[string]string{"service": "health.googleapis.com"},
	}
}

func notFound() problem {
	return problem{HTTP: http.StatusNotFound, Status: "NOT_FOUND", Message: "The requested resource was not found.", Reason: "RESOURCE_NOT_FOUND"}
}

// realm is what a 401 says of itself in its header.
const realm = `Bearer realm="https://accounts.google.com/", error="invalid_token"`

func refuse(w http.ResponseWriter, p problem) {
	if p.HTTP == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", realm)
	}
	send(w, p.HTTP, jsonType, p.body())
}

// refuseToken answers in the shape of RFC 6749, which the token endpoint has.
func refuseToken(w http.ResponseWriter, status int, code, description string) {
	send(w, status, jsonType, tokenError(code, description, ""))
}

func tokenError(code, description, subtype string) []byte {
	text, _ := json.MarshalIndent(struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
		Subtype     string `json:"error_subtype,omitempty"`
	}{code, description, subtype}, "", "  ") // strings: it cannot fail
	return text
}

func reply(w http.ResponseWriter, body any) {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		broken(w, err)
		return
	}
	send(w, http.StatusOK, jsonType, append(text, '\n'))
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// broken answers a failure of the fake itself, such as a state file that cannot
// be written.
func broken(w http.ResponseWriter, err error) {
	refuse(w, problem{HTTP: http.StatusInternalServerError, Status: "INTERNAL", Message: "The fake cloud failed: " + err.Error()})
}

func badForm(w http.ResponseWriter, _ *http.Request) {
	refuse(w, problem{HTTP: http.StatusBadRequest, Status: "INVALID_ARGUMENT", Message: "The body is no form."})
}

// unknownPath is what Google's front end says to a wrong URL: a page.
func unknownPath(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusNotFound, htmlType, []byte("<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> <ins>That's an error.</ins>\n<p>The requested URL was not found on this server.\n"))
}
