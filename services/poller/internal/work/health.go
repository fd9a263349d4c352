package work

import (
	"context"
	"log/slog"
	"time"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// health keeps how the provider answers for a connection, and reports it to the oauth
// service: when a failure begins, changes, lasts and ends.
type health struct {
	store        *store.Store
	bus          *bus.Bus
	log          *slog.Logger
	degradeAfter time.Duration // when a failure is reported once more
	now          func() time.Time
	lease        *store.Lease
}

// unhealthy says whether an error class tells that the provider does not answer as it
// should. A rate limit does not, and what concerns the grant is reported apart.
func unhealthy(class provider.Class) bool {
	switch class {
	case provider.ClassUnavailable, provider.ClassInvalidResponse, provider.ClassConflict, provider.ClassTooLarge, provider.ClassGone:
		return true
	default:
		return false
	}
}

// failed notes that the provider does not answer well, and reports what the oauth
// service does not know yet. Whether the connection can still be used is for that
// service to say.
func (h health) failed(ctx context.Context, class provider.Class) (store.Standing, error) {
	now := h.now().UTC().Truncate(time.Microsecond)
	t := h.lease.Trouble
	if t.Class == "" || t.Since == nil {
		t.Since = &now
	}
	t.Class = string(class)
	late := now.Sub(*t.Since) >= h.degradeAfter
	standing := store.Standing{Status: store.TargetActive}
	if t.ToldClass != t.Class || class == provider.ClassGone || late && !t.ToldLate {
		if resp, ok := h.report(ctx, rpc.ReportRequest{ConnectionID: h.lease.ConnectionID, Class: t.Class, Since: *t.Since}); ok {
			t.ToldClass, t.ToldLate = t.Class, late
			standing = store.StandingOf(resp.Status, resp.Reason, resp.NextAction)
		}
	}
	return standing, h.save(ctx, t)
}

// answered notes that the provider answered well, and reports it if a failure was
// reported.
func (h health) answered(ctx context.Context) error {
	t := h.lease.Trouble
	if t == (store.Trouble{}) {
		return nil
	}
	t.Class, t.Since = "", nil
	if t.ToldClass != "" {
		if _, ok := h.report(ctx, rpc.ReportRequest{ConnectionID: h.lease.ConnectionID}); ok {
			t.ToldClass, t.ToldLate = "", false
		}
	}
	return h.save(ctx, t)
}

// report may fail: what was not reported is reported with the next answer.
func (h health) report(ctx context.Context, r rpc.ReportRequest) (resp rpc.ReportResponse, ok bool) {
	resp, err := bus.Call[rpc.ReportRequest, rpc.ReportResponse](ctx, h.bus, rpc.OAuthReport, r)
	if err != nil {
		h.log.WarnContext(ctx, "how the provider answers could not be reported; it is reported again", "class", r.Class, "error", err)
	}
	return resp, err == nil
}

func (h health) save(ctx context.Context, t store.Trouble) error {
	if t == h.lease.Trouble {
		return nil
	}
	err := h.store.Guarded(ctx, *h.lease, func(tx tx) error { return store.SetTrouble(ctx, tx, h.lease.Target, t) })
	if err == nil {
		h.lease.Trouble = t
	}
	return err
}
