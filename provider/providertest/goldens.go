package providertest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// Goldens normalizes every record in dir/records and compares it with the workout of
// the same name in dir/workouts. With update it writes the workouts anew; read every
// changed line of them.
func Goldens(t *testing.T, dir string, n provider.Normalizer, format string, update bool) {
	records, err := filepath.Glob(filepath.Join(dir, "records", "*.json"))
	if err != nil || len(records) == 0 {
		t.Fatalf("no records in %s: %v", dir, err)
	}
	for _, path := range records {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			w, err := n.Normalize(provider.Record{Format: format, Raw: raw})
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, filepath.Join(dir, "workouts", filepath.Base(path)), w, update)
		})
	}
}

func compareGolden(t *testing.T, path string, w events.Workout, update bool) {
	t.Helper()
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(w); err != nil {
		t.Fatal(err)
	}
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no expected workout; write one by hand or with -update: %v", err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
	}
}
