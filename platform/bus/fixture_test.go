package bus_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
)

// Three people.
const (
	u1 = "00000000-0000-4000-8000-0000000000a1"
	u2 = "00000000-0000-4000-8000-0000000000a2"
	u3 = "00000000-0000-4000-8000-0000000000a3"
)

// person is the id of a person whom a test calls by a name.
func person(name string) string { return events.SyncID("person " + name) }

// activity is the n-th activity fact of a user.
func activity(user string, n int) events.Event {
	external := fmt.Sprintf("record-%s-%d", user, n)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(n) * time.Minute)
	return events.Event{
		ID:     events.ActivityFactID(events.TypeActivityFetched, user, "fitbit", external, 0, "sha256:00"),
		Source: "stridelog/test", About: external, Time: at, Provider: "fitbit", UserID: user,
		Data: &events.ActivityFetched{
			UserID: user, Provider: "fitbit", ExternalID: external, Format: "fitbit.activity_list.v1",
			ContentHash: "sha256:00", HashVersion: 1, Origin: events.OriginAPI, FetchedAt: at,
			Raw: events.Raw(fmt.Sprintf(`{"logId": 123456789012345678%d, "calories": 1.0}`, n%10)),
		},
	}
}

func activities(user string, from, count int) []events.Event {
	page := make([]events.Event, 0, count)
	for n := range count {
		page = append(page, activity(user, from+n))
	}
	return page
}

func activated(user string) events.Event {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return events.Event{
		ID: events.NewID(), Source: "stridelog/test", About: "c1", Time: at, Provider: "fitbit", UserID: user,
		Data: &events.ConnectionActivated{UserID: user, Provider: "fitbit", ConnectionID: person("connection of " + user), Scopes: []string{}, ActivatedAt: at},
	}
}

func scope(user string) string { return events.ActivitySubjects("fitbit", user) }

func publish(t testing.TB, b *bus.Bus, e events.Event) bus.Ack {
	t.Helper()
	ack, err := b.Publish(t.Context(), e)
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	return ack
}

func publishPage(t testing.TB, b *bus.Bus, page []events.Event, expect uint64) (first, last uint64) {
	t.Helper()
	first, last, err := b.PublishPage(t.Context(), page, bus.Expect{Subjects: scope(page[0].UserID), LastSequence: expect})
	if err != nil {
		t.Fatalf("publish page: %v", err)
	}
	return first, last
}

// readAll is what a stream holds on subjects.
func readAll(t testing.TB, b *bus.Bus, stream string, subjects ...string) []bus.Delivery {
	t.Helper()
	var out []bus.Delivery
	if _, err := b.Read(t.Context(), stream, subjects, 1, func(d bus.Delivery) error {
		out = append(out, d)
		return nil
	}); err != nil {
		t.Fatalf("read %s: %v", stream, err)
	}
	return out
}
