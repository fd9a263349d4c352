package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// factLog follows the facts with a plain NATS client and keeps what audits need.
type factLog struct {
	mu      sync.Mutex
	facts   map[string][]factLine     // by user
	changes map[string][]statusChange // by user
}

// statusChange is what ConnectionStatusChanged says.
type statusChange struct {
	Status     string `json:"status"`
	Reason     string `json:"reason"`
	NextAction string `json:"next_action"`
}

func followFacts(t *testing.T, w *world) *factLog {
	t.Helper()
	l := &factLog{facts: map[string][]factLine{}, changes: map[string][]statusChange{}}
	consumer, err := w.jetStream(t).OrderedConsumer(t.Context(), "STRIDELOG_FACTS", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	running, err := consumer.Consume(func(m jetstream.Msg) { l.take(t, m) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Stop)
	return l
}

func (l *factLog) take(t *testing.T, m jetstream.Msg) {
	user := m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:]
	l.mu.Lock()
	defer l.mu.Unlock()
	switch kind := m.Headers().Get("ce-type"); kind {
	case typeFetched, typeRemoved:
		f := factLine{event: kind}
		if err := json.Unmarshal(m.Data(), &f); err != nil {
			t.Errorf("fact on %s: %v", m.Subject(), err)
		}
		l.facts[user] = append(l.facts[user], f)
	case "stridelog.connection.status_changed.v1":
		var change statusChange
		if err := json.Unmarshal(m.Data(), &change); err != nil {
			t.Errorf("fact on %s: %v", m.Subject(), err)
		}
		l.changes[user] = append(l.changes[user], change)
	}
}

func (l *factLog) of(user string) []factLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.facts[user])
}

// changesOf are the changes of status of a user's connection.
func (l *factLog) changesOf(user string) []statusChange {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.changes[user])
}

// suspensions is how often a user's connection left active and degraded.
func (l *factLog) suspensions(user string) int {
	bad := slices.DeleteFunc(l.changesOf(user), func(c statusChange) bool { return c.Status == "active" || c.Status == "degraded" })
	return len(bad)
}
