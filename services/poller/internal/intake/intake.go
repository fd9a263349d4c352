// Package intake turns events into the poller's work: consents, their ends, and
// requests for syncs.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// eventWait is after how long an event comes again when the process that had it
	// was killed. Its handling is one short transaction.
	eventWait = 10 * time.Second
	// grace is how long a request may wait for the activation of its connection,
	// which travels on another stream and may be overtaken: by a whole
	// eventWait, when a process was killed over it.
	grace = eventWait + 15*time.Second
	// longestDelay bounds how long a request may put its own start off.
	longestDelay = time.Minute
)

// Intake handles events. All fields are required.
type Intake struct {
	Log         *slog.Logger
	Store       *store.Store
	Connectors  provider.Connectors
	Catalog     store.Catalog
	Schedule    store.Schedule
	InitialDays int
	Now         func() time.Time
}

// Handlers are what a bus router runs.
func (in *Intake) Handlers(b *bus.Bus) []bus.Handler {
	return []bus.Handler{
		{
			Name: connections, Stream: events.StreamFacts, Subjects: connectionSubjects(), AckWait: eventWait,
			Handle: func(ctx context.Context, d bus.Delivery) error {
				if err := in.saw(ctx, b, d); err != nil {
					return err
				}
				return in.connection(ctx, d)
			},
		},
		{
			Name: "poller_syncs", Stream: events.StreamSyncs,
			Subjects: []string{events.TypeSubjects(events.TypeSyncRequested)}, AckWait: eventWait,
			Handle: in.sync,
		},
	}
}

func (in *Intake) connection(ctx context.Context, d bus.Delivery) error {
	switch data := d.Event.Data.(type) {
	case *events.ConnectionActivated:
		return in.activated(ctx, d, data)
	case *events.ConnectionStatusChanged:
		standing := store.StandingOf(data.Status, data.Reason, data.NextAction)
		return in.standing(ctx, d, data.ConnectionID, standing, nil)
	case *events.ConnectionRevoked:
		return in.standing(ctx, d, data.ConnectionID, store.Standing{Status: store.TargetEnded, Reason: "revoked_by_" + data.By}, &data.RevokedAt)
	default:
		return bus.Permanent(fmt.Errorf("a connection event of type %s is not expected here", d.Event.Type()))
	}
}

// check refuses ids that no table could hold: trying again would not help.
func check(ids ...string) error {
	for _, id := range ids {
		if _, err := uuid.Parse(id); err != nil || len(id) != 36 {
			return bus.Permanent(errors.New("an id in the event is not a UUID"))
		}
	}
	return nil
}

// activated starts polling and reads the last days at once: all since an earlier
// connection of the same account was read. The initial sync's id comes from the
// event's, so that a repeated delivery finds it.
func (in *Intake) activated(ctx context.Context, d bus.Delivery, data *events.ConnectionActivated) error {
	user, name := d.Event.UserID, d.Event.Provider
	if err := check(user, data.ConnectionID); err != nil {
		return err
	}
	return in.Store.ForUser(ctx, user, func(tx pgx.Tx) error {
		current, err := store.Activate(ctx, tx, store.Activation{
			UserID: user, Provider: name, ConnectionID: data.ConnectionID, AccountID: data.ProviderAccountID,
			Scopes: append([]string{}, data.Scopes...), Sequence: d.Sequence,
		})
		if err != nil {
			return err
		}
		if _, err := store.SetStanding(ctx, tx, user, name, data.ConnectionID, store.Standing{Status: store.TargetActive}, d.Sequence); err != nil {
			return err
		}
		if !current {
			return nil
		}
		if err := in.dropForeign(ctx, tx, user, name, data.ConnectionID); err != nil {
			return err
		}
		_, target, _, err := store.AlignTarget(ctx, tx, user, name)
		if err != nil || target.Status != store.TargetActive {
			return err
		}
		return in.begin(ctx, tx, target, events.SyncID(d.Event.ID))
	})
}

// begin starts the timetable of a consent and queues its first sync.
func (in *Intake) begin(ctx context.Context, tx pgx.Tx, t store.Target, syncID string) error {
	now := in.Now().UTC()
	sources := in.Catalog.Of(t.Provider, t.Scopes)
	added, err := in.Schedule.Start(ctx, tx, t.UserID, t.Provider, t.ConnectionID, sources, now)
	if err != nil {
		return err
	}
	if err := store.Reconsider(ctx, tx, t); err != nil {
		return err
	}
	before, initial := false, now.AddDate(0, 0, -in.InitialDays)
	first := store.Window{
		ID: syncID, UserID: t.UserID, Provider: t.Provider, ConnectionID: t.ConnectionID,
		Trigger: events.TriggerConnect, Span: events.Window{From: initial, To: now}, RequestedAt: now, Trace: telemetry.TraceParent(ctx),
	}
	if !readable(usual(sources)) {
		return report.Refuse(ctx, tx, first, *report.Skipped(), now)
	}
	err = in.queue(ctx, tx, first, usual(sources), func(w *store.Window) error {
		end, err := store.CoverageEnd(ctx, tx, t, w.Source)
		before = before || end != nil
		w.Span.From = store.ReadFrom(initial, end)
		return err
	})
	if err != nil {
		return err
	}
	if before {
		if err := in.Schedule.DeepSoon(ctx, tx, t, now); err != nil {
			return err
		}
	}
	return in.Schedule.Add(ctx, tx, t, added, now)
}

