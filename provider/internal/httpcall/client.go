// Package httpcall is a client of a provider's cloud: its OAuth endpoints and its
// data. It follows no redirect, and its errors hold no token, no address and no
// text of an answer.
package httpcall

import (
	"cmp"
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
)

const (
	callTimeout = 30 * time.Second
	authTimeout = 20 * time.Second // a person waits for it
)

// MaxAnswer is how many bytes an answer that is no page of records may have.
const MaxAnswer = 1 << 20

// Client calls one provider.
type Client struct {
	Provider string       // its name in errors
	HTTP     *http.Client // of Discreet
	Now      func() time.Time
	// Refusal classifies an answer that is no success. Of the answer's texts, an
	// error may hold only words that the provider documents.
	Refusal func(op string, a Answer, now time.Time) *provider.Error
}

// Discreet keeps the transport and the timeout of a client and refuses redirects:
// following one would carry a token or a code to wherever it points. given may be nil.
func Discreet(given *http.Client) *http.Client {
	client := &http.Client{}
	if given != nil {
		client.Transport = given.Transport
		client.Timeout = given.Timeout
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Request is one call for data.
type Request struct {
	Op      string // what it tries, as errors name it
	Address string
	Token   provider.Secret
	Accept  string // kind of the answer; empty: JSON
	Max     int64  // bytes of the answer
}

// Get gives a whole, plausible answer with status 200. With an error, the answer
// holds what arrived; its status is 0 when nothing did.
func (c *Client) Get(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Address, nil)
	if err != nil {
		return Answer{}, &provider.Error{Provider: c.Provider, Op: r.Op, Class: provider.ClassBadRequest, Reason: ReasonBadAddress}
	}
	request.Header.Set("Authorization", "Bearer "+r.Token.Reveal())
	request.Header.Set("Accept", cmp.Or(r.Accept, "application/json"))
	a, err := c.Send(r.Op, request, r.Max+1)
	switch {
	case a.Status == 0:
		return a, err
	case ctx.Err() != nil:
		return a, Unreachable(ctx, c.Provider, r.Op, ctx.Err())
	case a.Status != http.StatusOK:
		return a, c.Refusal(r.Op, a, c.Now())
	case err != nil:
		return a, Invalid(c.Provider, r.Op, ReasonIncomplete)
	case int64(len(a.Body)) > r.Max:
		return a, &provider.Error{Provider: c.Provider, Op: r.Op, Class: provider.ClassTooLarge, Status: a.Status}
	case r.Accept == "" && !isJSON(a.Header.Get("Content-Type")):
		return a, Invalid(c.Provider, r.Op, ReasonNotJSON)
	default:
		return a, nil
	}
}

// Send gives the answer to a request, whatever its status, and at most so many bytes
// of it. One that was cut off comes with an error and with what arrived.
func (c *Client) Send(op string, request *http.Request, most int64) (Answer, error) {
	response, err := c.HTTP.Do(request)
	if err != nil {
		return Answer{}, Unreachable(request.Context(), c.Provider, op, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	a := Answer{response.StatusCode, response.Header, body}
	if err != nil {
		return a, Unreachable(request.Context(), c.Provider, op, err)
	}
	return a, nil
}

// isJSON accepts an answer that names JSON or names nothing.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json"))
}
