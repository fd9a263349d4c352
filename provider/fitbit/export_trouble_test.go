package fitbit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

func zipped(t testing.TB, files ...sampleFile) string { return packed(t, "zip", files) }

// What is broken is told in the report, and everything else is read.
func TestBrokenPagesAndTables(t *testing.T) {
	one, two := entryJSON(`"logId":1`), entryJSON(`"logId":2`)
	long := entryJSON(`"logId":3,"pad":"` + strings.Repeat("x", maxEntry) + `"`)
	row := "9,2020-10-05 10:00:00+0000,2020-10-05 10:30:00+0000,+02:00"
	for name, test := range map[string]struct {
		file, text string
		ids        string // of what is read, in order
		skipped    map[string]int
		problem    string
	}{
		"whole":                  {"exercise-0.json", pageOf(one, two), "1 2", nil, ""},
		"no entries":             {"exercise-0.json", "[ ]", "", nil, ""},
		"an empty page":          {"exercise-0.json", "", "", nil, "empty"},
		"an error page":          {"exercise-0.json", "<html>", "", nil, "not a list"},
		"an object":              {"exercise-0.json", `{"activities":[]}`, "", nil, "not a list"},
		"cut off":                {"exercise-0.json", pageOf(one, two)[:len(one)+20], "1", map[string]int{"broken": 1}, "ends in the middle"},
		"two lists":              {"exercise-0.json", pageOf(one) + pageOf(two), "1", nil, "more text"},
		"a broken entry":         {"exercise-0.json", pageOf(one[:40], two), "2", map[string]int{"broken": 1}, ""},
		"a bare word":            {"exercise-0.json", pageOf("nonsense", two), "2", map[string]int{"broken": 1}, ""},
		"an entry without end":   {"exercise-0.json", pageOf(long, two), "2", map[string]int{"too_large": 1}, ""},
		"a copy":                 {"exercise-0.json", pageOf(one, one), "1", map[string]int{"duplicate": 1}, ""},
		"rows":                   {"UserExercises_2020-01-01.csv", rowsCSV(row), "csv-9", nil, ""},
		"an empty year":          {"UserExercises_2020-01-01.csv", "", "", nil, ""},
		"only column names":      {"UserExercises_2020-01-01.csv", rowsCSV(), "", nil, ""},
		"a table of other names": {"UserExercises_2020-01-01.csv", "timestamp,steps\n1,2\n", "", nil, "column names"},
		"a short row":            {"UserExercises_2020-01-01.csv", rowsCSV("1,2", row), "csv-9", map[string]int{"broken": 1}, ""},
		"a row that never ends":  {"UserExercises_2020-01-01.csv", rowsCSV(`"1,2`, row), "csv-9", map[string]int{"broken": 1}, ""},
		"a gigantic row":         {"UserExercises_2020-01-01.csv", rowsCSV("9"+strings.Repeat(" ", maxEntry)+row[1:], row), "csv-9", map[string]int{"too_large": 1}, ""},
		"a copy of a row":        {"UserExercises_2020-01-01.csv", rowsCSV(row, row), "csv-9", map[string]int{"duplicate": 1}, ""},
	} {
		for _, kind := range []string{"zip", "tgz"} {
			got := readExport(t, packed(t, kind, []sampleFile{{test.file, test.text}}))
			var ids []string
			for _, a := range got.activities {
				ids = append(ids, a.ExternalID)
				if a.Problem != "" {
					t.Errorf("%s: %s has the problem %s", name, a.ExternalID, a.Problem)
				}
			}
			file := got.report.Files[0]
			if strings.Join(ids, " ") != test.ids || !maps.Equal(file.Skipped, test.skipped) {
				t.Errorf("%s as %s: got %v, skipped %v", name, kind, ids, file.Skipped)
			}
			if (file.Problem == "") != (test.problem == "") || !strings.Contains(file.Problem, test.problem) {
				t.Errorf("%s as %s: the problem is %q", name, kind, file.Problem)
			}
			checkReport(t, got)
		}
	}
}

