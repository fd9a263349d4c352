package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/client"
)

// packedFile is a file of an archive, by its path as it is written there.
type packedFile struct{ path, text string }

func zipOf(t *testing.T, files ...packedFile) client.Upload {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		in, err := z.CreateHeader(&zip.FileHeader{Name: f.path, NonUTF8: strings.Contains(f.path, `\`), Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(in, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return client.Upload{Name: "takeout.zip", Write: func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	}}
}

// folder is an archive of a folder below testdata/imports.
func folder(t *testing.T, name string) client.Upload {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "imports", filepath.FromSlash(name), "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files in %s, %v", len(paths), name, err)
	}
	var files []packedFile
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, packedFile{filepath.Base(path), string(text)})
	}
	return zipOf(t, files...)
}

// upload imports an archive to its end, whatever that is.
func upload(t *testing.T, c *client.Client, user client.User, archive client.Upload) client.Import {
	t.Helper()
	begun, err := c.Import(deadline(t), user.ID, "fitbit-export", false, archive)
	if err != nil {
		t.Fatal(err)
	}
	ended, err := c.AwaitImport(deadline(t), begun.ID)
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

// shownValues are what is compared of a workout.
type shownValues struct {
	Start     string   `json:"start_time"`
	Offset    *string  `json:"zone_offset"`
	Source    string   `json:"offset_source"`
	Day       *string  `json:"local_date"`
	Distance  *float64 `json:"distance_meters"`
	HeartRate *int     `json:"max_heart_rate_bpm"`
	ID        string   `json:"id"`
	Of        *string  `json:"duplicate_of"`
}

func (s shownValues) String() string {
	day, distance, peak := "no day", "no distance", "no peak"
	if s.Day != nil && s.Offset != nil {
		day = *s.Day + " " + *s.Offset
	}
	if s.Distance != nil {
		distance = fmt.Sprint(*s.Distance, " m")
	}
	if s.HeartRate != nil {
		peak = fmt.Sprint(*s.HeartRate, " bpm")
	}
	return fmt.Sprintf("%s, %s %s, %s, %s", s.Start, s.Source, day, distance, peak)
}

// await waits until the workouts of a user are these, the hidden ones too.
func await(t *testing.T, c *client.Client, user client.User, want map[string]string) map[string]shownValues {
	t.Helper()
	ctx := deadline(t)
	for {
		list, err := c.Workouts(ctx, user.ID, everyRecord())
		if err != nil {
			t.Fatal(err)
		}
		all, got := map[string]shownValues{}, map[string]string{}
		for id, raw := range byExternalID(t, list) {
			var w shownValues
			if err := json.Unmarshal(raw, &w); err != nil {
				t.Fatal(err)
			}
			all[id], got[id] = w, w.String()
		}
		if maps.Equal(got, want) {
			return all
		}
		wait(t, ctx, "served are\n%v\nwant\n%v", got, want)
	}
}

// TestCasesOfImports are small archives with the values that people expect of them.
func TestCasesOfImports(t *testing.T) {
	c := newStores(t).start(t).Client
	t.Run("an entry and a row of another log type are two records", func(t *testing.T) {
		user := newUser(t, c, "log types")
		done := upload(t, c, user, folder(t, "join-across-log-types"))
		if done.Status != "success" || done.Counts.Imported != 3 || done.Counts.Skipped != 1 {
			t.Errorf("%s: %+v", done.Status, done.Counts)
		}
		all := await(t, c, user, map[string]string{
			"940001":                  "2026-05-10T06:00:00Z, profile 2026-05-10 +02:00, no distance, no peak",
			"csv-3300000000000000001": "2026-05-10T05:59:40Z, record 2026-05-10 +02:00, 10120 m, 171 bpm",
			"940002":                  "2026-05-11T06:00:00Z, record 2026-05-11 +02:00, 5000 m, 160 bpm",
		})
		entry, row := all["940001"], all["csv-3300000000000000001"]
		hidden := entry.Of != nil && *entry.Of == row.ID || row.Of != nil && *row.Of == entry.ID
		if !hidden {
			t.Errorf("neither is linked to the other: %v, %v", entry.Of, row.Of)
		}
	})
	t.Run("a known zone is not lost to an archive without one", func(t *testing.T) { zonesAreKept(t, c) })
	t.Run("a profile alone restates the records that are there", func(t *testing.T) { profileAlone(t, c) })
	t.Run("the same entries once more remove nothing", func(t *testing.T) {
		want := map[string]string{
			"960001":                  "2026-06-10T06:00:30Z, unknown no day, no distance, no peak",
			"csv-3300000000000000011": "2026-06-10T06:00:20Z, record 2026-06-10 +02:00, 3300 m, no peak",
		}
		whole, again := folder(t, "same-data-other-order/1-whole"), folder(t, "same-data-other-order/2-entries-again")
		for name, archives := range map[string][]client.Upload{"whole, entries": {whole, again}, "entries, whole": {again, whole}, "twice": {whole, again, whole}} {
			user := newUser(t, c, name)
			for _, archive := range archives {
				if done := upload(t, c, user, archive); done.Status != "success" || done.Counts.Superseded != 0 {
					t.Errorf("%s: %s, %+v", name, done.Status, done.Counts)
				}
			}
			await(t, c, user, want)
		}
	})
	t.Run("archives as people pack them", func(t *testing.T) { packedByPeople(t, c) })
}

// inSydney are the workouts of the folder old, with the zone that the folder new tells.
func inSydney() map[string]string {
	want := map[string]string{"950020": "2020-05-19T21:30:00Z, profile 2020-05-20 +10:00, no distance, no peak"}
	for i := range 8 {
		want[fmt.Sprint(950000+i)] = fmt.Sprintf("2020-05-%02dT20:27:32Z, profile 2020-05-%02d +10:00, 5000 m, no peak", i+1, i+2)
	}
	return want
}

func zonesAreKept(t *testing.T, c *client.Client) {
	t.Helper()
	old, young := folder(t, "profile-in-one-of-two-archives/old"), folder(t, "profile-in-one-of-two-archives/new")
	forth, back := newUser(t, c, "without, with"), newUser(t, c, "with, without")
	upload(t, c, forth, old)
	if done := upload(t, c, forth, young); done.Counts.Enriched != 9 {
		t.Errorf("the archive with a profile: %+v", done.Counts)
	}
	upload(t, c, back, young)
	if done := upload(t, c, back, old); done.Counts.AlreadyThere != 9 || done.Counts.Enriched != 0 {
		t.Errorf("the archive without a profile: %+v", done.Counts)
	}
	await(t, c, forth, inSydney())
	await(t, c, back, inSydney())
}

// profileAlone imports a profile after entries without a zone, and once more.
func profileAlone(t *testing.T, c *client.Client) {
	t.Helper()
	user := newUser(t, c, "a profile alone")
	upload(t, c, user, folder(t, "profile-in-one-of-two-archives/old"))
	profile := zipOf(t, packedFile{"Profile.csv", "id,timezone\r\nX,Australia/Sydney\r\n"})
	for i, restated := range []int{9, 0} {
		done := upload(t, c, user, profile)
		if done.Counts.Restated != restated || done.Counts.Found != 0 || done.Counts.Enriched != 0 {
			t.Errorf("the profile, time %d: %s, %+v", i+1, done.Status, done.Counts)
		}
	}
	await(t, c, user, inSydney())
}

func packedByPeople(t *testing.T, c *client.Client) {
	t.Helper()
	entry := func(id int, day string) string {
		return fmt.Sprintf(`{"logId": %d, "activityName": "Run", "activityTypeId": 90009, "calories": 200, "duration": 600000, "activeDuration": 600000,
			"steps": 900, "logType": "tracker", "lastModified": "05/%s/26 20:27:32", "startTime": "05/%s/26 20:27:32"}`, id, day, day)
	}
	page := "[" + entry(996001, "07") + "]"
	both := "[" + entry(996001, "07") + ", " + entry(996002, "08") + "]"
	for name, test := range map[string]struct {
		files    []packedFile
		imported int
		status   string
		says     string // of the report, or the error's code
	}{
		"backslashes": {[]packedFile{{`Takeout\Fitbit\Global Export Data\exercise-0.json`, page}}, 1, "success", ""},
		"umlauts":     {[]packedFile{{"MyFitbitData/JürgenMüller/Physical Activity/exercise-0.json", page}}, 1, "success", ""},
		"bom":         {[]packedFile{{"a/exercise-0.json", "\ufeff" + page}}, 1, "success", ""},
		"empty":       {[]packedFile{{"a/exercise-0.json", "[]"}, {"a/exercise-100.json", ""}}, 0, "partial", "problem"},
		"cut":         {[]packedFile{{"a/exercise-0.json", both[:len(both)-100]}}, 1, "partial", "broken"},
		"object":      {[]packedFile{{"a/exercise-0.json", entry(996001, "07")}}, 0, "partial", "problem"},
		"nested":      {[]packedFile{{"Downloads/takeout-20261020T093000Z-1-001.zip", "PK\x03\x04"}}, 0, "failed", "archive_nested"},
	} {
		user := newUser(t, c, "packed: "+name)
		done := upload(t, c, user, zipOf(t, test.files...))
		code := ""
		if done.Error != nil {
			code = done.Error.Code
		}
		if done.Status != test.status || done.Counts.Imported != test.imported || test.says != "" && code != test.says && !done.Reports(test.says) {
			t.Errorf("%s: %s %s, %+v, files %+v", name, done.Status, code, done.Counts, done.Files)
		}
		rows(t, c, user, test.imported)
	}
}
