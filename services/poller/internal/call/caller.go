// Package call calls providers on behalf of leases: with an access token, within the
// budgets of the account and the app, bounded in time. What a connector does wrong
// becomes a typed error:
//
//   - *ShortError: a rate limit allows nothing before an instant;
//   - *TokenError: no access token could be had;
//   - *ProviderError: the provider gave no record, by its class;
//   - any other error is of our own side: the context, the database or NATS.
package call

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// timeout bounds one call of a connector, which has timeouts of its own.
const timeout = 2 * time.Minute

// Callers is what the callers of a process share. All fields are required.
type Callers struct {
	Log     *slog.Logger
	Store   *store.Store // keeps the budgets
	Tokens  Tokens
	Metrics *Metrics
	Now     func() time.Time

	mu   sync.Mutex
	apps map[string]*allowance // what this process holds of the apps' budgets, by provider
}

// app is what this process holds of an app's budgets.
func (cs *Callers) app(name string) *allowance {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.apps == nil {
		cs.apps = map[string]*allowance{}
	}
	if cs.apps[name] == nil {
		cs.apps[name] = &allowance{}
	}
	return cs.apps[name]
}

// Caller calls a provider on behalf of one lease, one request after the other.
type Caller struct {
	*Callers
	lease     store.Lease
	connector *provider.Connector

	purse, appPurse store.Purse
	account         allowance
	app             *allowance // nil when the app has no budgets
	requests        int        // made so far, but for deep scans
	holding         bool       // since Hold
	news            []provider.Quota

	first <-chan answer // of the token that was asked for ahead; nil: of none
	token Token         // as given last
}

// answer is what came of asking for a token.
type answer struct {
	token Token
	err   error
}

// For makes a caller for a lease.
func (cs *Callers) For(l store.Lease, c *provider.Connector) *Caller {
	caller := &Caller{Callers: cs, lease: l, connector: c, purse: l.AccountPurse(c.BudgetsOf(provider.OfAccount))}
	if budgets := c.BudgetsOf(provider.OfApp); len(budgets) > 0 {
		caller.appPurse = store.Purse{Provider: l.Provider, Account: store.AppAccount, Budgets: budgets}
		caller.app = cs.app(l.Provider)
	}
	return caller
}

func (c *Caller) connection() Connection {
	return Connection{ID: c.lease.ConnectionID, Consent: c.lease.Consent}
}

// Prepare asks for the access token already, without waiting for it.
func (c *Caller) Prepare(ctx context.Context) {
	first := make(chan answer, 1)
	go func() {
		t, err := c.Tokens.Access(ctx, c.connection())
		first <- answer{t, err}
	}()
	c.first = first
}

// access gives a token that is good for the next request.
func (c *Caller) access(ctx context.Context) error {
	var got answer
	switch first := c.first; {
	case first != nil:
		c.first = nil
		select {
		case got = <-first:
		case <-ctx.Done():
			return ctx.Err()
		}
	case c.token.Good(c.Now()):
		return nil
	default:
		got.token, got.err = c.Tokens.Access(ctx, c.connection())
	}
	if got.err != nil {
		return got.err
	}
	c.token = got.token
	return nil
}

// Refused reports that the provider refused the token of the latest request, and says
// where the connection stands now. A request that fails with ClassUnauthorized was
// refused twice, the second time with a new token, and only the first is reported.
func (c *Caller) Refused(ctx context.Context, class provider.Class) (store.Standing, error) {
	refused := c.token
	if class == provider.ClassUnauthorized {
		c.token = Token{}
	}
	return c.Tokens.Refused(ctx, c.connection(), refused, class)
}

// List reads one page of a source's list.
func (c *Caller) List(ctx context.Context, p Purpose, s *provider.Source, r provider.ListRequest) (provider.Page, error) {
	return call(ctx, c, "list "+s.Name, p, func(ctx context.Context, token provider.Secret) (provider.Page, []provider.Quota, error) {
		r.Token = token
		page, err := s.List.List(ctx, r)
		if err == nil {
			page, err = page.Storable(s.Volatile)
		}
		return page, page.Quotas, err
	})
}

// Get asks a source for one record by its id.
func (c *Caller) Get(ctx context.Context, p Purpose, s *provider.Source, externalID string) (provider.Record, error) {
	op := "get " + s.Name
	return call(ctx, c, op, p, func(ctx context.Context, token provider.Secret) (provider.Record, []provider.Quota, error) {
		r, quotas, err := s.Get.Get(ctx, token, externalID)
		r = r.Storable(s.Volatile)
		if err == nil && r.ExternalID != externalID {
			err = &provider.Error{Provider: c.lease.Provider, Op: op, Class: provider.ClassInvalidResponse, Reason: "another record"}
		}
		return r, provider.StorableQuotas(quotas), err
	})
}

// Attach asks a source for one attachment of a record.
func (c *Caller) Attach(ctx context.Context, p Purpose, s *provider.Source, parent events.ParentRef, name string) (provider.Record, error) {
	return call(ctx, c, "get "+s.Name, p, func(ctx context.Context, token provider.Secret) (provider.Record, []provider.Quota, error) {
		r, quotas, err := s.Attach.Attach(ctx, token, parent, name)
		r.ExternalID = parent.ExternalID // which is known to be an id that can be kept
		r = r.Storable(s.Volatile)
		r.Parent, r.ExternalID = &parent, events.AttachmentID(parent, name)
		return r, provider.StorableQuotas(quotas), err
	})
}

// request is one call of a connector.
type request[T any] func(ctx context.Context, token provider.Secret) (T, []provider.Quota, error)

// call makes a request. A refused access token is reported and replaced, once.
func call[T any](ctx context.Context, c *Caller, op string, p Purpose, ask request[T]) (got T, err error) {
	for refusals := 0; ; refusals++ {
		if err := c.access(ctx); err != nil {
			return got, err
		}
		got, err = attempt(ctx, c, op, p, ask)
		if ClassOf(err) != provider.ClassUnauthorized || refusals > 0 {
			return got, err
		}
		if _, failed := c.Refused(ctx, provider.ClassUnauthorized); failed != nil {
			return got, failed
		}
	}
}

// attempt makes a request once, within the budgets, which count it whatever came of it.
// A panic of the connector becomes an error.
func attempt[T any](ctx context.Context, c *Caller, op string, p Purpose, ask request[T]) (got T, err error) {
	if err := c.spend(ctx, p); err != nil {
		return got, err
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var quotas []provider.Quota
	defer func() {
		if v := recover(); v != nil {
			var none T
			got, quotas, err = none, nil, c.panicked(ctx, op, v)
		}
		provider.StorableError(err)
		err = c.count(ctx, quotas, err)
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	got, quotas, err = ask(bounded, c.token.Access)
	return got, err
}

// panicked makes an error of a connector's panic. The value may quote a record or
// a token: only where it happened is logged.
func (c *Caller) panicked(ctx context.Context, op string, v any) error {
	c.Log.ErrorContext(ctx, "a connector panicked", "provider", c.lease.Provider, "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
	return &provider.Error{Provider: c.lease.Provider, Op: op, Class: provider.ClassInvalidResponse, Reason: "panic"}
}
