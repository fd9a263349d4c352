package absence

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
)

var rules = Rules{RemovalConfirm: time.Hour, AbsenceConfirm: day}

func at(t time.Time) *time.Time { return &t }

// ago is an instant before noon.
func ago(d time.Duration) *time.Time { return at(noon.Add(-d)) }

func ids(list []Suspect) []string {
	var ids []string
	for _, x := range list {
		ids = append(ids, x.ExternalID)
	}
	return ids
}

func nothing(string) bool { return false }

// wide is a second look that began now and has read enough around every suspect.
func wide() Reading {
	return Reading{Span: events.Window{From: noon.Add(-365 * day), To: noon.Add(365 * day)}, Began: noon, Confirms: true}
}

func TestWhatProvesARemoval(t *testing.T) {
	suspect := Suspect{ExternalID: "x", Sequence: 7, StartedAt: ago(10 * day), FirstAbsent: ago(time.Hour)}
	for name, test := range map[string]struct {
		change  func(r *Rules, of *Reading, x *Suspect)
		removed bool
	}{
		"a second pass an hour later":          {func(*Rules, *Reading, *Suspect) {}, true},
		"the first pass":                       {func(_ *Rules, _ *Reading, x *Suspect) { x.FirstAbsent = nil }, false},
		"not a second look":                    {func(_ *Rules, of *Reading, _ *Suspect) { of.Confirms = false }, false},
		"too soon":                             {func(_ *Rules, _ *Reading, x *Suspect) { x.FirstAbsent = ago(time.Hour - time.Second) }, false},
		"begun too soon, although it ends now": {func(_ *Rules, of *Reading, _ *Suspect) { of.Began = noon.Add(-time.Minute) }, false},
		"the provider is asked by id":          {func(r *Rules, _ *Reading, _ *Suspect) { r.ByID = true }, false},
		"no start is known":                    {func(_ *Rules, _ *Reading, x *Suspect) { x.StartedAt = nil }, false},
		"too little read below":                {func(_ *Rules, of *Reading, _ *Suspect) { of.Span.From = noon.Add(-10*day - around + time.Second) }, false},
		"too little read above":                {func(_ *Rules, of *Reading, _ *Suspect) { of.Span.To = noon.Add(-10*day + around - time.Second) }, false},
		"just enough read": {func(_ *Rules, of *Reading, _ *Suspect) {
			of.Span = events.Window{From: noon.Add(-10*day - around), To: noon.Add(-10*day + around)}
		}, true},
		"one of too many since an hour": {func(_ *Rules, _ *Reading, x *Suspect) { x.MassSince = ago(time.Hour) }, false},
		"one of too many since a day":   {func(_ *Rules, _ *Reading, x *Suspect) { x.MassSince = ago(day) }, true},
	} {
		r, of, x := rules, wide(), suspect
		test.change(&r, &of, &x)
		v := r.Judge(of, []Suspect{x}, nothing, noon)
		if removed := len(v.Removals) == 1; removed != test.removed || len(v.Suspects)+len(v.Removals) != 1 || v.Mass {
			t.Errorf("%s: the verdict is %+v", name, v)
		}
	}
}

func TestAFirstAbsenceIsASuspicion(t *testing.T) {
	known := []Suspect{{ExternalID: "here", StartedAt: ago(day)}, {ExternalID: "gone", StartedAt: ago(day)}, {ExternalID: "longer", StartedAt: ago(day), FirstAbsent: ago(time.Minute)}}
	before := slices.Clone(known)
	v := rules.Judge(wide(), known, func(id string) bool { return id == "here" }, noon)
	if got := ids(v.Suspects); !slices.Equal(got, []string{"gone", "longer"}) || v.Removals != nil || v.Mass {
		t.Fatalf("the verdict is %+v", v)
	}
	if !v.Suspects[0].FirstAbsent.Equal(noon) || !v.Suspects[1].FirstAbsent.Equal(noon.Add(-time.Minute)) {
		t.Errorf("first absent at %s and %s", v.Suspects[0].FirstAbsent, v.Suspects[1].FirstAbsent)
	}
	for i := range known {
		if known[i] != before[i] {
			t.Errorf("what was given in is %+v", known[i])
		}
	}
}

func TestTooManyAbsencesAreNotBelieved(t *testing.T) {
	for _, test := range []struct {
		missing, known int
		since          time.Duration // how long they were too many already
		mass           bool
	}{
		{5, 5, 0, false},
		{6, 6, 0, true},
		{6, 29, 0, true},
		{6, 30, 0, false},
		{100, 499, 0, true},
		{100, 500, 0, false},
		{6, 6, day - time.Second, true},
		{6, 6, day, false},
	} {
		t.Run(fmt.Sprintf("%d of %d since %v", test.missing, test.known, test.since), func(t *testing.T) {
			var known []Suspect
			for i := range test.known {
				x := Suspect{ExternalID: fmt.Sprint(i), StartedAt: ago(day), FirstAbsent: ago(2 * day)}
				if test.since > 0 {
					x.MassSince = ago(test.since)
				}
				known = append(known, x)
			}
			v := rules.Judge(wide(), known, func(id string) bool {
				var i int
				_, _ = fmt.Sscan(id, &i)
				return i >= test.missing
			}, noon)
			if v.Mass != test.mass {
				t.Fatalf("mass is %t", v.Mass)
			}
			suspects, removals := 0, test.missing
			if test.mass {
				suspects, removals = test.missing, 0
			}
			if len(v.Suspects) != suspects || len(v.Removals) != removals {
				t.Errorf("%d suspects and %d removals", len(v.Suspects), len(v.Removals))
			}
			for _, x := range v.Suspects {
				if want := noon.Add(-test.since); x.MassSince == nil || !x.MassSince.Equal(want) {
					t.Errorf("one of too many since %v", x.MassSince)
				}
			}
		})
	}
}

func TestWhatANotificationNamesIsASuspectOnce(t *testing.T) {
	v := Verdict{Suspects: []Suspect{{ExternalID: "a", FirstAbsent: at(noon)}}}
	v.Suspect(Suspect{ExternalID: "a"}, Suspect{ExternalID: "b"})
	if got := ids(v.Suspects); !slices.Equal(got, []string{"a", "b"}) || v.Suspects[0].FirstAbsent == nil || v.Suspects[1].FirstAbsent != nil {
		t.Errorf("the suspects are %+v", v.Suspects)
	}
}

func TestWhoIsAskedForNext(t *testing.T) {
	recent, old, plain := Suspect{ExternalID: "recent", MassSince: ago(time.Hour)}, Suspect{ExternalID: "old", MassSince: ago(day)}, Suspect{ExternalID: "plain"}
	for _, test := range []struct {
		list []Suspect
		want string
	}{
		{nil, ""},
		{[]Suspect{recent}, ""},
		{[]Suspect{recent, plain, old}, "plain"},
		{[]Suspect{recent, old, plain}, "old"},
	} {
		got := rules.NextToAsk(test.list, noon)
		if got == nil && test.want != "" || got != nil && got.ExternalID != test.want {
			t.Errorf("of %v: %+v", ids(test.list), got)
		}
	}
}

func TestTheEndsOfAWindowAreNotExpected(t *testing.T) {
	got := Expected(events.Window{From: noon, To: noon.Add(2 * day)})
	if !got.From.Equal(noon.Add(14*time.Hour)) || !got.To.Equal(noon.Add(34*time.Hour)) {
		t.Errorf("expected from %s to %s", got.From, got.To)
	}
}
