// Package client is a small client of the REST API, for commands, the demo, the
// end-to-end tests and the benchmarks. It uses nothing of the gateway's code.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/visitor"
)

// Client calls one installation with one API key.
type Client struct {
	BaseURL string // http://host:port
	Key     string
	HTTP    *http.Client
}

// Problem is an RFC 9457 answer.
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Reason string `json:"reason"` // of a code that can have several
	// NextAction says what ends the state that forbids the request.
	NextAction string `json:"next_action"`
}

// Error implements error.
func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// User is a person of the client's app.
type User struct {
	ID             string  `json:"id"`
	ExternalUserID *string `json:"external_user_id"`

	FirstName           *string    `json:"first_name"`
	LastName            *string    `json:"last_name"`
	Email               *string    `json:"email"`
	CreatedAt           *time.Time `json:"created_at"`
	LastSyncedAt        *time.Time `json:"last_synced_at"`
	HasActiveConnection bool       `json:"has_active_connection"`
}

// Connection is a user's consent at a provider.
type Connection struct {
	ID         string `json:"id"`
	Provider   string `json:"provider"`
	Status     string `json:"status"`
	Reason     string `json:"reason"`
	NextAction string `json:"next_action"`

	Since        *time.Time `json:"since"` // of the status
	LastSyncedAt *time.Time `json:"last_synced_at"`
	NextSyncAt   *time.Time `json:"next_sync_at"`
	// LinkedConnectionIDs are the same person's connections elsewhere.
	LinkedConnectionIDs []string `json:"linked_connection_ids"`
	// Coverage is what was read completely of its account, oldest first.
	Coverage []Stretch `json:"coverage"`
}

// Stretch is a half-open span of time of which one kind of data was read completely.
type Stretch struct {
	Kind  string    `json:"kind"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Sync is one run over a window.
type Sync struct {
	SyncID   string  `json:"sync_id"`
	ID       string  `json:"id"`
	Provider string  `json:"provider"`
	Trigger  string  `json:"trigger"`
	Status   string  `json:"status"`
	Counts   *Counts `json:"counts"`
	Error    *struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"error"`
	NotBefore   *time.Time `json:"not_before"` // when one that was put off goes on
	RequestedAt *time.Time `json:"requested_at"`
	FinishedAt  *time.Time `json:"finished_at"`
}