// A record that cannot be understood is kept, and its problem says why.
func TestRecordsWithProblems(t *testing.T) {
	for text, want := range map[string][2]string{
		`7`:                          {"unidentified-", "not a JSON object"},
		`{}`:                         {"unidentified-", "logId"},
		entryJSON(`"logId":1.5`):     {"unidentified-", "logId"},
		`{"logId":7,"duration":1}`:   {"7", "startTime"},
		entryJSON(`"logId":7`) + " ": {"7", ""},
		`{"logId":7,"duration":1,"startTime":"2020-10-04T10:00:00"}`:    {"7", "startTime"},
		`{"logId":7,"duration":1,"startTime":"13/04/20 10:00:00"}`:      {"7", "startTime"},
		`{"logId":7,"duration":-1,"startTime":"10/04/20 10:00:00"}`:     {"7", "duration"},
		`{"logId":"7","duration":0,"startTime":"10/04/20 10:00:00"}`:    {"7", ""},
		`{"logId":7,"startTime":"10/04/20 10:00:00","duration":"long"}`: {"7", "duration"},
	} {
		got := readExport(t, zipped(t, sampleFile{"exercise-0.json", pageOf(text)}))
		if len(got.activities) != 1 {
			t.Fatalf("%s gave %d records", text, len(got.activities))
		}
		a := got.activities[0]
		if !strings.HasPrefix(a.ExternalID, want[0]) || (a.Problem == "") != (want[1] == "") || !strings.Contains(a.Problem, want[1]) {
			t.Errorf("%s: id %s, problem %q", text, a.ExternalID, a.Problem)
		}
		if _, err := normalizeImported(a); (err == nil) == (a.Problem != "") && strings.HasPrefix(want[1], "start") {
			t.Errorf("%s: the normalizer says %v", text, err)
		}
	}
	got := readExport(t, zipped(t, sampleFile{"UserExercises_2020-01-01.csv", rowsCSV("x,2020-10-05 10:00:00+0000,2020-10-05 10:30:00+0000,", "8,then,later,")}))
	if len(got.activities) != 2 || !strings.Contains(got.activities[0].Problem, "exercise_id") || !strings.Contains(got.activities[1].Problem, "exercise_start") {
		t.Errorf("rows: got %+v", got.activities)
	}
}

// What an export lacks is told.
func TestNotes(t *testing.T) {
	page := sampleFile{"exercise-0.json", pageOf(entryJSON(`"logId":1`))}
	zone := func(in, name string) sampleFile {
		return sampleFile{in + "/Profile.csv", "timezone,distance_unit,locale\r\n" + name + ",METRIC,null\r\n"}
	}
	for name, test := range map[string]struct {
		files []sampleFile
		notes string
		zone  string
	}{
		"whole":                  {[]sampleFile{page, zone("a", "Asia/Tokyo")}, "", "Asia/Tokyo"},
		"without a profile":      {[]sampleFile{page}, "profile_missing", ""},
		"a profile without one":  {[]sampleFile{page, zone("a", "null")}, "profile_missing", ""},
		"a broken profile":       {[]sampleFile{page, {"a/Profile.csv", "timezone,locale\nx"}}, "profile_missing", ""},
		"an unknown zone":        {[]sampleFile{page, zone("a", "Mars/Olympus_Mons")}, "zone_unknown", ""},
		"our machine's zone":     {[]sampleFile{page, zone("a", "Local")}, "zone_unknown", ""},
		"a path as a zone":       {[]sampleFile{page, zone("a", "../../etc/passwd")}, "zone_unknown", ""},
		"two of the same":        {[]sampleFile{page, zone("a", "Asia/Tokyo"), zone("b", "Asia/Tokyo")}, "", "Asia/Tokyo"},
		"two that differ":        {[]sampleFile{page, zone("a", "Asia/Tokyo"), zone("b", "Europe/Oslo")}, "profiles_differ", ""},
		"one part of several":    {[]sampleFile{zone("a", "Asia/Tokyo"), {"heart_rate-2020-10-04.json", "[]"}}, "part_missing", ""},
		"phones without workout": {[]sampleFile{zone("a", "Asia/Tokyo"), {"UserExercises_2020-01-01.csv", rowsCSV()}}, "", ""},
	} {
		got := readExport(t, zipped(t, test.files...))
		if strings.Join(got.report.Notes, " ") != test.notes {
			t.Errorf("%s: notes are %v", name, got.report.Notes)
		}
		for _, a := range got.activities {
			if a.Context.TimeZone != test.zone {
				t.Errorf("%s: the zone is %q", name, a.Context.TimeZone)
			}
		}
	}
}

