package workouts

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
)

func pointer[T any](v T) *T { return &v }

// The projector marshals events.Workout: what it writes must be found.
func TestASourceIsFilledInADocumentOfTheProjector(t *testing.T) {
	for name, c := range map[string]struct{ has, want events.WorkoutSource }{
		"nothing but the provider": {events.WorkoutSource{Provider: "fitbit"}, events.WorkoutSource{Provider: "fitbit", Source: pointer("fitbit")}},
		"a device with a name": {
			events.WorkoutSource{Provider: "google_health", DeviceType: pointer("watch"), DeviceName: pointer(`A "B" \ {}]`)},
			events.WorkoutSource{Provider: "google_health", Source: pointer("google_health"), Device: pointer(`A "B" \ {}]`), DeviceType: pointer("watch"), DeviceName: pointer(`A "B" \ {}]`)},
		},
		"all of it": {
			events.WorkoutSource{Provider: "fitbit", Source: pointer("com.example"), Device: pointer("124"), DeviceType: pointer("tracker"), DeviceName: pointer("Charge 6")},
			events.WorkoutSource{Provider: "fitbit", Source: pointer("com.example"), Device: pointer("124"), DeviceType: pointer("tracker"), DeviceName: pointer("Charge 6")},
		},
		"empty texts": {
			events.WorkoutSource{Provider: "fitbit", Source: pointer(""), DeviceName: pointer("")},
			events.WorkoutSource{Provider: "fitbit", Source: pointer(""), Device: pointer(""), DeviceName: pointer("")},
		},
	} {
		w := events.Workout{ID: "1", Source: c.has, Name: pointer(`"source":{"provider":null`), ProviderType: pointer(`\"source\":{`)}
		doc, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		w.Source = c.want
		want, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendSourced([]byte("before"), doc)); got != "before"+string(want) {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
}

func TestADocumentWithAnotherSourceStaysAsItIs(t *testing.T) {
	for _, doc := range []string{
		`{}`, `{"source":null}`, `{"source":{}}`, `{"source":{"provider":`, `{"source":{"provider":"x`, `{"source":{"provider":"x\`, `{"source":{"provider":"x"}`,
		`{"source":{"provider":7,"source":null}}`, `{"source":{"provider":"x","device":null}}`,
		`{"source":{"provider":"x","source":null,"device":null,"device_type":null,"device_name":null,"more":1}}`,
		`{"source": {"provider":"x","source":null,"device":null,"device_type":null,"device_name":null}}`,
	} {
		if got := string(appendSourced(nil, []byte(doc))); got != doc {
			t.Errorf("%s became %s", doc, got)
		}
	}
}

func FuzzAppendSourced(f *testing.F) {
	f.Add("fitbit", "com.example", "124", "Charge 6")
	f.Add(`"`, `\`, "\x00", "é\u2028")
	f.Fuzz(func(t *testing.T, provider, source, device, name string) {
		optional := func(s string) *string {
			if s == "" {
				return nil
			}
			return &s
		}
		doc, err := json.Marshal(events.Workout{Source: events.WorkoutSource{Provider: provider, Source: optional(source), Device: optional(device), DeviceName: optional(name)}})
		if err != nil {
			t.Fatal(err)
		}
		var before, after events.Workout
		if err := json.Unmarshal(doc, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(appendSourced(nil, doc), &after); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if source == "" {
			before.Source.Source = &before.Source.Provider
		}
		if device == "" {
			before.Source.Device = before.Source.DeviceName
		}
		want, _ := json.Marshal(before)
		if got, _ := json.Marshal(after); string(got) != string(want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}

func TestZonesInTheShapeOfOpenWearables(t *testing.T) {
	for has, want := range map[string]string{
		`{"heart_rate_zones":null}`: `,"hr_zones":null,"power_zones":null`,
		`{"n":1}`:                   `,"hr_zones":null,"power_zones":null`,
		`{"heart_rate_zones":[]}`:   `,"hr_zones":{"zones":[],"max_hr":null,"threshold_hr":null},"power_zones":null`,
		`{"heart_rate_zones":[{"zone":"out_of_zone","min_bpm":30,"max_bpm":97,"duration_seconds":0,"calories_kcal":1.5},{"zone":"peak","min_bpm":null,"max_bpm":null,"duration_seconds":null}]}`: `,"hr_zones":{"zones":[{"zone":0,"name":"out_of_zone","seconds":0,"min_bpm":30,"max_bpm":97},` +
			`{"zone":1,"name":"peak","seconds":null,"min_bpm":null,"max_bpm":null}],"max_hr":null,"threshold_hr":null},"power_zones":null`,
	} {
		got, err := appendZones(nil, []byte(has))
		if err != nil || string(got) != want {
			t.Errorf("%s gives %s, %v", has, got, err)
		}
	}
	if _, err := appendZones(nil, []byte(`{"heart_rate_zones":7}`)); err == nil || !strings.Contains(err.Error(), "rebuild") {
		t.Errorf("zones that are none: %v", err)
	}
}