// dropForeign ends work that was meant for an earlier connection of the target.
func (in *Intake) dropForeign(ctx context.Context, tx pgx.Tx, userID, provider, connectionID string) error {
	open, err := store.OpenWindows(ctx, tx, userID, provider)
	if err != nil {
		return err
	}
	for _, w := range open {
		if w.ConnectionID != connectionID {
			reason := report.NotActive(store.Standing{Status: store.TargetEnded})
			return report.FailOpen(ctx, tx, userID, provider, reason, in.Now(), nil)
		}
	}
	return nil
}

// standing stores where a connection stands. A target that is no longer active ends
// what waits for it. What was asked for after the end of a connection stays: it is for
// the consent to the same account that follows.
func (in *Intake) standing(ctx context.Context, d bus.Delivery, connectionID string, standing store.Standing, end *time.Time) error {
	user, name := d.Event.UserID, d.Event.Provider
	if err := check(user, connectionID); err != nil {
		return err
	}
	return in.Store.ForUser(ctx, user, func(tx pgx.Tx) error {
		// The target is locked first, as a worker that suspends it does: in the other
		// order the two would wait for each other.
		if _, _, err := store.LoadTarget(ctx, tx, user, name); err != nil {
			return err
		}
		applied, err := store.SetStanding(ctx, tx, user, name, connectionID, standing, d.Sequence)
		if err != nil || !applied {
			return err
		}
		was, now, found, err := store.AlignTarget(ctx, tx, user, name)
		if err != nil || !found || was.Status == now.Status || now.Status == store.TargetActive {
			return err
		}
		in.Log.InfoContext(ctx, "polling stops", "provider", name, "user_id", user, "connection_id", connectionID, "status", now.Status, "reason", standing.Reason)
		return report.FailOpen(ctx, tx, user, name, report.NotActive(standing), in.Now(), end)
	})
}

func (in *Intake) sync(ctx context.Context, d bus.Delivery) error { return in.request(ctx, d, 0) }

// request queues a requested window, or answers at once that it cannot be read.
// So many reports about it were said before.
func (in *Intake) request(ctx context.Context, d bus.Delivery, reports int) error {
	data, ok := d.Event.Data.(*events.SyncRequested)
	if !ok {
		return bus.Permanent(fmt.Errorf("a sync event of type %s is not expected here", d.Event.Type()))
	}
	user, name := d.Event.UserID, d.Event.Provider
	if err := check(user, data.SyncID); err != nil {
		return err
	}
	now := in.Now().UTC()
	return in.Store.ForUser(ctx, user, func(tx pgx.Tx) error {
		target, found, err := store.LoadTarget(ctx, tx, user, name)
		if err != nil {
			return err
		}
		w := store.Window{
			ID: data.SyncID, UserID: user, Provider: name, ConnectionID: target.ConnectionID, Trigger: data.Trigger,
			Span: data.Window, RequestedAt: data.RequestedAt, Trace: telemetry.TraceParent(ctx),
			Suspects: data.Suspects, Report: reports,
		}
		if w.RequestedAt.After(now) {
			w.RequestedAt = now // another machine's clock
		}
		if data.NotBefore != nil && data.NotBefore.After(now) {
			start := data.NotBefore.UTC()
			if most := now.Add(longestDelay); start.After(most) {
				start = most
			}
			w.NotBefore = &start
		}
		refusal := in.refuse(target, found, data)
		sources := requested(in.Catalog.Of(name, target.Scopes), data.Kinds)
		if refusal == nil && !readable(sources) {
			refusal = unreadable(sources)
		}
		if refusal == nil {
			return in.queue(ctx, tx, w, sources, func(*store.Window) error { return nil })
		}
		if refusal.temporary && now.Sub(data.RequestedAt) < grace {
			return bus.NotYet(fmt.Errorf("sync %s came before its connection was active here", data.SyncID))
		}
		in.Log.WarnContext(ctx, "a sync request was refused", "sync_id", data.SyncID, "provider", name, "user_id", user, "code", refusal.Code)
		return report.Refuse(ctx, tx, w, refusal.SyncError, now)
	})
}

type refusal struct {
	events.SyncError
	temporary bool // an activation may be on its way
}

func (in *Intake) refuse(target store.Target, found bool, data *events.SyncRequested) *refusal {
	fail := func(code, detail string) *refusal {
		return &refusal{SyncError: events.SyncError{Code: code, Detail: detail}}
	}
	switch {
	case in.Connectors[data.Provider] == nil:
		return fail("provider_disabled", "The provider is not configured here; set its client id and secret.")
	case !data.Window.From.Before(data.Window.To):
		return fail("invalid_window", "The window ends before it begins; ask for one with from before to.")
	case !found:
		return &refusal{SyncError: events.SyncError{
			Code: "connection_not_found", Detail: "The user has no connection at this provider; ask the person to connect it.",
		}, temporary: true}
	case target.Status != store.TargetActive:
		return &refusal{SyncError: report.NotActive(target.Connection), temporary: true}
	case data.ConnectionID != "" && data.ConnectionID != target.ConnectionID:
		return &refusal{SyncError: report.NotActive(store.Standing{Status: store.TargetEnded}), temporary: true}
	}
	return nil
}
