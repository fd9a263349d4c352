package row_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

const anna = "11111111-2222-4333-8444-555555555555"

// read makes a version of a fact, which replaces another if its number is not 0.
func read(t *testing.T, n provider.Normalizers, f projectortest.Fact, raw []byte) (*row.Version, events.Event) {
	t.Helper()
	e := f.Event()
	if a, ok := e.Data.(*events.ActivityFetched); ok && raw != nil {
		a.Raw = raw
	}
	v, _, err := row.NewReader(n, nil).Read(bus.Delivery{Event: e, Sequence: 7})
	if err != nil {
		t.Fatal(err)
	}
	announced, ok := v.Announcement("stridelog/test", row.Link{})
	if !ok {
		t.Fatalf("nothing is announced: %s", *v.Problem)
	}
	wire, err := announced.Encode()
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := events.Decode(wire)
	if err != nil {
		t.Fatal(err)
	}
	return v, decoded
}

// The workout that an event holds is put together from texts. It must be the one
// that the normalizer gave, with every member.
func TestAnAnnouncementHoldsTheWholeWorkout(t *testing.T) {
	records, err := filepath.Glob("../../../../provider/fitbit/testdata/records/*.json")
	if err != nil || len(records) == 0 {
		t.Fatalf("no records: %v", err)
	}
	for _, path := range records {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f := projectortest.Fact{User: anna, External: `a"<1>`, Format: fitbit.FormatActivityList}
			v, decoded := read(t, fitbit.Normalizers(), f, raw)
			data, ok := decoded.Data.(*events.WorkoutRecorded)
			if !ok || data.Workout == nil {
				t.Fatalf("announced %s", decoded.Type())
			}
			want, err := fitbit.Normalizers()[f.Format].Normalize(provider.Record{Provider: fitbit.Name, ExternalID: f.External, Format: f.Format, Raw: raw})
			if err != nil {
				t.Fatal(err)
			}
			want.ID, want.UserID, want.ExternalID, want.Version = v.WorkoutID.String(), anna, f.External, 7
			same(t, data.Workout, &want)
			data.Workout = nil
			change := events.WorkoutChange{
				WorkoutID: want.ID, UserID: anna, Provider: fitbit.Name, ExternalID: f.External, Version: 7,
				FactID: v.FactID, NormalizerVersion: int(v.NormalizerVersion), At: v.At,
			}
			if data.WorkoutChange != change {
				t.Errorf("the change is %+v, want %+v", data.WorkoutChange, change)
			}
		})
	}
}

// same compares two workouts by what they say in JSON.
func same(t *testing.T, got, want *events.Workout) {
	t.Helper()
	var values [2]any
	for i, w := range []*events.Workout{got, want} {
		text, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&values[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(values[0], values[1]) {
		t.Errorf("announced\n%v\nwant\n%v", values[0], values[1])
	}
}

func TestTheKindOfAnAnnouncementFollowsTheFact(t *testing.T) {
	for want, f := range map[events.Type]projectortest.Fact{
		events.TypeWorkoutRecorded: {User: anna, External: "1"},
		events.TypeWorkoutUpdated:  {User: anna, External: "1", Replaces: 3},
		events.TypeWorkoutRemoved:  {User: anna, External: "1", Removed: true},
	} {
		_, decoded := read(t, projectortest.Normalizers(), f, nil)
		if decoded.Type() != want {
			t.Errorf("announced %s, want %s", decoded.Type(), want)
		}
		if gone, ok := decoded.Data.(*events.WorkoutRemoved); ok && gone.Workout != nil {
			t.Error("a removal shows the workout")
		}
	}
}
