package googlehealth

import (
	"net/http"
	"strings"
)

// The endpoints, as Requests counts them and a Call names them. At Google they
// are on four hosts; here they share one.
const (
	EndpointHome        = "GET /"
	EndpointAuthorize   = "GET /o/oauth2/v2/auth"
	EndpointDecision    = "POST /o/oauth2/v2/auth"
	EndpointToken       = "POST /token"
	EndpointRevoke      = "POST /revoke"
	EndpointIdentity    = "GET /v4/users/me/identity"
	EndpointSettings    = "GET /v4/users/me/settings"
	EndpointProfile     = "GET /v4/users/me/profile"
	EndpointDevices     = "GET /v4/users/me/pairedDevices"
	EndpointList        = "GET /v4/users/me/dataTypes/exercise/dataPoints"
	EndpointReconcile   = "GET /v4/users/me/dataTypes/exercise/dataPoints:reconcile"
	EndpointGet         = "GET /v4/users/me/dataTypes/exercise/dataPoints/{id}"
	EndpointTrack       = "GET /v4/users/me/dataTypes/exercise/dataPoints/{id}:exportExerciseTcx"
	EndpointSubscribers = "/v4/projects/{project}/subscribers"
	EndpointKeys        = "GET " + KeysPath
)

// KeysPath is where the public keys of notifications are.
const KeysPath = "/googlehealthapi/webhooks/webhooks_public_keyset.json"

// Handler serves the cloud: the authorize page at /o/oauth2/v2/auth, /token,
// /revoke, the API under /v4 and the keys at KeysPath.
func (c *Cloud) Handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern, endpoint string, handle http.HandlerFunc) {
		mux.Handle(pattern, c.gate.Endpoint(endpoint, handle))
	}
	on("GET /{$}", EndpointHome, c.home)
	on("GET /o/oauth2/v2/auth", EndpointAuthorize, c.showConsent)
	on("POST /o/oauth2/v2/auth", EndpointDecision, c.decide)
	on("POST /token", EndpointToken, c.token)
	on("POST /revoke", EndpointRevoke, c.revoke)
	on("GET "+KeysPath, EndpointKeys, c.showKeys)

	const user, points = "GET /v4/users/{user}", "GET /v4/users/{user}/dataTypes/{type}/dataPoints"
	on(user+"/identity", EndpointIdentity, c.authorized(anyScope, c.identity))
	on(user+"/settings", EndpointSettings, c.authorized(scopeSettings, c.settings))
	on(user+"/profile", EndpointProfile, c.authorized(scopeProfile, c.profile))
	on(user+"/pairedDevices", EndpointDevices, c.authorized(scopeSettings, c.devices))
	on(points, EndpointList, c.authorized(scopeActivity, c.list))
	on(points+":reconcile", EndpointReconcile, c.authorized(scopeActivity, c.reconcile))
	get := c.gate.Endpoint(EndpointGet, c.authorized(scopeActivity, c.get))
	track := c.gate.Endpoint(EndpointTrack, c.authorized(scopeActivity, c.track))
	mux.HandleFunc(points+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.PathValue("id"), exportSuffix) {
			track.ServeHTTP(w, r)
			return
		}
		get.ServeHTTP(w, r)
	})

	const subscribers = "/v4/projects/{project}/subscribers"
	on("GET "+subscribers, "GET "+EndpointSubscribers, c.operator(c.listSubscribers))
	on("POST "+subscribers, "POST "+EndpointSubscribers, c.operator(c.createSubscriber))
	on("PATCH "+subscribers+"/{id}", "PATCH "+EndpointSubscribers, c.operator(c.patchSubscriber))
	on("DELETE "+subscribers+"/{id}", "DELETE "+EndpointSubscribers, c.operator(c.deleteSubscriber))
	mux.HandleFunc("/", unknownPath)
	return mux
}

// accountOf is whose token a request carries; empty for a stranger.
func (c *Cloud) accountOf(r *http.Request) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if s, _ := c.consents.byAccess(token); s != nil {
			return s.Account
		}
	}
	for _, name := range []string{"refresh_token", "token"} {
		if s, _ := c.consents.byRefresh(r.PostForm.Get(name)); s != nil {
			return s.Account
		}
	}
	return ""
}
