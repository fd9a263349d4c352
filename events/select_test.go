package events_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
)

func TestALaterEntityIsOneThatNoStreamHas(t *testing.T) {
	for subject, want := range map[string]bool{
		"stridelog.sleep.>": true, "stridelog.sleep.changed.>": true, "stridelog.record.>": false, "stridelog.chunk.fetched.*.*": false,
		"stridelog.>": false, "stridelog.*.changed.>": false, "stridelog.sleep": false, "other.sleep.>": false, "": false,
	} {
		if got := events.IsLaterEntity(subject); got != want {
			t.Errorf("%q: %v", subject, got)
		}
	}
}

// No two streams may claim one subject: the server would refuse the second one.
func TestEveryEntityHasOneStream(t *testing.T) {
	seen := map[string]string{}
	for _, s := range events.Streams() {
		for i, entity := range s.Entities() {
			if other, taken := seen[entity]; taken {
				t.Errorf("%s and %s both have %s", other, s.Name, entity)
			}
			seen[entity] = s.Name
			if want := "stridelog." + entity + ".>"; s.Subjects[i] != want {
				t.Errorf("%s has the subjects %s, want %s", s.Name, s.Subjects[i], want)
			}
		}
	}
}

func TestEverySubjectLeadsToTheStreamThatTakesIt(t *testing.T) {
	var entities []string
	for _, s := range events.Streams() {
		for _, entity := range s.Entities() {
			entities = append(entities, entity)
			got, err := events.StreamOf(events.EntitySubjects(entity, "*"))
			if err != nil || got.Name != s.Name {
				t.Errorf("%s leads to %q, want %s: %v", entity, got.Name, s.Name, err)
			}
		}
	}
	for _, typ := range events.Types() {
		subject := events.TypeSubjects(typ.Type)
		if entity, _, _ := strings.Cut(strings.TrimPrefix(subject, "stridelog."), "."); !slices.Contains(entities, entity) {
			t.Errorf("no stream has %s", subject)
		}
	}
	for _, subject := range []string{"", "stridelog", "stridelog.>", "stridelog.*.*.*.*", "stridelog.sleep.>", "rpc.oauth.v1.token"} {
		if s, err := events.StreamOf(subject); err == nil {
			t.Errorf("%q leads to %s", subject, s.Name)
		}
	}
}
