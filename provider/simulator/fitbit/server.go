package fitbit

import (
	"net/http"
	"strings"
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

// Handler serves the cloud.
func (c *Cloud) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /oauth2/authorize", c.gate.Endpoint(EndpointAuthorize, c.showConsent))
	mux.Handle("POST /oauth2/authorize", c.gate.Endpoint(EndpointDecision, c.decide))
	mux.Handle("POST /oauth2/token", c.gate.Endpoint(EndpointToken, c.token))
	mux.Handle("POST /oauth2/revoke", c.gate.Endpoint(EndpointRevoke, c.revoke))
	mux.Handle("GET /1/user/{user}/activities/list.json", c.gate.Endpoint(EndpointActivities, c.authorized("activity", c.list)))
	mux.Handle("GET /1/user/{user}/profile.json", c.gate.Endpoint(EndpointProfile, c.authorized("profile", c.profile)))
	mux.Handle("GET /{$}", c.gate.Endpoint(EndpointHome, c.home))
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "not_found", "n/a", "The API you are requesting could not be found.")
	}))
	return mux
}

func badForm(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusBadRequest, "invalid_request", "n/a", "The body is no form.")
}

// accountOf is whose token a request carries; empty for a stranger.
func (c *Cloud) accountOf(r *http.Request) string {
	c.mu.Lock()
	defer c.mu.Unlock()
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
