package workouts

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
)

// What the projector writes is cut so that lists show all but the splits and laps, and
// the full record shows these beside the details. Texts that look like them stay.
func TestListsLeaveSplitsAndLapsOut(t *testing.T) {
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	some := []events.Lap{{StartTime: &at, Trigger: pointer(events.LapDistance), Steps: pointer(int64(7))}}
	for name, c := range map[string]struct{ splits, laps []events.Lap }{
		"neither": {}, "splits": {splits: some}, "laps": {laps: append(some, some...)}, "both": {some, some}, "empty": {[]events.Lap{}, []events.Lap{}},
	} {
		w := events.Workout{ID: "1", Name: pointer(`,"splits":[{}],"laps":7}`), Version: 12}
		bare, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		w.Splits, w.Laps = c.splits, c.laps
		doc, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		listed, err := appendWorkout(nil, doc, added{created: at, updated: at})
		if err != nil {
			t.Fatal(err)
		}
		if want, err := appendWorkout(nil, bare, added{created: at, updated: at}); err != nil || string(listed) != string(want) {
			t.Errorf("%s: the list shows %s\nwant %s", name, listed, want)
		}
		details := []byte(`{"splits":[1]}`)
		full, err := appendWorkout(nil, doc, added{created: at, updated: at, details: &details})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Splits, Laps json.RawMessage
			Details      json.RawMessage
			Version      int
		}
		if err := json.Unmarshal(full, &got); err != nil {
			t.Fatalf("%s: %s: %v", name, full, err)
		}
		if string(got.Splits) != lapsText(t, c.splits) || string(got.Laps) != lapsText(t, c.laps) || string(got.Details) != string(details) || got.Version != 12 {
			t.Errorf("%s: the record is %s", name, full)
		}
	}
}

// lapsText is null for nil.
func lapsText(t *testing.T, laps []events.Lap) string {
	t.Helper()
	text, err := json.Marshal(laps)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