// What the columns of a profile may hold is narrow, so that a name in the wrong
// column is not kept.
func TestAProfileWithNamesInTheWrongColumns(t *testing.T) {
	for unit, locale := range map[string]string{"Planted": "Planted Control", "planted@example.org": "1984-02-29", "": "PLANTED"} {
		got := readExport(t, zipped(t, sampleFile{"exercise-0.json", pageOf(entryJSON(`"logId":1`))},
			sampleFile{"Profile.csv", "timezone,distance_unit,locale\nPlanted," + unit + "," + locale + "\n"}))
		if c := got.activities[0].Context; c.TimeZone != "" || c.DistanceUnit != "" || c.Locale != "" {
			t.Errorf("kept: %+v", c)
		}
	}
}

func TestExportsThatAreNone(t *testing.T) {
	for code, files := range map[string][]sampleFile{
		provider.ArchiveForeign:        {{"Takeout/Photos/cat.jpg", "x"}, {"Takeout/archive_browser.html", ""}, {"README.txt", ""}},
		provider.ArchiveNested:         {{"takeout-1-001.zip", "PK"}, {"takeout-1-002.zip", "PK"}},
		provider.ArchiveTooManyFiles:   manyPages(4),
		provider.ArchiveTooManyRecords: {{"exercise-0.json", manyEntries(31)}},
	} {
		for _, kind := range []string{"zip", "tgz"} {
			_, err := importer{records: 30, recordFiles: 3}.Open(t.Context(), []string{packed(t, kind, files)}, provider.ImportOptions{})
			var fault *provider.ArchiveError
			if !errors.As(err, &fault) || fault.Code != code {
				t.Errorf("%s: got %v, want %s", kind, err, code)
			}
		}
	}
}

