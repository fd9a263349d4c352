package work

import (
	"context"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// fetchTime bounds one call of a connector, which has timeouts of its own.
const fetchTime = 2 * time.Minute

// fetch reads one page.
func (s *session) fetch(ctx context.Context, w store.Window, t token) (page provider.Page, err error) {
	err = s.withToken(ctx, t, func(t token) error {
		page, err = s.list(ctx, w, t)
		return err
	})
	return page, err
}

// withToken calls a provider. A refused access token is reported and replaced once.
func (s *session) withToken(ctx context.Context, t token, request func(token) error) error {
	err := request(t)
	if provider.ClassOf(err) != provider.ClassUnauthorized {
		return err
	}
	if _, told := s.reject(ctx, t, provider.ClassUnauthorized); told != nil {
		return tokenError{told}
	}
	fresh := s.askToken(ctx)
	s.token = &fresh
	if fresh.err != nil {
		return tokenError{fresh.err}
	}
	return request(fresh)
}

// tokenError is a failure to get a token in the middle of a page.
type tokenError struct{ err error }

func (e tokenError) Error() string { return e.err.Error() }
func (e tokenError) Unwrap() error { return e.err }

// list calls the connector; its panic becomes an error. The budget counts the
// request whatever came of it.
func (s *session) list(ctx context.Context, w store.Window, t token) (page provider.Page, err error) {
	if err := s.spend(ctx, purpose(w)); err != nil {
		return page, err
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			page, err = provider.Page{}, s.panicked(p, "list activities")
		}
		provider.StorableError(err)
		s.count(outer, page.Quota, err)
	}()
	page, err = s.connector.Fetcher.ListActivities(ctx, provider.ListRequest{Token: provider.Secret(t.AccessToken), Window: w.Pass(), Cursor: w.Cursor})
	if err != nil {
		return page, err
	}
	return page.Storable(s.connector.Volatile)
}
