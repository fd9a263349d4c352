package projector_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/googlehealth"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

// withoutLaps reads as Google's normalizer did before it read splits and laps.
type withoutLaps struct{ provider.Normalizer }

func (withoutLaps) Version() int { return 1 }

func (n withoutLaps) Normalize(r provider.Record) (events.Workout, error) {
	w, err := n.Normalizer.Normalize(r)
	w.Splits, w.Laps = nil, nil
	return w, err
}

// A record with splits that are corrected, and one with laps, as an older program folded
// them: a rebuild brings both in and announces them, the next one changes nothing, and
// a correction counts whoever folds it.
func TestSplitsAndLapsComeInByARebuild(t *testing.T) {
	run, swim := googleRecord(t, "outdoor_run"), googleRecord(t, "pool_swim_with_laps")
	corrected := bytes.Replace(run, []byte(`"activeDuration":"348s"`), []byte(`"activeDuration":"347s"`), 1)
	if bytes.Equal(corrected, run) {
		t.Fatal("the control: nothing is corrected")
	}
	s := newSystem(t)
	google := googlehealth.Normalizers()
	s.service = s.another(t, provider.Normalizers{googlehealth.FormatDataPoint: withoutLaps{google[googlehealth.FormatDataPoint]}})
	s.publishGoogle(t, "run", 0, run)
	s.publishGoogle(t, "swim", 0, swim)
	stop := s.run(t)
	s.drained(t)
	stop()
	if got := s.laps(t); !slices.Equal(got, []string{"run: null null", "swim: null null"}) {
		t.Fatalf("the control: before, %q", got)
	}

	s.service = s.another(t, google)
	if r := rebuild(t, s.service); r.Announced != 2 || r.Withheld != 0 {
		t.Errorf("the rebuild says %+v", r)
	}
	if got := s.laps(t); !slices.Equal(got, []string{"run: [348] null", "swim: null [800]"}) {
		t.Errorf("after the rebuild %q", got)
	}
	s.run(t)
	s.publishGoogle(t, "run", 1, corrected)
	s.drained(t)
	live, docs := s.laps(t), s.docs(t)
	if !slices.Equal(live, []string{"run: [347] null", "swim: null [800]"}) {
		t.Errorf("after the correction %q", live)
	}
	if r := rebuild(t, s.another(t, google)); r.Announced != 0 || r.Withheld != 0 {
		t.Errorf("the second rebuild says %+v", r)
	}
	if again := s.docs(t); !slices.Equal(docs, again) {
		t.Errorf("rebuilt\n%q, live\n%q", again, docs)
	}
}

func googleRecord(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../provider/googlehealth/testdata/records/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (s *system) publishGoogle(t *testing.T, id string, replaces uint64, raw []byte) {
	t.Helper()
	e := projectortest.Fact{User: anna, Provider: googlehealth.Name, External: id, Replaces: replaces, Format: googlehealth.FormatDataPoint}.Event()
	fetched, ok := e.Data.(*events.ActivityFetched)
	if !ok {
		t.Fatalf("the fact is a %T", e.Data)
	}
	fetched.Raw = raw
	if _, err := s.bus.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func (s *system) docs(t *testing.T) []string {
	t.Helper()
	return projectortest.Strings(t, s.db, "SELECT doc || coalesce(details, '') FROM projector.view_workouts_v1 ORDER BY external_id")
}

// laps are the seconds in motion of each workout's splits and laps.
func (s *system) laps(t *testing.T) (list []string) {
	t.Helper()
	for _, doc := range projectortest.Strings(t, s.db, "SELECT doc FROM projector.view_workouts_v1 ORDER BY external_id") {
		var w events.Workout
		if err := json.Unmarshal([]byte(doc), &w); err != nil {
			t.Fatal(err)
		}
		text := w.ExternalID + ":"
		for _, laps := range [][]events.Lap{w.Splits, w.Laps} {
			var seconds []float64
			for _, l := range laps {
				seconds = append(seconds, *l.ActiveDurationSeconds)
			}
			said, err := json.Marshal(seconds)
			if err != nil {
				t.Fatal(err)
			}
			text += " " + string(said)
		}
		list = append(list, text)
	}
	return list
}
