package events_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
)

func drawParent(t *rapid.T) events.ParentRef {
	return events.ParentRef{
		Kind:       rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`).Draw(t, "parent kind"),
		ExternalID: rapid.String().Draw(t, "parent id"),
	}
}

func TestIDsOfPartsParseBack(t *testing.T) {
	any := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a/b", "a.b", "app:Kim’s Watch", "%2F", "..", "100%", "\xff\x00"}))
	rapid.Check(t, func(t *rapid.T) {
		one, two, three, four := any.Draw(t, "one"), any.Draw(t, "two"), any.Draw(t, "three"), any.Draw(t, "four")
		if d, err := events.ParseDayID(events.DayID(one, two, three)); err != nil || d != (events.DayParts{Resource: one, Date: two, Slot: three}) {
			t.Fatalf("day: %+v, %v", d, err)
		}
		var parent *events.ParentRef
		if p := drawParent(t); rapid.Bool().Draw(t, "with a parent") {
			parent = &p
		}
		want := events.ChunkParts{Series: one, Step: two, Slot: three, Span: four, Parent: parent}
		if c, err := events.ParseChunkID(events.ChunkID(one, two, three, four, parent)); err != nil || !reflect.DeepEqual(c, want) {
			t.Fatalf("chunk: %+v, want %+v: %v", c, want, err)
		}
		of := drawParent(t)
		if p, name, err := events.ParseAttachmentID(events.AttachmentID(of, one)); err != nil || p != of || name != one {
			t.Fatalf("attachment: %+v %q: %v", p, name, err)
		}
	})
}

// What parses is made the same again: one thing has one id.
func TestAnIDOfPartsHasOneForm(t *testing.T) {
	text := rapid.OneOf(rapid.StringMatching(`[a-c%/.0-9AF:]{0,16}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		id := text.Draw(t, "id")
		if d, err := events.ParseDayID(id); err == nil && events.DayID(d.Resource, d.Date, d.Slot) != id {
			t.Fatalf("day %q", id)
		}
		if c, err := events.ParseChunkID(id); err == nil && events.ChunkID(c.Series, c.Step, c.Slot, c.Span, c.Parent) != id {
			t.Fatalf("chunk %q", id)
		}
		if p, name, err := events.ParseAttachmentID(id); err == nil && events.AttachmentID(p, name) != id {
			t.Fatalf("attachment %q", id)
		}
	})
}

func TestIDsOfPartsAreTheDocumentedOnes(t *testing.T) {
	workout := events.ParentRef{Kind: "activity", ExternalID: "2471190346655808113"}
	for want, got := range map[string]string{
		"steps/2026-11-09":                                    events.DayID("steps", "2026-11-09", ""),
		"daily-resting-heart-rate/2026-11-09":                 events.DayID("daily-resting-heart-rate", "2026-11-09", ""),
		"rings/2026-11-09/app:Kim%E2%80%99s%20A":              events.DayID("rings", "2026-11-09", "app:Kim’s A"),
		"heart_rate/watch/2026-11-09T07":                      events.ChunkID("heart_rate", "", "watch", "2026-11-09T07", nil),
		"heart_rate.1min//2026-11-09T07":                      events.ChunkID("heart_rate", "1min", "", "2026-11-09T07", nil),
		"power/a%2Fb/2026-11-09/activity/2471190346655808113": events.ChunkID("power", "", "a/b", "2026-11-09", &workout),
		"activity/2471190346655808113/route":                  events.AttachmentID(workout, events.RouteName),
	} {
		if got != want {
			t.Errorf("the id is %q, documented is %q", got, want)
		}
	}
	for _, wrong := range []string{"", "steps", "steps/", "a/b/c/d/e/f", "st%65ps/2026-11-09", "steps/2026-11-09/", "steps/2026-11-09/%2", "steps/2026-11-09/%2f", "st.eps/2026-11-09"} {
		if d, err := events.ParseDayID(wrong); err == nil && wrong != "steps/" {
			t.Errorf("day %q is read as %+v", wrong, d)
		} else if err != nil && wrong != "" && strings.Contains(err.Error(), wrong+" ") {
			t.Errorf("the error quotes the id: %v", err)
		}
	}
	for _, wrong := range []string{"", "hr", "hr/watch", "hr./watch/2026-11-09T07", "hr/watch/2026-11-09T07/activity"} {
		if c, err := events.ParseChunkID(wrong); err == nil {
			t.Errorf("chunk %q is read as %+v", wrong, c)
		}
	}
	for _, wrong := range []string{"", "activity", "activity/route", "activity/1/a%2fb"} {
		if p, name, err := events.ParseAttachmentID(wrong); err == nil {
			t.Errorf("attachment %q is read as %+v %q", wrong, p, name)
		}
	}
}

