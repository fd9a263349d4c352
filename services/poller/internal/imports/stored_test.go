package imports

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestUploadsAreStoredUnderNumbers(t *testing.T) {
	for given, want := range map[string]string{
		"": "3", "takeout.zip": "3", strings.Repeat("n", 255) + ".zip": "3", "a\x00b.tgz": "3", "\xff": "3", "..": "3",
		"exercise-0.json": "3/exercise-0.json", "UserExercises_2020-01-01.CSV": "3/UserExercises_2020-01-01.CSV", "dir/1.tcx": "3/1.tcx",
		"../../../etc/exercise-0.json": "3/exercise-0.json", strings.Repeat("n", 255) + ".json": "3.json", "a\x00b.json": "3.json", "a\nb.csv": "3.csv", "\xff.TCX": "3.tcx",
	} {
		if got := storedName(3, given); got != filepath.FromSlash(want) {
			t.Errorf("%.40q is stored as %q, want %q", given, got, want)
		}
	}
}

func FuzzStoredName(f *testing.F) {
	for _, name := range []string{"a.json", "../x.csv", "\x00.tcx", strings.Repeat("é", 200) + ".json", ".json", "/"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := storedName(7, name)
		if !filepath.IsLocal(got) || len(filepath.Base(got)) > 210 || strings.IndexByte(got, 0) >= 0 || !strings.HasPrefix(got, "7") {
			t.Errorf("%q is stored as %q", name, got)
		}
	})
}
