package googlehealth

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Requests a minute. Of an unverified project the facts give about 2.5 and 250
// a second.
const (
	unverifiedPerUser = 150
	unverifiedInTotal = 15_000
	verifiedPerUser   = 300
	verifiedInTotal   = 120_000
)

// quota counts requests in windows that begin with every multiple of their
// length.
type quota struct {
	usual allowance
	own   map[string]allowance
	used  map[string]*usage
}

type allowance struct {
	requests int
	window   time.Duration
}

type usage struct {
	window   time.Time
	used     int
	overruns int // over all windows
}

func newQuota(perMinute int) *quota {
	return &quota{usual: allowance{perMinute, time.Minute}, own: map[string]allowance{}, used: map[string]*usage{}}
}

// spend takes one request off; left is how long the window still lasts.
func (q *quota) spend(key string, now time.Time) (left time.Duration, enough bool) {
	allowed, own := q.own[key]
	if !own {
		allowed = q.usual
	}
	window := now.UTC().Truncate(allowed.window)
	u := q.used[key]
	if u == nil {
		u = &usage{}
		q.used[key] = u
	}
	if !u.window.Equal(window) {
		u.window, u.used = window, 0
	}
	if u.used < allowed.requests {
		u.used++
		return 0, true
	}
	u.overruns++
	return window.Add(allowed.window).Sub(now), false
}

func (q *quota) overruns(key string) int {
	if u := q.used[key]; u != nil {
		return u.overruns
	}
	return 0
}

// SetQuota gives an account a quota and a window of its own.
func (c *Cloud) SetQuota(accountID string, requests int, window time.Duration) error {
	if requests < 1 || window < time.Second {
		return fmt.Errorf("set the quota of account %s: %d requests in %v; give at least 1 and 1s", accountID, requests, window)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.accounts[accountID] == nil {
		return fmt.Errorf("set a quota: there is no account %s", accountID)
	}
	c.users.own[accountID] = allowance{requests, window}
	return nil
}

// SetProjectQuota gives the project another quota over all accounts.
func (c *Cloud) SetProjectQuota(requests int, window time.Duration) error {
	if requests < 1 || window < time.Second {
		return fmt.Errorf("set the quota of the project: %d requests in %v; give at least 1 and 1s", requests, window)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole.usual = allowance{requests, window}
	return nil
}

// SetRetryAfter says whether the 429 of the quota names the wait.
func (c *Cloud) SetRetryAfter(named bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retryAfter = named
}

// Overruns counts the requests of an account that came when its quota was used
// up.
func (c *Cloud) Overruns(accountID string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.users.overruns(accountID)
}

// ProjectOverruns counts the requests of all accounts that came when the
// project's quota was used up.
func (c *Cloud) ProjectOverruns() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.whole.overruns("")
}

// spend takes one request off both quotas. The caller holds the lock.
func (c *Cloud) spend(w http.ResponseWriter, accountID string, now time.Time) bool {
	left, enough := c.users.spend(accountID, now)
	if enough {
		left, enough = c.whole.spend("", now)
	}
	if enough {
		return true
	}
	if c.retryAfter {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(left.Seconds()))))
	}
	refuse(w, rateLimited())
	return false
}
