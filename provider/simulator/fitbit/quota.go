package fitbit

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// usage counts a person's requests of one period, which is a clock hour unless
// SetQuota changed it.
type usage struct {
	period   time.Time
	used     int
	overruns int // over all periods
}

// allowance is how many requests go in a period.
type allowance struct {
	requests int
	period   time.Duration
}

// SetQuota gives an account a quota and a period of its own. The period begins
// anew with every multiple of its length.
func (c *Cloud) SetQuota(accountID string, requests int, period time.Duration) error {
	if requests < 1 || period < time.Second {
		return fmt.Errorf("set the quota of account %s: %d requests in %v; give at least 1 and 1s", accountID, requests, period)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.accounts[accountID] == nil {
		return fmt.Errorf("set a quota: there is no account %s", accountID)
	}
	c.allowed[accountID] = allowance{requests, period}
	return nil
}

// Overruns counts the requests of an account that came when its quota was used
// up. A client that heeds the headers makes none.
func (c *Cloud) Overruns(accountID string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if u := c.quota[accountID]; u != nil {
		return u.overruns
	}
	return 0
}

// spend takes one request off the quota and tells the rest in the headers;
// Reset is seconds until the period is over, not a time.
func (c *Cloud) spend(w http.ResponseWriter, accountID string, now time.Time) bool {
	allowed, own := c.allowed[accountID]
	if !own {
		allowed = allowance{c.options.QuotaPerHour, time.Hour}
	}
	period := now.UTC().Truncate(allowed.period)
	u := c.quota[accountID]
	if u == nil {
		u = &usage{}
		c.quota[accountID] = u
	}
	if !u.period.Equal(period) {
		u.period, u.used = period, 0
	}
	enough := u.used < allowed.requests
	if enough {
		u.used++
	} else {
		u.overruns++
	}
	seconds := strconv.Itoa(int(math.Ceil(period.Add(allowed.period).Sub(now).Seconds())))
	w.Header().Set("Fitbit-Rate-Limit-Limit", strconv.Itoa(allowed.requests))
	w.Header().Set("Fitbit-Rate-Limit-Remaining", strconv.Itoa(max(0, allowed.requests-u.used)))
	w.Header().Set("Fitbit-Rate-Limit-Reset", seconds)
	if !enough {
		w.Header().Set("Retry-After", seconds)
		refuse(w, http.StatusTooManyRequests, "system", "n/a", "Too Many Requests")
	}
	return enough
}
