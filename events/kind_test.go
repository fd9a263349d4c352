package events_test

import (
	"slices"
	"testing"

	"github.com/stridelog/stridelog/events"
)

// shaped are kinds of every shape that records of any kind may have, beside those of
// the product.
func shaped() events.KindTable {
	return events.Kinds().With(
		events.Kind{Name: "probe", Shape: events.ShapeItem},
		events.Kind{Name: "probe_day", Shape: events.ShapeDay},
		events.Kind{Name: "probe_chunk", Shape: events.ShapeChunk},
		events.Kind{Name: "probe_file", Shape: events.ShapeAttachment},
	)
}

func TestTheTableOfKindsIsClosed(t *testing.T) {
	if got := events.Kinds().Names(); !slices.Equal(got, []string{"activity", "route"}) {
		t.Errorf("the product's kinds are %v", got)
	}
	if k, ok := events.Kinds().Find("probe"); ok {
		t.Errorf("a kind that nobody registered is found: %+v", k)
	}
	more := shaped()
	if k, ok := more.Find("probe_day"); !ok || k.Shape != events.ShapeDay {
		t.Errorf("a registered kind is %+v, %v", k, ok)
	}
	if len(events.Kinds().All()) != 2 || len(more.All()) != 6 {
		t.Error("a table with more kinds changed the one before")
	}
}

func TestATableRefusesKindsThatItCannotHold(t *testing.T) {
	for name, k := range map[string]events.Kind{
		"a name that is taken":        {Name: "activity", Shape: events.ShapeItem},
		"no name":                     {Shape: events.ShapeItem},
		"a dot":                       {Name: "a.b", Shape: events.ShapeItem},
		"a slash":                     {Name: "a/b", Shape: events.ShapeItem},
		"capitals":                    {Name: "Sleep", Shape: events.ShapeItem},
		"no shape":                    {Name: "sleep"},
		"a shape that is none":        {Name: "sleep", Shape: "round"},
		"a derived type of facts":     {Name: "sleep", Shape: events.ShapeItem, Derived: []events.Type{"stridelog.record.changed.v1"}},
		"a derived type that is none": {Name: "sleep", Shape: events.ShapeItem, Derived: []events.Type{"sleep"}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a kind with %s is in a table", name)
				}
			}()
			events.Kinds().With(k)
		}()
	}
}

func TestEveryFactOfARecordLiesWithinItsFence(t *testing.T) {
	want := map[string]events.Fence{
		"activity": events.FenceActivity, "route": events.FenceActivity, "probe": events.FenceRecord,
		"probe_day": events.FenceRecord, "probe_file": events.FenceRecord, "probe_chunk": events.FenceChunk,
	}
	for _, k := range shaped().All() {
		if k.Fence() != want[k.Name] {
			t.Errorf("kind %s lies in fence %s, want %s", k.Name, k.Fence(), want[k.Name])
		}
		for _, typ := range []events.Type{k.FetchedType(), k.RemovedType()} {
			if typ == "" {
				continue
			}
			subject, err := events.Subject(typ, "fitbit", sampleUser)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range events.Fences() {
				if in := matches(f.Subjects("fitbit", sampleUser), subject); in != (f == k.Fence()) {
					t.Errorf("%s within fence %s: %v", subject, f, in)
				}
			}
			if f, ok := events.FenceOf(typ); !ok || f != k.Fence() {
				t.Errorf("%s lies in %s, %v", typ, f, ok)
			}
			if d, err := events.Describe(typ); err != nil || d.Stream != events.StreamFacts {
				t.Errorf("%s: %+v, %v", typ, d, err)
			}
		}
	}
	if f, ok := events.FenceOf(events.TypeConnectionActivated); ok {
		t.Errorf("a consent lies in fence %s", f)
	}
	if events.ActivitySubjects("p", "u") != events.FenceActivity.Subjects("p", "u") || events.FenceActivity.Subjects("p", "u") != "stridelog.activity.*.p.u" {
		t.Error("the fence of activities has other subjects than before")
	}
}
