package googlehealth

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// deliveryTimeout is how long an endpoint may take to answer.
const deliveryTimeout = 10 * time.Second

// verify is the handshake: with the secret the endpoint must agree, without it
// must refuse.
func (c *Cloud) verify(ctx context.Context, s *subscriber) *problem {
	failed := func(what string) *problem {
		return &problem{HTTP: 400, Status: "FAILED_PRECONDITION", Message: "The endpoint could not be verified: " + what}
	}
	with, err := c.shake(ctx, s.endpoint, s.secret)
	if err != nil {
		return failed("it does not answer.")
	}
	without, err := c.shake(ctx, s.endpoint, "")
	switch {
	case err != nil:
		return failed("it does not answer.")
	case with != http.StatusCreated && with != http.StatusOK:
		return failed(fmt.Sprintf("with the secret it answers %d, not 201.", with))
	case without != http.StatusUnauthorized && without != http.StatusForbidden:
		return failed(fmt.Sprintf("without the secret it answers %d, not 401 or 403.", without))
	}
	return nil
}

// shake sends one half of the handshake, which is not signed.
func (c *Cloud) shake(ctx context.Context, endpoint, secret string) (status int, err error) {
	return c.post(ctx, endpoint, []byte(`{"type":"verification"}`), http.Header{"Authorization": {secret}})
}

// userAgent is what notifications come from.
const userAgent = "Google-Health-API-Webhooks"

// post sends a body to an endpoint. A header with an empty text is left out.
func (c *Cloud) post(ctx context.Context, endpoint string, body []byte, header http.Header) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", userAgent)
	for name := range header {
		if value := header.Get(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	response, err := c.options.Client.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	return response.StatusCode, nil
}
