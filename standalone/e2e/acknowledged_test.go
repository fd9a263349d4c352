package e2e

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

const acknowledgedKills = 12

// TestAKilledServerHasEveryAnnouncementThatItAcknowledged kills NATS as soon as it has
// acknowledged what a batch announces, one event alone or many as one.
func TestAKilledServerHasEveryAnnouncementThatItAcknowledged(t *testing.T) {
	server := startNATS(t)
	var acknowledged []string
	for n := range acknowledgedKills {
		nc, err := bus.Connect(t.Context(), server.url(), "announcer", testLog(t))
		if err != nil {
			t.Fatal(err)
		}
		b, err := bus.New(nc, testLog(t))
		if err == nil && n == 0 {
			err = b.DeclareStreams(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		many := 1 + n%3*40 // 1, 41, 81
		var list []events.Event
		for range many {
			list = append(list, announcement())
		}
		if err := b.PublishAll(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		server.kill()
		nc.Close()
		server.start(t)
		for _, e := range list {
			acknowledged = append(acknowledged, e.ID)
		}
	}
	b := bustest.Connect(t, server.url(), "reader")
	held := map[string]bool{}
	if err := readAll(deadline(t), b.JetStream(), events.StreamChanges, ">", func(m jetstream.Msg) error {
		held[m.Headers().Get("ce-id")] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for _, id := range acknowledged {
		if !held[id] {
			lost++
		}
	}
	if lost > 0 || len(held) != len(acknowledged) {
		t.Errorf("%d events are held; of %d acknowledged ones %d are lost", len(held), len(acknowledged), lost)
	}
}

func announcement() events.Event {
	user := events.NewID()
	return events.Event{
		ID: events.NewID(), Source: "stridelog/test", About: user, Time: time.Now().UTC(), Provider: "fitbit", UserID: user,
		Data: &events.WorkoutLinked{WorkoutID: user, UserID: user, Provider: "fitbit", LinkVersion: 1},
	}
}
