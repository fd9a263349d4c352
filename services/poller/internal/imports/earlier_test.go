package imports

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
)

// An earlier program lost the zone of a profile to an archive without one, joined a
// row with an entry of another log type, and removed a row that is its own activity.
// What it left in the log is read as ever, and the same archive repairs it.
func TestWhatAnEarlierProgramLostComesBack(t *testing.T) {
	page := `[{"logId":1,"startTime":"06/10/26 06:00:30","duration":1331000,"logType":"auto_detected","lastModified":"06/10/26 07:00:00"}]`
	row := "exercise_id,exercise_start,exercise_end,utc_offset,exercise_last_updated,log_type,tracker_total_distance_mm\r\n" +
		"7,2026-06-10T06:00:20Z,2026-06-10T06:20:10Z,+02:00,2026-06-10T07:00:00Z,TRACKER,3300000\r\n"
	dir := t.TempDir()
	var paths []string
	for name, text := range map[string]string{
		"exercise-0.json": page, "UserExercises_2026-06-01.csv": row, "Profile.csv": "timezone,distance_unit\nEurope/Berlin,METRIC\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	rapid.Check(t, func(r *rapid.T) {
		right := &exportLog{}
		if err := right.bringIn(r, paths); err != nil {
			r.Fatal(err)
		}
		want := right.workouts(r)
		if len(want) != 2 || !strings.Contains(want["1"], `"local_date":"2026-06-10"`) {
			r.Fatalf("the archive itself gives %v", want)
		}
		damaged := &exportLog{}
		for _, d := range right.facts {
			damaged.add(d.Event.Data)
		}
		for _, wrong := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"zone", "join", "removal"}), 1, 3, rapid.ID).Draw(r, "what went wrong") {
			damaged.spoil(wrong, row)
		}
		if maps.Equal(damaged.workouts(r), want) {
			r.Fatal("the spoilt log gives the same workouts")
		}
		if err := damaged.bringIn(r, paths); err != nil {
			r.Fatal(err)
		}
		if got := damaged.workouts(r); !maps.Equal(got, want) {
			r.Fatal(difference(got, want))
		}
	})
}

// spoil writes what an earlier program would have.
func (l *exportLog) spoil(what, row string) {
	var entry events.ActivityFetched
	for _, d := range l.facts {
		if f, ok := d.Event.Data.(*events.ActivityFetched); ok && f.ExternalID == "1" {
			entry = *f
		}
	}
	switch what {
	case "zone":
		entry.Context.TimeZone = ""
		l.add(&entry)
	case "join":
		offset := 7200
		entry.Context.Companion, entry.Context.UTCOffsetSeconds = strings.TrimSuffix(row, "\r\n"), &offset
		l.add(&entry)
	case "removal":
		l.add(&events.ActivityRemoved{ExternalID: "csv-7", Origin: events.OriginImport, Proof: events.RemovedSuperseded})
	}
}

// Of several copies of a record the one modified last stands, then the one that says
// more; white space makes no difference.
func TestTheRecordThatSaysMoreStands(t *testing.T) {
	rich := provider.EditionOf(nil, []byte(`{"logId":1,"name":"a:b,c\",d","zones":[{"min":30,"caloriesOut":1.5},{"min":90,"caloriesOut":2}]}`))
	poor := provider.EditionOf(nil, []byte(`{"logId":1,"name":"a:b,c\",d","zones":[{"min":30},{"min":90}]}`))
	if rich.Values != 12 || poor.Values != 8 {
		t.Errorf("%d and %d values", rich.Values, poor.Values)
	}
	if rich.Compare(poor) <= 0 || poor.Compare(rich) >= 0 {
		t.Error("the record that says less stands")
	}
	if provider.EditionOf(nil, []byte(`{"a":"b c"}`)).Compare(provider.EditionOf(nil, []byte("{ \"a\" :\n\"b c\" }"))) != 0 {
		t.Error("the same record in other bytes is another one")
	}
	narrow, wide := provider.EditionOf(nil, []byte("id,a\r\n1,2")), provider.EditionOf(nil, []byte("id,a,b\r\n1,2,3"))
	if wide.Compare(narrow) <= 0 {
		t.Error("the narrower table stands")
	}
	if _, known := fitbit.Normalizers()[fitbit.FormatExportCSV].(provider.Sighter); !known {
		t.Error("rows tell no log type")
	}
}