func TestIDsOfRecordsAndTheirFacts(t *testing.T) {
	if events.RecordID("activity", "u", "fitbit", "1") != events.WorkoutID("u", "fitbit", "1") {
		t.Error("an activity's record has another id than its workout")
	}
	// Computed once by other means; a change would orphan every stored id.
	const want = "759305b4-f96e-59ca-81ee-405619e6daa5"
	if id := events.RecordID("sleep", "u", "fitbit", "1"); id != want {
		t.Errorf("the id of a night is %s, not %s", id, want)
	}
	night, ok := shaped().Find("probe")
	if !ok {
		t.Fatal("there is no probe")
	}
	r := events.RecordFetched{Kind: "probe", UserID: "u", Provider: "p", ExternalID: "1", ContentHash: "A"}
	change := func(f func(*events.RecordFetched)) string {
		c := r
		f(&c)
		return night.FetchedID(c)
	}
	same := map[string]string{
		"said to be a snapshot": change(func(c *events.RecordFetched) { c.Delivery = events.DeliverySnapshot }),
		"fetched by another":    change(func(c *events.RecordFetched) { c.SyncID = "s" }),
	}
	seen := map[string]string{night.FetchedID(r): "the record"}
	for name, id := range same {
		if seen[id] == "" {
			t.Errorf("the record %s has another id", name)
		}
	}
	for name, id := range map[string]string{
		"the next version":   change(func(c *events.RecordFetched) { c.ReplacesSequence = 1 }),
		"other content":      change(func(c *events.RecordFetched) { c.ContentHash = "B" }),
		"a part":             change(func(c *events.RecordFetched) { c.Delivery = events.DeliveryPart }),
		"another person":     change(func(c *events.RecordFetched) { c.UserID = "v" }),
		"another external":   change(func(c *events.RecordFetched) { c.ExternalID = "2" }),
		"another kind":       events.Kind{Name: "other", Shape: events.ShapeItem}.FetchedID(r),
		"a chunk":            events.Kind{Name: "probe", Shape: events.ShapeChunk}.FetchedID(r),
		"its removal":        night.RemovedID(events.RecordRemoved{Kind: "probe", UserID: "u", Provider: "p", ExternalID: "1"}),
		"a removal of later": night.RemovedID(events.RecordRemoved{Kind: "probe", UserID: "u", Provider: "p", ExternalID: "1", ReplacesSequence: 7}),
	} {
		if other, clash := seen[id]; clash {
			t.Errorf("%s and %s share the id %s", name, other, id)
		}
		seen[id] = name
	}
	activity, _ := shaped().Find("activity")
	if activity.FetchedID(events.RecordFetched{UserID: "u", Provider: "p", ExternalID: "1", ReplacesSequence: 3, ContentHash: "A"}) !=
		events.ActivityFactID(events.TypeActivityFetched, "u", "p", "1", 3, "A") {
		t.Error("an activity's fact has another id than before")
	}
	if activity.RemovedID(events.RecordRemoved{UserID: "u", Provider: "p", ExternalID: "1", ReplacesSequence: 3}) !=
		events.ActivityFactID(events.TypeActivityRemoved, "u", "p", "1", 3, "") {
		t.Error("an activity's removal has another id than before")
	}
	route, _ := shaped().Find("route")
	of := events.ParentRef{Kind: "activity", ExternalID: "1"}
	if route.FetchedID(events.RecordFetched{UserID: "u", Provider: "p", ExternalID: events.AttachmentID(of, events.RouteName), Parent: &of, ParentSequence: 5, ContentHash: "A"}) !=
		events.RouteFactID("u", "p", "1", 5, "A") {
		t.Error("a route's fact has another id than before")
	}
}
