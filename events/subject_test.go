package events_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
)

// matches is NATS's subject matching, restated.
func matches(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	for i, token := range f {
		if token == ">" {
			return len(s) > i
		}
		if i >= len(s) || (token != "*" && token != s[i]) {
			return false
		}
	}
	return len(f) == len(s)
}

func TestSubjectsRoundTripAndBelongToOnePerson(t *testing.T) {
	token := rapid.StringMatching(`[a-z0-9_-]{1,36}`)
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(events.Types()).Draw(t, "type")
		provider, user, other := token.Draw(t, "provider"), token.Draw(t, "user"), token.Draw(t, "other")
		subject, err := events.Subject(d.Type, provider, user)
		if err != nil {
			t.Fatal(err)
		}
		_, _, p, u, err := events.ParseSubject(subject)
		if err != nil || p != provider || u != user {
			t.Fatalf("%s parsed as %s %s: %v", subject, p, u, err)
		}
		if got := (events.Message{Subject: subject}).UserID(); got != user {
			t.Fatalf("%s is said to be about %q", subject, got)
		}
		if !matches(events.UserSubjects(user), subject) || !matches(events.TypeSubjects(d.Type), subject) {
			t.Fatalf("%s is not matched by its own filters", subject)
		}
		if other != user && matches(events.UserSubjects(other), subject) {
			t.Fatalf("%s is matched by another person's filter", subject)
		}
	})
}

func TestSubjectsRefuseWhatWouldReachFurther(t *testing.T) {
	for _, user := range []string{"", "*", ">", "a.b", "a b", "a\n", "ü"} {
		if s, err := events.Subject(events.TypeActivityFetched, "fitbit", user); err == nil {
			t.Errorf("user %q gave subject %s", user, s)
		}
	}
	if got := (events.Message{Subject: "somebody.else"}).UserID(); got != "" {
		t.Errorf("a foreign subject is said to be about %q", got)
	}
	if s := events.DeadLetterSubject("projector", "*", ">"); s != "stridelog.dead_letter.projector.-.-" {
		t.Errorf("a malformed origin gave %s", s)
	}
}

func TestDerivedIDs(t *testing.T) {
	id := events.WorkoutID("u", "fitbit", "1")
	if again := events.WorkoutID("u", "fitbit", "1"); again != id {
		t.Error("the same record has two ids")
	}
	// Computed once by other means; a change would orphan every stored id.
	if want := "26264eb8-7ba4-5a74-af10-8a9ba5591286"; id != want {
		t.Errorf("the id is %s, not %s", id, want)
	}
	different := map[string]string{
		"other user":   events.WorkoutID("v", "fitbit", "1"),
		"shifted text": events.WorkoutID("uf", "itbit", "1"),
		"A then":       events.ActivityFactID(events.TypeActivityFetched, "u", "fitbit", "1", 0, "A"),
		"B then":       events.ActivityFactID(events.TypeActivityFetched, "u", "fitbit", "1", 1, "B"),
		"A again":      events.ActivityFactID(events.TypeActivityFetched, "u", "fitbit", "1", 2, "A"),
	}
	seen := map[string]string{id: "the workout"}
	for name, other := range different {
		if clash, ok := seen[other]; ok {
			t.Errorf("%s and %s share the id %s", name, clash, other)
		}
		seen[other] = name
	}
}
