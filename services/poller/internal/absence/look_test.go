package absence

import (
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
)

func TestSecondLooks(t *testing.T) {
	byID := Rules{RemovalConfirm: time.Hour, AbsenceConfirm: day, ByID: true}
	starts := func(days ...int) []Suspect {
		var list []Suspect
		for _, n := range days {
			list = append(list, Suspect{StartedAt: ago(time.Duration(n) * day), FirstAbsent: at(noon)})
		}
		return list
	}
	type look struct{ from, to, notBefore time.Duration } // from and to before noon, the last after it
	for name, test := range map[string]struct {
		rules    Rules
		suspects []Suspect
		want     []look
	}{
		"none":                             {rules, nil, nil},
		"one":                              {rules, starts(100), []look{{165 * day, 35 * day, time.Hour}}},
		"two that one look holds":          {rules, starts(100, 280), []look{{345 * day, 35 * day, time.Hour}}},
		"two too far apart":                {rules, starts(100, 281), []look{{346 * day, 216 * day, time.Hour}, {165 * day, 35 * day, time.Hour}}},
		"asked by id at once":              {byID, starts(100), []look{{165 * day, 35 * day, 0}}},
		"by a notification only":           {rules, []Suspect{{StartedAt: ago(0)}}, []look{{65 * day, -65 * day, 0}}},
		"an unknown start has none":        {rules, []Suspect{{FirstAbsent: at(noon)}}, nil},
		"too many at once wait for longer": {rules, []Suspect{{StartedAt: ago(0), FirstAbsent: at(noon), MassSince: ago(time.Hour)}}, []look{{65 * day, -65 * day, 23 * time.Hour}}},
		"and where they are asked by id":   {byID, []Suspect{{StartedAt: ago(0), FirstAbsent: at(noon), MassSince: at(noon)}}, []look{{65 * day, -65 * day, day}}},
		"the latest decides":               {rules, append(starts(1), Suspect{StartedAt: ago(2 * day), FirstAbsent: ago(30 * time.Minute)}), []look{{67 * day, -64 * day, time.Hour}}},
	} {
		got := test.rules.SecondLooks(test.suspects, noon)
		if len(got) != len(test.want) {
			t.Errorf("%s: the looks are %+v", name, got)
			continue
		}
		for i, want := range test.want {
			if g := got[i]; !g.Span.From.Equal(noon.Add(-want.from)) || !g.Span.To.Equal(noon.Add(-want.to)) || !g.NotBefore.Equal(noon.Add(want.notBefore)) {
				t.Errorf("%s: look %d is %+v", name, i, g)
			}
		}
	}
}

func TestALookThatIsReadAnyway(t *testing.T) {
	look := Look{Span: events.Window{From: noon, To: noon.Add(day)}}
	for _, test := range []struct {
		from, to time.Duration
		within   bool
	}{{0, day, true}, {-1, day + 1, true}, {1, day, false}, {0, day - 1, false}} {
		if got := look.Within(events.Window{From: noon.Add(test.from), To: noon.Add(test.to)}); got != test.within {
			t.Errorf("from %v to %v: %t", test.from, test.to, got)
		}
	}
}
