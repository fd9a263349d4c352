package fitbit_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

// An account has the extra records of its owner, in the words of the list.
func TestExtraRecordsAreInTheList(t *testing.T) {
	length := simulator.Spread{{Weight: 1, Low: 90, High: 110}}
	person, err := simulator.NewPerson(5, "extra", "Europe/Berlin", simulator.Options{Now: noon, Days: 60, Extras: simulator.Extras{
		Copies:     []simulator.Repeat{{Percent: 100, Length: length}},
		Detections: []simulator.Repeat{{Percent: 100, Length: length}},
		Forgotten:  []simulator.Forgotten{{Percent: 100, Length: simulator.Spread{{Weight: 1, Low: 400, High: 400}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(o *fitbit.Options) { o.People = []*simulator.Person{person} })
	want := map[string]simulator.Extra{}
	for date := person.Since(); !date.After(noon); date = date.AddDate(0, 0, 1) {
		for _, x := range person.Extras(date) {
			if !x.Modified.After(noon) {
				want[x.ExternalID] = x
			}
		}
	}
	kinds, workouts := map[string]int{}, 0
	for _, truth := range a.cloud.Truth(person.AccountID()) {
		x, extra := want[truth.ExternalID]
		if !extra {
			workouts++
			continue
		}
		delete(want, truth.ExternalID)
		kinds[x.Kind]++
		var sent struct {
			ActivityTypeID            int64
			LogType                   string
			StartTime                 time.Time
			Duration                  int64
			Distance, Calories, Steps *float64
			Source                    *struct{ Type string }
		}
		raw := a.cloud.RawRecord(person.AccountID(), truth.ExternalID)
		if err := json.Unmarshal(raw, &sent); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		right := sent.StartTime.Equal(x.Start) && sent.Duration == x.Duration.Milliseconds() && sent.ActivityTypeID > 0
		switch x.Kind {
		case simulator.ExtraCopy:
			right = right && sent.LogType == "tracker" && sent.Source == nil
		case simulator.ExtraDetection:
			right = right && sent.LogType == "auto_detected" && sent.Source != nil && sent.Distance == nil
		default:
			right = right && sent.LogType == "tracker" && sent.Source != nil && *sent.Distance == 0 && *sent.Calories == 0 && *sent.Steps == 0
		}
		if !right {
			t.Errorf("a %s is sent as %s", x.Kind, raw)
		}
	}
	if len(want) > 0 || workouts != len(person.History(noon)) {
		t.Errorf("%d extra records are missing, and %d of %d workouts are there", len(want), workouts, len(person.History(noon)))
	}
	for _, kind := range []string{simulator.ExtraCopy, simulator.ExtraDetection, simulator.ExtraForgotten} {
		if kinds[kind] == 0 {
			t.Errorf("no %s in 60 days", kind)
		}
	}
}
