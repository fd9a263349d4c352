package fitbit

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider"
)

// readCase reads a folder of testdata/cases: small inputs of records as people have
// them.
func readCase(t *testing.T, name string) imported {
	t.Helper()
	return readExport(t, filepath.Join("testdata", "cases", name))
}

// Pages that the Finder, Explorer and Takeout gave other names when folders were
// merged are read.
func TestCaseCopiesMadeByFileManagers(t *testing.T) {
	got := readCase(t, "09-copies-made-by-file-managers")
	var ids []string
	for _, a := range got.activities {
		ids = append(ids, a.ExternalID)
	}
	if slices.Sort(ids); !slices.Equal(ids, []string{"990001", "990002", "990003"}) || len(got.report.Unknown) != 0 {
		t.Errorf("read are %v, and unknown %v", ids, got.report.Unknown)
	}
	checkReport(t, got)
}

// Every kind of file that is read is found under the names of copies.
func TestEveryKindOfFileIsFoundAsACopy(t *testing.T) {
	for _, mark := range []string{" 2", " - Copy", " - Kopie (2)", "(1)", " copia", "のコピー"} {
		files := []sampleFile{
			{"exercise-0" + mark + ".json", pageOf(entryJSON(`"logId":7`))},
			{"UserExercises_2020-01-01" + mark + ".csv", rowsCSV("9,2021-10-05 10:00:00+0000,2021-10-05 10:30:00+0000,+02:00")},
			{"Profile" + mark + ".csv", "timezone\nAsia/Tokyo\n"},
			{"7" + mark + ".tcx", trackText(0)},
			{"steps-2020-10-04" + mark + ".json", "[]"},
			{"Sleep Score" + mark + "/anything.bin", ""},
		}
		got := readExport(t, zipped(t, files...))
		if len(got.activities) != 2 || len(got.routes) != 1 || got.report.Ignored != 2 || len(got.report.Unknown) != 0 || got.activities[0].Context.TimeZone != "Asia/Tokyo" {
			t.Errorf("%q: %d records, %d routes, the report %+v", mark, len(got.activities), len(got.routes), got.report)
		}
	}
}

// A file that is {} holds nothing, is told as such, and makes no export of what is none.
func TestAnEmptyObjectIsNoFile(t *testing.T) {
	page := sampleFile{"exercise-0.json", pageOf(entryJSON(`"logId":7`))}
	for _, text := range []string{"{}", " {\r\n}\n", "\ufeff{ }"} {
		for _, name := range []string{"exercise-100.json", "UserExercises_2020-01-01.csv", "Profile.csv"} {
			empty := sampleFile{name, text}
			for _, kind := range []string{"zip", "tgz"} {
				if _, err := tryExport(t.Context(), packed(t, kind, []sampleFile{empty})); err == nil || !strings.Contains(err.Error(), "none of the files belongs") {
					t.Errorf("%s of %q alone as %s: %v", name, text, kind, err)
				}
				beside := readExport(t, packed(t, kind, []sampleFile{page, empty}))
				if len(beside.activities) != 1 || len(beside.report.Unknown) != 0 {
					t.Errorf("%s of %q beside a page: %+v", name, text, beside.report)
				}
				for _, f := range beside.report.Files {
					if (f.Problem == emptyObject) != (f.Name == name) {
						t.Errorf("%s of %q: %+v", name, text, f)
					}
				}
				part := readExport(t, packed(t, kind, []sampleFile{empty, {"steps-2020-10-04.json", "[]"}}))
				if !slices.Contains(part.report.Notes, provider.NotePartMissing) {
					t.Errorf("%s of %q beside other families: %v", name, text, part.report.Notes)
				}
			}
		}
	}
}
