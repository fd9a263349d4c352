package fitbit

import (
	"math"
	"net/http"
	"slices"
	"strconv"
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

// usage counts a person's requests of one clock hour.
type usage struct {
	hour time.Time
	used int
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

// spend takes one request off the quota of the clock hour and tells the rest in
// the headers; Reset is seconds until the hour is over, not a time.
func (c *Cloud) spend(w http.ResponseWriter, accountID string, now time.Time) bool {
	hour := now.UTC().Truncate(time.Hour)
	u := c.quota[accountID]
	if u == nil || !u.hour.Equal(hour) {
		u = &usage{hour: hour}
		c.quota[accountID] = u
	}
	enough := u.used < c.options.QuotaPerHour
	if enough {
		u.used++
	}
	seconds := strconv.Itoa(int(math.Ceil(hour.Add(time.Hour).Sub(now).Seconds())))
	w.Header().Set("Fitbit-Rate-Limit-Limit", strconv.Itoa(c.options.QuotaPerHour))
	w.Header().Set("Fitbit-Rate-Limit-Remaining", strconv.Itoa(c.options.QuotaPerHour-u.used))
	w.Header().Set("Fitbit-Rate-Limit-Reset", seconds)
	if !enough {
		w.Header().Set("Retry-After", seconds)
		refuse(w, http.StatusTooManyRequests, "system", "n/a", "Too Many Requests")
	}
	return enough
}
