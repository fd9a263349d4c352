package custody

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/status"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

// failed acts on a refresh that the provider did not grant. Only invalid_grant on
// the current version and a confirmed 410 stop the connection. Everything else is
// the provider's or the operator's trouble: the connection stays in use, and is
// degraded once the provider's trouble lasts.
func (k *Keeper) failed(ctx context.Context, l store.Lease, cause error) (store.Connection, error) {
	c := l.Connection
	failure := &provider.Error{Class: provider.ClassUnavailable}
	errors.As(cause, &failure)
	k.refreshes.WithLabelValues(c.Provider, string(failure.Class)).Inc()
	k.Log.WarnContext(ctx, "a token refresh failed", "connection_id", c.ID, "provider", c.Provider,
		"class", failure.Class, "http_status", failure.Status, "unfinished_before", l.Unfinished)
	if failure.Class == provider.ClassInvalidGrant {
		return k.refused(ctx, c, failure.Reason == events.ReasonAccountNotLinked)
	}
	var notBefore time.Time
	if failure.Class == provider.ClassRateLimited && !failure.RetryAt.IsZero() {
		notBefore = failure.RetryAt
		if most := time.Now().Add(longestWait); notBefore.After(most) {
			notBefore = most
		}
	}
	if err := k.Store.ReleaseLease(ctx, l, l.Unfinished || unclear(failure), notBefore); err != nil {
		return c, err
	}
	now, err := k.apply(ctx, c.ID, status.TokenFailed{Class: failure.Class}, func(now store.Connection) bool { return now.Version == c.Version })
	if err != nil {
		return c, err
	}
	if !now.Usable() {
		return now, refusal.Unusable(now)
	}
	detail := fmt.Sprintf("%s refused or did not answer a token refresh (%s); try again later.", c.Provider, failure.Class)
	if failure.Class == provider.ClassInvalidClient {
		detail = fmt.Sprintf("%s does not accept this installation's client id and secret; the operator must check them.", c.Provider)
	}
	return c, refusal.Later(detail, failure.RetryAt)
}

// unclear says that the provider may have rotated the token all the same: no
// answer, a broken one, or a server error somewhere on the way.
func unclear(e *provider.Error) bool {
	return e.Class == provider.ClassUnavailable || e.Class == provider.ClassInvalidResponse || e.Class == provider.ClassTooLarge
}

// refused decides an invalid_grant. A newer version means that this was a lost
// race; else the grant is dead and only the person can end that, by a new consent. A refresh left
// unfinished by a crash has had its second try by now: this one.
func (k *Keeper) refused(ctx context.Context, c store.Connection, notLinked bool) (store.Connection, error) {
	var current store.Connection
	err := k.Store.Within(ctx, func(t store.Tx) (err error) {
		if current, err = t.Lock(ctx, c.ID); err != nil || current.Version != c.Version {
			return err
		}
		if err = t.ClearLease(ctx, current); err != nil {
			return err
		}
		current, err = k.setState(ctx, t, current, status.TokenFailed{Class: provider.ClassInvalidGrant, NotLinked: notLinked})
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return c, refusal.NoConnection()
	case err != nil:
		return c, err
	case !current.Usable():
		if current.Version == c.Version {
			k.checkOthers(ctx, current)
		}
		return current, refusal.Unusable(current)
	}
	k.refreshes.WithLabelValues(c.Provider, "lost_race").Inc()
	return current, nil
}
