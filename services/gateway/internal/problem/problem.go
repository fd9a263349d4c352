// Package problem is how the API says that something went wrong: RFC 9457 with a
// stable code and a sentence that says what to do.
package problem

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
)

// ContentType is that of every problem.
const ContentType = "application/problem+json"

// The codes. They never change their meaning.
const (
	CodeInvalidRequest  = "invalid_request"
	CodeUnauthorized    = "unauthorized"
	CodeForbidden       = "forbidden"
	CodeNotFound        = "not_found"
	CodeUnknownProvider = rpc.CodeUnknownProvider
	CodeMethod          = "method_not_allowed"
	CodeConflict        = rpc.CodeConflict
	CodeActionRequired  = rpc.CodeActionRequired
	CodeRevoked         = "revoked"
	CodeProviderRetired = "provider_retired"
	CodeGone            = "gone"
	CodeTooLarge        = "content_too_large"
	CodeMediaType       = "unsupported_media_type"
	CodeTooMany         = rpc.CodeTooMany
	CodeUnavailable     = rpc.CodeUnavailable
	CodeLogMismatch     = "log_mismatch"
	CodeInternal        = rpc.CodeInternal
)

// Field names one member or parameter that is wrong, and how.
type Field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Problem is an answer of status 400 or above, and the error that leads to it.
type Problem struct {
	Type       string  `json:"type"`
	Title      string  `json:"title"`
	Status     int     `json:"status"`
	Code       string  `json:"code"`
	Detail     string  `json:"detail"`
	Instance   string  `json:"instance"`
	Errors     []Field `json:"errors,omitempty"`
	Reason     string  `json:"reason,omitempty"`
	NextAction string  `json:"next_action,omitempty"`
	// Checks are those of /readyz, each in a few words.
	Checks map[string]string `json:"checks,omitempty"`

	// RetryAfter becomes the header of that name; zero leaves it out.
	RetryAfter time.Duration `json:"-"`
	cause      error
}

const typeBase = "https://stridelog.dev/problems/"

// New is a problem of a status and a code; detail says what to do.
func New(status int, code, detail string) *Problem {
	return &Problem{Type: typeBase + code, Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Invalid is a 400 that names what is wrong, in errors for programs and in detail
// for people.
func Invalid(fields ...Field) *Problem {
	var said strings.Builder
	for _, f := range fields {
		said.WriteString(f.Field + ": " + f.Message)
		if !strings.HasSuffix(f.Message, ".") && !strings.HasSuffix(f.Message, "?") {
			said.WriteString(".")
		}
		said.WriteString(" ")
	}
	p := New(http.StatusBadRequest, CodeInvalidRequest, said.String()+"Correct it and send the request again.")
	p.Errors = fields
	return p
}

// InvalidField is a 400 about one member or parameter.
func InvalidField(name, message string) *Problem {
	return Invalid(Field{Field: name, Message: message})
}

// InvalidCursor is a 400 about a cursor that a list or a query did not give.
func InvalidCursor(of string) *Problem {
	return InvalidField("cursor", "does not belong to this "+of+": use next_cursor or previous_cursor of the same "+of+", or leave it out")
}

// NotFound is a 404 about a thing in words: "user", "workout".
func NotFound(what string) *Problem {
	return New(http.StatusNotFound, CodeNotFound, "There is no such "+what+": check the id.")
}

// Unavailable is a 503; the cause goes to the log only.
func Unavailable(detail string, cause error) *Problem {
	p := New(http.StatusServiceUnavailable, CodeUnavailable, detail)
	p.RetryAfter = retryAfter
	p.cause = cause
	return p
}

// retryAfter is what a client should wait for a service that is starting.
const retryAfter = 5 * time.Second

// TooMany is a 429; the same request may come again after a pause.
func TooMany(detail string, after time.Duration) *Problem {
	p := New(http.StatusTooManyRequests, CodeTooMany, detail)
	p.RetryAfter = max(after, time.Second)
	return p
}

// Because adds the cause, which goes to the log and never to the client.
func (p *Problem) Because(err error) *Problem {
	p.cause = err
	return p
}

// Error implements error.
func (p *Problem) Error() string {
	if p.cause != nil {
		return fmt.Sprintf("%d %s: %v", p.Status, p.Code, p.cause)
	}
	return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail)
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.cause }

// Of turns any error into a problem. One that is not meant for clients becomes a
// 500 without its text.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var answer *rpc.Error
	if errors.As(err, &answer) {
		return ofRPC(answer, err)
	}
	if notStorable(err) {
		return New(http.StatusBadRequest, CodeInvalidRequest,
			"A value of the request is one that the database cannot hold, such as a time out of range: correct it and send the request again.").Because(err)
	}
	if postgres.Away(err) {
		return Unavailable("The database is away: try again.", err)
	}
	if bus.Away(err) {
		return Unavailable("NATS is away or does not answer: try again.", err)
	}
	return New(http.StatusInternalServerError, CodeInternal,
		"Something went wrong here. Try again; if it stays so, give the operator the request id.").Because(err)
}

func ofRPC(e *rpc.Error, cause error) *Problem {
	status := map[string]int{
		rpc.CodeInvalidArgument:  http.StatusBadRequest,
		rpc.CodeInvalidState:     http.StatusBadRequest,
		rpc.CodeNotFound:         http.StatusNotFound,
		rpc.CodeUnknownProvider:  http.StatusNotFound,
		rpc.CodeConflict:         http.StatusConflict,
		rpc.CodeProviderDisabled: http.StatusConflict,
		rpc.CodeActionRequired:   http.StatusConflict,
		rpc.CodeTooMany:          http.StatusTooManyRequests,
		rpc.CodeUnavailable:      http.StatusServiceUnavailable,
	}[e.Code]
	switch {
	case status == 0:
		return New(http.StatusInternalServerError, CodeInternal,
			"A service behind the API failed. Try again; if it stays so, give the operator the request id.").Because(cause)
	case e.Code == rpc.CodeInvalidArgument:
		p := InvalidField(e.Field, e.Detail).Because(cause)
		if e.Field == "" {
			p.Detail, p.Errors = e.Detail, nil
		}
		return p
	}
	p := New(status, e.Code, e.Detail).Because(cause)
	p.Reason, p.NextAction = e.Reason, e.NextAction
	if e.Code == rpc.CodeInvalidState {
		p.Errors = []Field{{Field: "state", Message: e.Detail}}
	}
	if status == http.StatusServiceUnavailable {
		p.RetryAfter = retryAfter
	}
	if e.RetryAt != nil {
		p.RetryAfter = max(time.Until(*e.RetryAt), time.Second)
	}
	return p
}

// Encode is JSON that a person can copy out of a terminal: unlike json.Marshal it
// leaves < > & as they are, which matters in a page's source only.
func Encode(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Write sends the problem; instance names the request.
func (p *Problem) Write(w http.ResponseWriter, instance string) error {
	out := *p
	out.Instance = instance
	body, err := Encode(out)
	if err != nil {
		return fmt.Errorf("write a problem: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	p.SetHeaders(h)
	w.WriteHeader(p.Status)
	_, err = w.Write(body)
	return err
}

// SetHeaders sets what an answer says of the problem beside its body.
func (p *Problem) SetHeaders(h http.Header) {
	if p.RetryAfter > 0 {
		seconds := int64((p.RetryAfter + time.Second - 1) / time.Second)
		h.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
}
