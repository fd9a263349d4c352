package fitbit

import (
	"context"
	"net/http"
	"net/url"

	"github.com/stridelog/stridelog/provider/simulator/visitor"
)

// Decision is what a person does on the consent page.
type Decision = visitor.Decision

// Decide stands in for a person with a browser: it opens an authorize URL of a
// fake cloud and sends the form. It gives where the browser is sent, without
// going there. The error of a request that the cloud refuses says why.
func Decide(ctx context.Context, client *http.Client, authorizeURL string, d Decision) (*url.URL, error) {
	return visitor.Decide(ctx, client, authorizeURL, d)
}
