package work

import (
	"context"
	"errors"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/call"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// routeTurns is how many routes one lease asks for before others get the worker.
	routeTurns = 10
	// routeSlower is how many times longer than a page a route waits when it could not
	// be read: eleven tries take about a day.
	routeSlower = 60
	// routesPause bounds how long the other routes of a target wait then.
	routesPause = 10 * time.Minute
)

// askRoutes asks for routes, until a window is due or none is left. Whatever goes wrong
// puts off routes alone: how the connection stands is for the windows to find out.
func (s *session) askRoutes(ctx context.Context) error {
	routes := routesOf(s.connector)
	for range routeTurns {
		turn, err := s.Store.NextRoute(ctx, s.lease.Target, s.Now())
		if err != nil || turn.Windows {
			return err
		}
		if routes == nil { // the provider is not configured here any more
			return s.putOffRoutes(ctx, s.Now().Add(routesPause))
		}
		if !routes.Granted(turn.Scopes) {
			return s.routesLater(ctx, store.RefuseRoutes)
		}
		if !turn.Found { // somebody else was here, or the index was made again
			return s.routesLater(ctx, func(context.Context, tx, store.Target) error { return nil })
		}
		if err := s.askRoute(ctx, routes, turn.Route); err != nil {
			return err
		}
	}
	return nil
}

// askRoute asks for one route and acts on the answer, by its class.
func (s *session) askRoute(ctx context.Context, routes *provider.Source, r store.Route) error {
	parent := events.ParentRef{Kind: routes.Attaches, ExternalID: r.ExternalID}
	found, err := s.caller.Attach(ctx, events.TriggerBackfill, routes, parent, routeName)
	var token *call.TokenError
	var short *call.ShortError
	switch class := call.ClassOf(err); {
	case err == nil:
		return s.keepRoute(ctx, r, found)
	case errors.As(err, &token):
		return s.noRouteToken(ctx, token)
	case errors.As(err, &short):
		return s.putOffRoutes(ctx, short.Until.Add(s.outcomes.jitter()))
	case class == "":
		return err
	case class == provider.ClassInsufficientScope:
		s.log.InfoContext(ctx, "the provider refuses routes; they wait for a new consent", "error", err)
		return s.routesLater(ctx, store.RefuseRoutes)
	case class == provider.ClassNotFound:
		r.State = store.RouteAbsent
		return s.answer(ctx, r)
	default:
		return s.routeFailed(ctx, r, class, err)
	}
}

// routeFailed puts one route off, and the others for a while; what no other try can
// repair, and what has failed too often, is given up.
func (s *session) routeFailed(ctx context.Context, r store.Route, class provider.Class, failure error) error {
	r.Attempts++
	s.log.WarnContext(ctx, "a route could not be read", "external_id", r.ExternalID, "attempts", r.Attempts, "class", class, "error", failure)
	if class == provider.ClassBadRequest || class == provider.ClassTooLarge || r.Attempts >= tries {
		r.State = store.RouteFailed
		return s.answer(ctx, r)
	}
	wait := routeSlower * call.Backoff(r.Attempts)
	r.NotBefore = s.Now().Add(wait)
	if err := s.answer(ctx, r); err != nil {
		return err
	}
	return s.putOffRoutes(ctx, s.Now().Add(min(wait, routesPause)))
}

// noRouteToken acts on a token that could not be had.
func (s *session) noRouteToken(ctx context.Context, e *call.TokenError) error {
	if e.Standing.Status != store.TargetActive {
		return s.outcomes.suspend(ctx, e.Standing)
	}
	return s.putOffRoutes(ctx, s.Now().Add(routeSlower*call.Backoff(1)))
}

// routePart is what is attached to activities.
func routePart() store.Part { return store.Part{Kind: routeName} }

