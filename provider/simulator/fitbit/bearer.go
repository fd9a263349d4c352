package fitbit

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
	records []record // visible now, by local start
	known   bool     // whether the account has any record at all
}

// authorized checks bearer token, path, quota and scope, in this order.
func (c *Cloud) authorized(scope string, handle func(http.ResponseWriter, *http.Request, caller)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || token == "" {
			refuse(w, http.StatusUnauthorized, "invalid_request", "n/a", "Authorization header required.")
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		now := c.options.Now()
		g, access, found := c.grants.byAccess(token)
		switch {
		case !found || c.accounts[g.Account] == nil:
			refuse(w, http.StatusUnauthorized, "invalid_token", "n/a", "Access token invalid: "+token+"."+moreInformation)
			return
		case !now.Before(access.Expires):
			refuse(w, http.StatusUnauthorized, "expired_token", "n/a", "Access token expired: "+token+"."+moreInformation)
			return
		case r.PathValue("user") != "-" && r.PathValue("user") != g.Account:
			refuse(w, http.StatusForbidden, "insufficient_permissions", "n/a", "The token does not speak for this user.")
			return
		case !c.spend(w, g.Account, now):
			return
		case !slices.Contains(g.Scopes, scope):
			refuse(w, http.StatusForbidden, "insufficient_scope", "n/a", "This application does not have permission to access "+scope+" data."+moreInformation)
			return
		}
		a := c.accounts[g.Account]
		handle(w, r, caller{account: a, scopes: g.Scopes, now: now, records: a.visible(now), known: len(a.records) > 0})
	}
}
