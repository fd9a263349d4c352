package fitbit

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/vocabulary"
)

// Entries of ids of 2022 and later, with English and Dutch names and, for the first
// four, rows.
func TestCaseActivityTypes(t *testing.T) {
	want := map[string]string{
		"970000": "strength_training strength", "970001": "powerlifting strength", "970002": "core_training strength",
		"970003": "aerobic_workout cardio", "970004": "meditate mind_body", "970005": "core_training strength",
	}
	got := readCase(t, "06-activity-types")
	for _, a := range got.activities {
		w, err := normalizeImported(a)
		if err != nil {
			t.Fatal(err)
		}
		if seen := w.Type + " " + w.Category; seen != want[a.ExternalID] {
			t.Errorf("%s (%s) is %s, want %s", a.ExternalID, *w.Name, seen, want[a.ExternalID])
		}
		delete(want, a.ExternalID)
	}
	if len(want) != 0 {
		t.Errorf("not read are %v", want)
	}
}

// The id decides, then the row's name, then the entry's own.
func TestTheTypeOfAnUnknownID(t *testing.T) {
	for _, test := range []struct{ id, name, row, want string }{
		{"90009", "Yoga", "Powerlifting", "running"},
		{"99999999", "Krachttraining", "Strength training", "strength_training"},
		{"99999999", "Krachttraining", "", "other"},
		{"99999999", "Krachttraining", "Something new", "other"},
		{"99999999", "Powerlifting", "", "powerlifting"},
		{"99999999", "Yoga", "Something new", "yoga"},
		{"0", "Outdoor Walk", "", "walking"},
	} {
		files := []sampleFile{{"exercise-0.json", pageOf(entryJSON(fmt.Sprintf(`"logId":7,"logType":"tracker","activityTypeId":%s,"activityName":%q`, test.id, test.name)))}}
		if test.row != "" {
			table := "exercise_id,exercise_start,exercise_end,utc_offset,activity_name,log_type\n9,2020-10-04 10:00:00Z,2020-10-04 10:30:00Z,+02:00," + test.row + ",TRACKER\n"
			files = append(files, sampleFile{"UserExercises_2020-01-01.csv", table})
		}
		got := readExport(t, zipped(t, files...))
		w, err := normalizeImported(got.activities[0])
		if err != nil || len(got.activities) != 1 {
			t.Fatalf("%+v: %d records, %v", test, len(got.activities), err)
		}
		if w.Type != test.want || w.Category != vocabulary.Category(test.want) || *w.Name != test.name {
			t.Errorf("%+v: %s, %s, %s", test, w.Type, w.Category, *w.Name)
		}
	}
}

// No name that the sources know ends as other unnoticed: of the catalogue, of rows, or
// of the vocabulary itself.
func TestEveryKnownNameIsUnderstood(t *testing.T) {
	silent := map[string]bool{ // names that say nothing without the category they stand in
		"Power": true, "For pleasure": true, "Household": true, "On a grass track": true, "On crutches": true,
		"Pushing a wheelchair: the one who pushes walks": true, "Pushing a wheelchair": true,
	}
	for id, name := range catalogue(t) {
		if got := namedType(name); (got == vocabulary.Other) != silent[name] {
			t.Errorf("%s (%s) is %s by its name", id, name, got)
		}
	}
	text, err := os.ReadFile("testdata/row_names.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(text)) {
		if name = strings.TrimSpace(name); strings.HasPrefix(name, "#") {
			continue
		}
		if got := namedType(name); got == vocabulary.Other {
			t.Errorf("a row of %q is other", name)
		}
	}
	for _, word := range vocabulary.Types() {
		if got := namedType(strings.ReplaceAll(word, "_", " ")); got != word {
			t.Errorf("%s by its name is %s", word, got)
		}
	}
	for word, named := range typeNamed {
		if !vocabulary.Known(named) || vocabulary.Known(word) || named == vocabulary.Other {
			t.Errorf("%s is mapped to %s", word, named)
		}
	}
}
