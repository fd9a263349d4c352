package e2e

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// factLog follows the facts with a plain NATS client and keeps what audits need.
type factLog struct {
	mu        sync.Mutex
	facts     map[string][]factLine // by user
	suspended map[string]int
}

func followFacts(t *testing.T, w *world) *factLog {
	t.Helper()
	l := &factLog{facts: map[string][]factLine{}, suspended: map[string]int{}}
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
		var change struct {
			Status string `json:"status"`
		}
		if err := json.Unmarshal(m.Data(), &change); err != nil {
			t.Errorf("fact on %s: %v", m.Subject(), err)
		}
		if change.Status != "active" && change.Status != "degraded" {
			l.suspended[user]++
		}
	}
}

func (l *factLog) of(user string) []factLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.facts[user])
}

// suspensions is how often a user's connection left active and degraded.
func (l *factLog) suspensions(user string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.suspended[user]
}

// errorLog shows errors alone: faults are what a matrix is made of.
func errorLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
}
