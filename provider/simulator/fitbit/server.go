package fitbit

import (
	"net/http"
	"strings"
	"time"
)

// The endpoints, as Requests counts them and a Call names them.
const (
	EndpointHome       = "GET /"
	EndpointAuthorize  = "GET /oauth2/authorize"
	EndpointDecision   = "POST /oauth2/authorize"
	EndpointToken      = "POST /oauth2/token"
	EndpointRevoke     = "POST /oauth2/revoke"
	EndpointActivities = "GET /1/user/-/activities/list.json"
	EndpointProfile    = "GET /1/user/-/profile.json"
)

// maxForm bounds what the cloud reads of a request, in bytes.
const maxForm = 1 << 20

// Handler serves the cloud.
func (c *Cloud) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /oauth2/authorize", c.endpoint(EndpointAuthorize, c.showConsent))
	mux.Handle("POST /oauth2/authorize", c.endpoint(EndpointDecision, c.decide))
	mux.Handle("POST /oauth2/token", c.endpoint(EndpointToken, c.token))
	mux.Handle("POST /oauth2/revoke", c.endpoint(EndpointRevoke, c.revoke))
	mux.Handle("GET /1/user/{user}/activities/list.json", c.endpoint(EndpointActivities, c.authorized("activity", c.list)))
	mux.Handle("GET /1/user/{user}/profile.json", c.endpoint(EndpointProfile, c.authorized("profile", c.profile)))
	mux.Handle("GET /{$}", c.endpoint(EndpointHome, c.home))
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "not_found", "n/a", "The API you are requesting could not be found.")
	}))
	return mux
}

// endpoint counts a request, waits, and lets the fault hook have its way.
func (c *Cloud) endpoint(name string, handle http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			refuse(w, http.StatusBadRequest, "invalid_request", "n/a", "The body is no form.")
			return
		}
		c.mu.Lock()
		c.requests[name]++
		number, hook, account := c.requests[name], c.fault, c.accountOf(r)
		c.mu.Unlock()
		var fault *Fault
		if hook != nil {
			fault = hook(&Call{Request: r, Endpoint: name, Number: number, AccountID: account})
		}
		delay := c.options.Latency
		if fault != nil {
			delay += fault.Delay
		}
		if !pause(r, delay) {
			return
		}
		answer := newAnswer()
		if fault == nil || !fault.Before {
			handle(answer, r)
		}
		if fault != nil {
			fault.apply(answer)
		}
		if !answer.dropped {
			c.mu.Lock()
			c.statuses[answer.status]++
			c.mu.Unlock()
		}
		answer.send(w, r)
	})
}

// accountOf is whose token a request carries. The caller holds the lock.
func (c *Cloud) accountOf(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if ok {
		if g, _, found := c.grants.byAccess(token); found {
			return g.Account
		}
	}
	if g, _ := c.grants.byRefresh(r.PostForm.Get("refresh_token")); g != nil {
		return g.Account
	}
	return ""
}

// pause waits; false when the client went away meanwhile.
func pause(r *http.Request, delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// base is how the cloud's own links begin.
func (c *Cloud) base(r *http.Request) string {
	if c.options.BaseURL != "" {
		return c.options.BaseURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
