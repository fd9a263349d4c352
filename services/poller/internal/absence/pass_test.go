package absence

import (
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

// reading is one reading of a window, page by page.
type reading struct {
	pages  [][]string
	moving bool // pages are named by position
}

// read reads a window until it is not to be read again, and gives how many readings that
// took and whether the last can be believed.
func read(t *testing.T, ps Passes, readings []reading) (n int, complete bool) {
	t.Helper()
	for i, r := range readings {
		var p *Pass
		for j, page := range r.pages {
			p = ps.Of("w", j == 0, noon)
			last := j == len(r.pages)-1
			if r.moving && !last {
				p.Moved()
			}
			repeat := last && p.Repeats(page)
			complete = last && p.Complete(page)
			p.Read(page, repeat)
			if last && !repeat {
				return i + 1, complete
			}
		}
	}
	t.Fatal("the readings do not end")
	return 0, false
}

func TestAListThatMayMoveMustReadTheSameTwice(t *testing.T) {
	all := [][]string{{"a", "b"}, {"c", "d"}}
	moved := [][]string{{"a", "b"}, {"d"}} // what vanished above moved the list
	for name, test := range map[string]struct {
		readings []reading
		n        int
		complete bool
	}{
		"a list with cursors is read once":      {[]reading{{all, false}}, 1, true},
		"one page cannot move":                  {[]reading{{[][]string{{"a"}}, true}}, 1, true},
		"two readings agree":                    {[]reading{{all, true}, {all, true}}, 2, true},
		"the third agrees with the second":      {[]reading{{moved, true}, {all, true}, {all, true}}, 3, true},
		"no two in a row agree":                 {[]reading{{all, true}, {moved, true}, {all, true}, {moved, true}}, MaxReadings, false},
		"it became one page when it was reread": {[]reading{{all, true}, {[][]string{{"a"}}, false}}, 2, true},
	} {
		if n, complete := read(t, Passes{}, test.readings); n != test.n || complete != test.complete {
			t.Errorf("%s: %d readings, complete %t", name, n, complete)
		}
	}
}

func TestAPassThatWasInterruptedMissesNothing(t *testing.T) {
	ps := Passes{}
	p := ps.Of("w", false, noon) // a restart, in the middle of a window
	p.Read([]string{"c"}, false)
	if p.Complete(nil) || p.Repeats(nil) || ps.UnderWay() || ps.Whole("w") {
		t.Error("what was read before the restart counts")
	}
	if again := ps.Of("w", false, noon); again != p {
		t.Error("the next page belongs to another pass")
	}
	whole := ps.Of("w", true, noon.Add(time.Hour))
	if !whole.Complete(nil) || !ps.UnderWay() || !ps.Whole("w") || !whole.Began.Equal(noon.Add(time.Hour)) || whole.Shows("c") {
		t.Errorf("the new pass is %+v", whole)
	}
	ps.End("w")
	if ps.UnderWay() || ps.Whole("w") {
		t.Error("the pass that ended is under way")
	}
}

func TestARepeatedReadingCountsNothingTwice(t *testing.T) {
	ps := Passes{}
	first := ps.Of("w", true, noon)
	first.Moved()
	first.Read([]string{"a", "b"}, false)
	if !first.Repeats([]string{"c"}) {
		t.Fatal("the list may have moved")
	}
	first.Read([]string{"c"}, true)
	second := ps.Of("w", true, noon)
	if counted := slices.DeleteFunc([]string{"a", "b", "c", "d"}, func(id string) bool { return !second.Counted(id) }); len(counted) != 3 {
		t.Errorf("counted are %v", counted)
	}
	if second.Shows("a") {
		t.Error("the second reading shows what only the first did")
	}
	if (*Pass)(nil).Counted("a") {
		t.Error("no pass has counted a record")
	}
}
