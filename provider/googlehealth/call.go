package googlehealth

import (
	"cmp"
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
)

const (
	callTimeout = 30 * time.Second
	maxPage     = 16 << 20 // bytes; 25 exercises with long splits are some 500 kB
	maxAnswer   = 1 << 20  // bytes of any other answer
)

// api calls the data API of one installation.
type api struct {
	base   string // without a slash at the end
	client *http.Client
	now    func() time.Time
}

// call is one request of the data API.
type call struct {
	op     string
	path   string // below /v4/, escaped
	query  url.Values
	token  provider.Secret
	accept string // kind of the answer; empty: JSON
	max    int64  // bytes of the answer
}

// get gives the body of a whole, plausible answer.
func (a *api) get(ctx context.Context, c call) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	address := a.base + "/v4/" + c.path
	if len(c.query) > 0 {
		address += "?" + c.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, &provider.Error{Provider: Name, Op: c.op, Class: provider.ClassBadRequest, Reason: reasonBadAddress}
	}
	request.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	request.Header.Set("Accept", cmp.Or(c.accept, "application/json"))
	response, err := a.client.Do(request)
	if err != nil {
		return nil, unreachable(ctx, c.op, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, c.max+1))
	switch {
	case ctx.Err() != nil:
		return nil, unreachable(ctx, c.op, ctx.Err())
	case response.StatusCode != http.StatusOK:
		return nil, failure(c.op, answer{response.StatusCode, response.Header, body}, a.now())
	case err != nil:
		return nil, invalid(c.op, reasonIncomplete)
	case int64(len(body)) > c.max:
		return nil, &provider.Error{Provider: Name, Op: c.op, Class: provider.ClassTooLarge, Status: response.StatusCode}
	case c.accept == "" && !isJSONType(response.Header.Get("Content-Type")):
		return nil, invalid(c.op, reasonNotJSON)
	default:
		return body, nil
	}
}

// isJSONType accepts an answer that names JSON or names nothing.
func isJSONType(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json"))
}