// Whoever imports may allow fewer records than the importer does, and no more.
func TestTheLimitOfRecordsIsTheLowerOne(t *testing.T) {
	path := packed(t, "zip", []sampleFile{{"exercise-0.json", manyEntries(20)}})
	for most, refused := range map[int]bool{0: false, 19: true, 20: false, 1000: false} {
		export, err := importer{records: 20, recordFiles: 3}.Open(t.Context(), []string{path}, provider.ImportOptions{MaxRecords: most})
		var fault *provider.ArchiveError
		if refused != (errors.As(err, &fault) && fault.Code == provider.ArchiveTooManyRecords) {
			t.Errorf("a limit of %d: %v", most, err)
		}
		if err == nil {
			if err := export.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := (importer{records: 19, recordFiles: 3}).Open(t.Context(), []string{path}, provider.ImportOptions{MaxRecords: 1000}); err == nil {
		t.Error("a higher limit than the importer's counts")
	}
}

func manyPages(n int) []sampleFile {
	var files []sampleFile
	for i := range n {
		files = append(files, sampleFile{fmt.Sprintf("exercise-%d.json", i*100), "[]"})
	}
	return files
}

func manyEntries(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"logId":%d}`, i+1)
	}
	return "[" + b.String()[1:] + "]"
}

func TestUnknownFilesAreListed(t *testing.T) {
	files := filesOf(t, filepath.Join("testdata", "exports", "era_c"))
	for i := range provider.MaxUnknown + 5 {
		files = append(files, sampleFile{fmt.Sprintf("Takeout/Fitbit/New/new-%04d.bin", i), ""}, sampleFile{fmt.Sprintf("Takeout/Fitbit/Also/new-%04d.bin", i), ""})
	}
	got := readExport(t, zipped(t, files...)).report
	if len(got.Unknown) != provider.MaxUnknown || !slices.IsSorted(got.Unknown) || !slices.Contains(got.Notes, provider.NoteMoreUnknown) {
		t.Errorf("%d unknown files, notes %v", len(got.Unknown), got.Notes)
	}
}

func TestUnknownNamesAreSafeToShow(t *testing.T) {
	got := readExport(t, zipped(t, sampleFile{"exercise-0.json", "[]"}, sampleFile{"a/\x1b[2J\xff.bin", ""}, sampleFile{strings.Repeat("ü", 400), ""})).report
	if len(got.Unknown) != 2 || got.Unknown[1] != "\ufffd[2J\ufffd.bin" || got.Unknown[0] != strings.Repeat("ü", 127)+"…" {
		t.Errorf("listed as %q", got.Unknown)
	}
}

func TestNamesOfFiles(t *testing.T) {
	for path, want := range map[string]named{
		"exercise-0.json":                                          {kindExercises, 0},
		"a/exercise-1000.json":                                     {kindExercises, 1000},
		"a/exercise-200 (1).json":                                  {kindExercises, 200},
		"a/exercise-200(12).json":                                  {kindExercises, 200},
		"a/exercise-200-(1).json":                                  {kindExercises, 200},
		"a/Exercise-200.JSON":                                      {kindExercises, 200},
		"a/exercise-.json":                                         {kindUnknown, 0},
		"a/exercise-1.json.bak":                                    {kindUnknown, 0},
		"a/my-exercise-1.json":                                     {kindUnknown, 0},
		"a/UserExercises_2025-09-01.csv":                           {kindRows, 0},
		"UserExercises_2025-09-01 (2).csv":                         {kindRows, 0},
		"Your Profile/Profile.csv":                                 {kindProfile, 0},
		"Activities/2471190346655808113.tcx":                       {kindTCX, 2471190346655808113},
		"Activities/99999999999999999999.tcx":                      {kindUnknown, 0},
		"Health Fitness Data_GoogleData/UserSleeps_2025-01-01.csv": {kindIgnored, 0},
		"Physical Activity_GoogleData/Steps/steps_2026-10-01.csv":  {kindIgnored, 0},
		"heart_rate-2020-03-01.json":                               {kindIgnored, 0},
		"Physical Activity_GoogleData/gps_location_1970-01-03.csv": {kindPoints, 2},
		"gps_location_2026-13-03.csv":                              {kindIgnored, 0},
		"food_logs-3.json":                                         {kindIgnored, 0},
		"sleep-2020-03-01 (1).json":                                {kindIgnored, 0},
		"a/Biometrics Readme.txt":                                  {kindExplanation, 0},
		"archive_browser.html":                                     {kindExplanation, 0},
		"walks.json":                                               {kindUnknown, 0},
	} {
		if got := kindOf(archive.File{Path: path, Base: filepath.Base(path)}); got != want {
			t.Errorf("%s is %+v, want %+v", path, got, want)
		}
	}
}

func TestReadingEndsWithItsTakerAndItsContext(t *testing.T) {
	enough := errors.New("enough")
	folder := filepath.Join("testdata", "exports", "era_c")
	export, err := NewImporter(archive.Limits{}).Open(t.Context(), []string{folder}, provider.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer export.Close()
	if err := export.Activities(t.Context(), func(provider.ImportedActivity) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("after its taker had enough: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewImporter(archive.Limits{}).Open(ctx, []string{folder}, provider.ImportOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

// A folder can be written to while it is read. What the scan has not seen is not
// handed over, and the report says so.
func TestAPageThatIsChangedBetweenTheReadings(t *testing.T) {
	one, two := entryJSON(`"logId":1`), entryJSON(`"logId":2`)
	for name, text := range map[string]string{"other bytes": pageOf(one, entryJSON(`"logId":3`)), "shorter": pageOf(one)} {
		folder := t.TempDir()
		write := func(name, text string) {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("exercise-0.json", pageOf(one, two))
		write("exercise-100.json", pageOf(entryJSON(`"logId":4`)))
		export, err := NewImporter(archive.Limits{}).Open(t.Context(), []string{folder}, provider.ImportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer export.Close()
		write("exercise-0.json", text)
		var got imported
		var ids []string
		err = export.Activities(t.Context(), func(a provider.ImportedActivity) error {
			got.activities, ids = append(got.activities, a), append(ids, a.ExternalID)
			return nil
		})
		got.report = export.Report()
		if err != nil || !slices.Equal(ids, []string{"1", "4"}) || !strings.Contains(got.report.Files[0].Problem, "changed") {
			t.Errorf("%s: got %v, the problem is %q, error %v", name, ids, got.report.Files[0].Problem, err)
		}
		checkReport(t, got)
	}
}
