package googlehealth

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
)

func TestFilter(t *testing.T) {
	w := events.Window{From: time.Date(2026, 10, 3, 0, 0, 0, 500, time.UTC), To: time.Date(2026, 10, 4, 0, 0, 0, 1, time.UTC)}
	const want = `exercise.interval.civil_start_time >= "2026-10-02T10:00:00" AND exercise.interval.civil_start_time < "2026-10-04T14:00:01"`
	if got := exerciseFilter(w); got != want {
		t.Errorf("got %s", got)
	}
}

// Whatever the offset of a record that starts in the window, its local start is in
// the filter.
func TestTheFilterLeavesNothingOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
		length := time.Duration(rapid.Int64Range(1, int64(3650*24*time.Hour)).Draw(t, "length"))
		start := from.Add(time.Duration(rapid.Int64Range(0, int64(length)-1).Draw(t, "start")))
		local := start.In(time.FixedZone("", rapid.IntRange(-12*3600, 14*3600).Draw(t, "offset")))
		if filter := exerciseFilter(events.Window{From: from, To: from.Add(length)}); !accepts(filter, local) {
			t.Fatalf("%s, local %s, is not in %s", start, local, filter)
		}
	})
}

// accepts plays Google's filter, with bounds in text and the local time to the
// nanosecond.
func accepts(filter string, local time.Time) bool {
	bounds := onlyFilter.FindStringSubmatch(filter)
	if bounds == nil {
		return false
	}
	from, err1 := time.Parse(civilForm, bounds[1])
	to, err2 := time.Parse(civilForm, bounds[2])
	civil := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	return err1 == nil && err2 == nil && !civil.Before(from) && civil.Before(to)
}

func FuzzFilter(f *testing.F) {
	f.Add(int64(0), int64(0), int64(0), int64(1))
	f.Add(int64(-62135596800), int64(0), int64(253402300799), int64(999_999_999))
	f.Add(int64(-1<<62), int64(-1), int64(1<<62), int64(1<<40))
	f.Fuzz(func(t *testing.T, from, fromNanos, to, toNanos int64) {
		filter := exerciseFilter(events.Window{From: time.Unix(from, fromNanos), To: time.Unix(to, toNanos)})
		if onlyFilter.FindStringSubmatch(filter) == nil {
			t.Fatalf("not a filter that Google takes: %s", filter)
		}
	})
}