// keepRoute keeps a route, unless the log has the same bytes or does not take so many.
func (s *session) keepRoute(ctx context.Context, r store.Route, found provider.Record) error {
	data := s.routeRecord(r, found)
	if r.Sequence > 0 && r.ContentHash == data.ContentHash {
		r.State = store.RouteFetched
		return s.answer(ctx, r)
	}
	var plan *ledger.Plan
	fits := len(found.Raw) <= events.MaxRoute
	if fits {
		var err error
		if plan, fits, err = s.index.PlanOne(ctx, routePart(), data); err != nil {
			return err
		}
	}
	if !fits {
		s.log.WarnContext(ctx, "a route is larger than the log takes and is left out", "external_id", r.ExternalID, "bytes", len(found.Raw))
		r.State = store.RouteFailed
		return s.answer(ctx, r)
	}
	return s.publishRoute(ctx, r, plan)
}

// publishRoute puts a route into the log and then into the database.
func (s *session) publishRoute(ctx context.Context, r store.Route, plan *ledger.Plan) error {
	var stopped hook.Crash
	switch err := s.index.Append(ctx, plan); {
	case err == nil:
	case errors.Is(err, store.ErrFenced), errors.As(err, &stopped):
		return err
	case errors.Is(err, bus.ErrDuplicate): // an earlier attempt got through although it seemed to fail
		if _, err = s.follow(ctx); err != nil {
			return err
		}
		return s.putOffRoutes(ctx, s.Now().Add(routeSlower*call.Backoff(1)))
	case ledger.Behind(err):
		s.log.InfoContext(ctx, "somebody else wrote the log; dropping the lease")
		return errDone
	case ctx.Err() != nil:
		return ctx.Err()
	default: // such as a NATS user that may not say it yet
		s.log.WarnContext(ctx, "a route could not be put into the log; trying again", "external_id", r.ExternalID, "pause", routesPause, "error", err)
		return s.putOffRoutes(ctx, s.Now().Add(routesPause))
	}
	if err := s.Store.Guarded(ctx, s.lease, func(tx tx) error { return s.index.Commit(ctx, tx, plan) }); err != nil {
		return err
	}
	s.index.Committed(plan)
	s.unstored = false
	return hook.Call(s.Hooks.Committed)
}

// routeRecord is a route in the words of the log.
func (s *session) routeRecord(r store.Route, found provider.Record) events.RecordFetched {
	parent := events.ParentRef{Kind: routesOf(s.connector).Attaches, ExternalID: r.ExternalID}
	return events.RecordFetched{
		UserID: s.lease.UserID, Provider: s.lease.Provider, ConnectionID: s.lease.ConnectionID, ProviderAccountID: s.lease.AccountID,
		Kind: routePart().Kind, ExternalID: events.AttachmentID(parent, events.RouteName), Parent: &parent, Format: found.Format,
		ContentHash: events.RouteHash(found.Raw), ParentSequence: r.ActivitySequence, Origin: events.OriginAPI,
		FetchedAt: s.Now().UTC().Truncate(time.Microsecond), Raw: found.Raw,
	}
}

// answer stores what came of asking for a route that gave no new fact.
func (s *session) answer(ctx context.Context, r store.Route) error {
	return s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		if err := store.AnswerRoute(ctx, tx, s.lease.Target, r); err != nil {
			return err
		}
		return store.RefreshRoutes(ctx, tx, s.lease.Target)
	})
}

// putOffRoutes lets all routes of the target wait, and ends the lease.
func (s *session) putOffRoutes(ctx context.Context, until time.Time) error {
	return s.routesLater(ctx, func(ctx context.Context, tx tx, t store.Target) error {
		return store.PutOffRoutes(ctx, tx, t, until)
	})
}

// routesLater stores why routes wait, and ends the lease.
func (s *session) routesLater(ctx context.Context, how func(context.Context, tx, store.Target) error) error {
	err := s.Store.Guarded(ctx, s.lease, func(tx tx) error {
		if err := how(ctx, tx, s.lease.Target); err != nil {
			return err
		}
		return store.RefreshRoutes(ctx, tx, s.lease.Target)
	})
	if err != nil {
		return err
	}
	return errDone
}
