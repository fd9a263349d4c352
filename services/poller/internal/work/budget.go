package work

import (
	"errors"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// reserve is how many requests of a budget a sync leaves for those that a person
// waits for.
func reserve(trigger string, limit int) int {
	switch trigger {
	case events.TriggerConnect, events.TriggerManual:
		return 0
	case events.TriggerBackfill:
		return limit / 10
	default:
		return limit / 20
	}
}

// count books one request.
func (s *session) count(q *provider.Quota, err error) {
	class := "ok"
	if err != nil {
		class = string(provider.ClassOf(err))
		var e *provider.Error
		if errors.As(err, &e) {
			q = e.Quota
		}
		if class == "" {
			class = "unknown"
		}
	}
	s.Metrics.requests.WithLabelValues(s.lease.Provider, class).Inc()
	s.lease.Budget = s.lease.Budget.After(q, s.connector.Budget, s.Now())
	if s.lease.Budget != nil {
		s.Metrics.budget.WithLabelValues(s.lease.Provider).Observe(float64(s.lease.Budget.Remaining))
	}
}

// exhaust books a refusal for being over the limit: nothing goes before until.
func (s *session) exhaust(until time.Time) {
	limit := s.connector.Budget.Requests
	if s.lease.Budget != nil {
		limit = s.lease.Budget.Limit
	}
	s.lease.Budget = &store.Budget{Remaining: 0, Limit: limit, ResetAt: until}
}
