package fitbit

import (
	"os"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/vocabulary"
)

// catalogue is the restated table of every id in section 5, by id.
func catalogue(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/activity_ids.tsv")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		id, name, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || names[id] != "" {
			t.Fatalf("line %q is no id with a name, or comes twice", line)
		}
		names[id] = name
	}
	return names
}

func TestEveryKnownActivityIDIsMapped(t *testing.T) {
	names := catalogue(t)
	if len(names) < 170 {
		t.Fatalf("the table has only %d ids", len(names))
	}
	for id, name := range names {
		mapped, ok := typeOf[id]
		switch {
		case !ok:
			t.Errorf("%s (%s) is not mapped", id, name)
		case !vocabulary.Known(mapped):
			t.Errorf("%s (%s) is mapped to %q, which is not in the vocabulary", id, name, mapped)
		case mapped == vocabulary.Other:
			t.Errorf("%s (%s) is mapped to other, as an unknown id would be", id, name)
		}
	}
	for id := range typeOf {
		if names[id] == "" {
			t.Errorf("%s is mapped and is in no source", id)
		}
	}
}

// The ids that a widely copied map has wrong, and those that no source has.
func TestTypesThatOthersConfuse(t *testing.T) {
	for id, want := range map[string]string{
		"2131": "weights", "90024": "swimming", "1071": "outdoor_bike", "3000": "workout", "27": "walking",
		"82": "other", "91": "other", "15": "other", "16": "other", "0": "other", "1": "other", "": "other", "99999999": "other",
		"90013": "walking", "90009": "running", "90001": "biking", "90012": "hiking", "15000": "sport", "52000": "yoga",
		"15210": "football_american", "15605": "soccer", "20049": "treadmill", "12339646": "running",
	} {
		if got := workoutType(id); got != want {
			t.Errorf("%q is %s, want %s", id, got, want)
		}
	}
}
