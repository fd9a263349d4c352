package work

import (
	"context"
	"time"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// troublesome says whether an error class tells that the provider does not answer
// as it should. A quota is no trouble, and what concerns the grant is told apart.
func troublesome(class provider.Class) bool {
	switch class {
	case provider.ClassUnavailable, provider.ClassInvalidResponse, provider.ClassConflict, provider.ClassTooLarge, provider.ClassGone:
		return true
	default:
		return false
	}
}

// trouble notes that the provider does not answer well, and tells the oauth service
// what it does not know yet. Whether the connection can still be used is for that
// service to say: usable is false when it says no, and the lease's work has ended.
func (s *session) trouble(ctx context.Context, class provider.Class) (usable bool, err error) {
	now := s.Now().UTC().Truncate(time.Microsecond)
	t := s.lease.Trouble
	if t.Class == "" || t.Since == nil {
		t.Since = &now
	}
	t.Class = string(class)
	late := now.Sub(*t.Since) >= s.DegradeAfter
	if t.ToldClass == t.Class && class != provider.ClassGone && (!late || t.ToldLate) {
		return true, s.saveTrouble(ctx, t)
	}
	stands, told := s.tell(ctx, rpc.ReportRequest{ConnectionID: s.lease.ConnectionID, Class: t.Class, Since: *t.Since})
	if told {
		t.ToldClass, t.ToldLate = t.Class, late
	}
	if err := s.saveTrouble(ctx, t); err != nil {
		return true, err
	}
	if standing := store.StandingOf(stands.Status, stands.Reason, stands.NextAction); standing.Status != store.TargetActive {
		return false, s.suspend(ctx, standing)
	}
	return true, nil
}

// well notes that the provider answered, and tells so if trouble was told of.
func (s *session) well(ctx context.Context) error {
	t := s.lease.Trouble
	if t == (store.Trouble{}) {
		return nil
	}
	t.Class, t.Since = "", nil
	if t.ToldClass != "" {
		if _, told := s.tell(ctx, rpc.ReportRequest{ConnectionID: s.lease.ConnectionID}); told {
			t.ToldClass, t.ToldLate = "", false
		}
	}
	return s.saveTrouble(ctx, t)
}

// tell may fail: what was not told is told with the next answer.
func (s *session) tell(ctx context.Context, r rpc.ReportRequest) (stands rpc.ReportResponse, told bool) {
	stands, err := bus.Call[rpc.ReportRequest, rpc.ReportResponse](ctx, s.Bus, rpc.OAuthReport, r)
	if err != nil {
		s.log.WarnContext(ctx, "how the provider answers could not be told; it is told again", "class", r.Class, "error", err)
	}
	return stands, err == nil
}

func (s *session) saveTrouble(ctx context.Context, t store.Trouble) error {
	if t == s.lease.Trouble {
		return nil
	}
	err := s.Store.Guarded(ctx, s.lease, func(tx tx) error { return store.SetTrouble(ctx, tx, s.lease.Target, t) })
	if err == nil {
		s.lease.Trouble = t
	}
	return err
}
