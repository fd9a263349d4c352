package command

import (
	"archive/zip"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheSimulatorWritesAnExportArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sample.zip")
	code, stdout, stderr := run(t, "simulator", "export", "--years", "2", path, "--era", "c")
	if code != exitOK || !strings.Contains(stdout, " exercises of a simulated person, from 20") {
		t.Fatalf("code %d, said %q%q", code, stdout, stderr)
	}
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	pages := 0
	for _, f := range r.File {
		if strings.HasPrefix(f.Name, "Takeout/Fitbit/Global Export Data/exercise-") {
			pages++
		}
	}
	if pages < 5 {
		t.Errorf("the archive has %d pages of exercises", pages)
	}
	for call, says := range map[string]string{
		"simulator now":                          "simulator export PATH",
		"simulator google_health fitbit":         "simulator [fitbit|google_health]",
		"simulator export":                       "[--era D] [--years 10]",
		"simulator export " + path:               "exists",
		"simulator export new.zip more":          `"more" is one argument too many`,
		"simulator export new.zip --era E":       "give A, B, C or D",
		"simulator export new.zip --years 99":    "give 1 to 15",
		"simulator export new.zip --person who":  "there are anna, oliver",
		"simulator export new.zip --exercises x": "invalid value",
	} {
		if code, _, stderr := run(t, strings.Fields(call)...); code != exitUsage || !strings.Contains(stderr, says) {
			t.Errorf("stridelog %s: code %d, said %q; want %q", call, code, stderr, says)
		}
	}
}
