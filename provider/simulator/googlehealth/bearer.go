package googlehealth

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// caller is who an authorized request speaks for.
type caller struct {
	account *account
	scopes  []string
	now     time.Time
}

// authorized checks bearer token, project, account, quota and scope, in this
// order, and keeps the lock for the handler.
func (c *Cloud) authorized(scope string, handle func(http.ResponseWriter, *http.Request, caller)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		now := c.options.Now()
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		s, access := c.consents.byAccess(token)
		if s == nil || !now.Before(access.Expires) || c.accounts[s.Account] == nil {
			refuse(w, unauthenticated())
			return
		}
		a := c.accounts[s.Account]
		if p, refused := projectProblems()[c.project]; refused {
			refuse(w, p)
			return
		}
		if slices.Contains(access.Scopes, cloudPlatform) {
			p := forbidden("DISALLOWED_OAUTH_SCOPES", "The access token has scopes that are not allowed for the request.")
			p.Metadata = map[string]string{"disallowed_scopes": cloudPlatform}
			refuse(w, p)
			return
		}
		if p, refused := accountProblems()[a.state]; refused {
			refuse(w, p)
			return
		}
		if !c.spend(w, a.id, now) {
			return
		}
		if !covers(access.Scopes, scope) {
			refuse(w, scopeProblem(access.Scopes))
			return
		}
		handle(w, r, caller{a, access.Scopes, now})
	}
}
