package googlehealth

import (
	"context"
	"net/url"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

const maxPage = 16 << 20 // bytes; 25 exercises with long splits are some 500 kB

// api calls the data API of one installation.
type api struct {
	base   string // without a slash at the end
	client *httpcall.Client
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
	address := a.base + "/v4/" + c.path
	if len(c.query) > 0 {
		address += "?" + c.query.Encode()
	}
	answer, err := a.client.Get(ctx, httpcall.Request{Op: c.op, Address: address, Token: c.token, Accept: c.accept, Max: c.max})
	return answer.Body, err
}