// Counts are the records of a sync, and the pages that they stood on.
type Counts struct {
	Pages     int `json:"pages"`
	Seen      int `json:"seen"`
	New       int `json:"new"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Removed   int `json:"removed"`
	Rejected  int `json:"rejected"`
}

// Ended says whether the sync will not change any more.
func (s Sync) Ended() bool {
	return s.Status == "success" || s.Status == "partial" || s.Status == "failed"
}

// Page is a page of workouts, each kept as it was sent.
type Page struct {
	Data       []json.RawMessage `json:"data"`
	Pagination struct {
		NextCursor *string `json:"next_cursor"`
		HasMore    bool    `json:"has_more"`
		TotalCount int     `json:"total_count"` // 0 where dates select more than are counted
	} `json:"pagination"`
}

// Call sends a request below /api/v1 and decodes the answer into out, which may
// be nil. An error answer is a *Problem.
func (c *Client) Call(ctx context.Context, method, path string, body, out any) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.BaseURL+"/api/v1"+path, reader)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: read answer: %w", method, path, err)
	}
	if resp.StatusCode >= 400 {
		problem := &Problem{Status: resp.StatusCode, Detail: string(text)}
		_ = json.Unmarshal(text, problem) // not JSON: the text is the detail
		return fmt.Errorf("%s %s: %w", method, path, problem)
	}
	if out == nil {
		return nil
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = text
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: decode answer: %w", method, path, err)
	}
	return nil
}

// EnsureUser returns the user with this external id and makes it if need be.
func (c *Client) EnsureUser(ctx context.Context, externalID string) (User, error) {
	var user User
	err := c.Call(ctx, http.MethodPost, "/users", map[string]string{"external_user_id": externalID}, &user)
	var problem *Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusConflict {
		return user, err
	}
	for page := 1; ; page++ {
		var list struct {
			Items   []User `json:"items"`
			HasNext bool   `json:"has_next"`
		}
		if err := c.Call(ctx, http.MethodGet, fmt.Sprintf("/users?limit=100&page=%d", page), nil, &list); err != nil {
			return User{}, err
		}
		for _, u := range list.Items {
			if u.ExternalUserID != nil && *u.ExternalUserID == externalID {
				return u, nil
			}
		}
		if !list.HasNext {
			return User{}, fmt.Errorf("user %q exists but is not listed", externalID)
		}
	}
}

// Connections lists a user's connections.
func (c *Client) Connections(ctx context.Context, userID string) ([]Connection, error) {
	var list []Connection
	err := c.Call(ctx, http.MethodGet, "/users/"+userID+"/connections", nil, &list)
	return list, err
}

// Workouts reads all of a user's workouts page by page, newest first.
func (c *Client) Workouts(ctx context.Context, userID string, query url.Values) ([]json.RawMessage, error) {
	q := url.Values{"limit": {"100"}}
	for k, v := range query {
		q[k] = v
	}
	var all []json.RawMessage
	for {
		var page Page
		if err := c.Call(ctx, http.MethodGet, "/users/"+userID+"/events/workouts?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if page.Pagination.NextCursor == nil {
			return all, nil
		}
		q.Set("cursor", *page.Pagination.NextCursor)
	}
}

// Historical asks for a backfill and returns the sync's id.
func (c *Client) Historical(ctx context.Context, userID, provider string, days int) (string, error) {
	var sync Sync
	err := c.Call(ctx, http.MethodPost, fmt.Sprintf("/providers/%s/users/%s/sync/historical?days=%d", provider, userID, days), nil, &sync)
	return sync.SyncID, err
}

// Syncs lists a user's newest syncs, at most 100.
func (c *Client) Syncs(ctx context.Context, userID string) ([]Sync, error) {
	var page struct {
		Data []Sync `json:"data"`
	}
	err := c.Call(ctx, http.MethodGet, "/users/"+userID+"/syncs?limit=100", nil, &page)
	return page.Data, err
}

// AwaitSync waits until a sync has ended and returns how.
func (c *Client) AwaitSync(ctx context.Context, userID, syncID string) (Sync, error) {
	for {
		var sync Sync
		if err := c.Call(ctx, http.MethodGet, "/users/"+userID+"/syncs/"+syncID, nil, &sync); err != nil {
			return Sync{}, err
		}
		if sync.Ended() {
			return sync, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return sync, fmt.Errorf("sync %s is still %s: %w", syncID, sync.Status, err)
		}
	}
}

// Start begins a consent and returns where the person gives it.
func (c *Client) Start(ctx context.Context, userID, provider, redirectURI string) (authorizationURL string, err error) {
	q := url.Values{"user_id": {userID}}
	if redirectURI != "" {
		q.Set("redirect_uri", redirectURI)
	}
	var start struct {
		AuthorizationURL string `json:"authorization_url"`
	}
	err = c.Call(ctx, http.MethodGet, "/oauth/"+provider+"/authorize?"+q.Encode(), nil, &start)
	return start.AuthorizationURL, err
}

// Return goes to our callback as the person's browser does and returns where it
// is sent on to. The provider knows only the registered callback; this client
// reaches it at BaseURL.
func (c *Client) Return(ctx context.Context, callback *url.URL) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.BaseURL+callback.RequestURI(), nil)
	if err != nil {
		return nil, err
	}
	staying := *c.HTTP
	staying.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := staying.Do(req)
	if err != nil {
		return nil, fmt.Errorf("callback: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
		return nil, fmt.Errorf("the callback answered %s: %s", resp.Status, text)
	}
	return resp.Location()
}

// ConnectAt gives consent at a provider's simulated cloud, all the way from our
// authorize route to where the person is sent back to.
func (c *Client) ConnectAt(ctx context.Context, userID, provider, redirectURI string, decision visitor.Decision) (*url.URL, error) {
	start, err := c.Start(ctx, userID, provider, redirectURI)
	if err != nil {
		return nil, err
	}
	callback, err := visitor.Decide(ctx, c.HTTP, start, decision)
	if err != nil {
		return nil, err
	}
	return c.Return(ctx, callback)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
