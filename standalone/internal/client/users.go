package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
)

// Users gives every user, as the API says them, newest first, page by page; search is
// part of a name, an e-mail address or an external id, or empty. An error is the last
// thing.
func (c *Client) Users(ctx context.Context, search string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		q := url.Values{"limit": {"100"}}
		if search != "" {
			q.Set("search", search)
		}
		for page := 1; ; page++ {
			q.Set("page", fmt.Sprint(page))
			var list struct {
				Items   []json.RawMessage `json:"items"`
				HasNext bool              `json:"has_next"`
			}
			if err := c.Call(ctx, http.MethodGet, "/users?"+q.Encode(), nil, &list); err != nil {
				yield(nil, err)
				return
			}
			for _, object := range list.Items {
				if !yield(object, nil) {
					return
				}
			}
			if !list.HasNext {
				return
			}
		}
	}
}

// User is one user as the API says it. The user is an id or external:ID, escaped for a
// path.
func (c *Client) User(ctx context.Context, user string) (object json.RawMessage, err error) {
	err = c.Call(ctx, http.MethodGet, "/users/"+user, nil, &object)
	return object, err
}

// CreateUser makes a user with the members that are given.
func (c *Client) CreateUser(ctx context.Context, members map[string]string) (object json.RawMessage, err error) {
	err = c.Call(ctx, http.MethodPost, "/users", members, &object)
	return object, err
}

// Disconnect ends a consent. The user is an id or external:ID, escaped for a path.
func (c *Client) Disconnect(ctx context.Context, user, provider string) (ended Connection, err error) {
	var answer struct {
		ConnectionID string `json:"connection_id"`
		Status       string `json:"status"`
	}
	err = c.Call(ctx, http.MethodDelete, "/users/"+user+"/connections/"+url.PathEscape(provider), nil, &answer)
	return Connection{ID: answer.ConnectionID, Provider: provider, Status: answer.Status}, err
}
