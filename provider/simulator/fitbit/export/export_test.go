package export_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
)

var made = time.Date(2026, time.October, 20, 9, 30, 0, 0, time.UTC)

// people have histories of a year and a half: a few pages.
func people(t *testing.T) []*simulator.Person {
	t.Helper()
	var all []*simulator.Person
	for _, p := range []struct {
		name, zone string
		options    simulator.Options
	}{
		{"anna", "Europe/Berlin", simulator.Options{DisplayName: "Anna Beispiel", Travels: []string{"Asia/Tokyo"}}},
		{"giulia", "Europe/Rome", simulator.Options{Language: "it", Style: simulator.StyleWalker}},
		{"marcus", "America/Los_Angeles", simulator.Options{Miles: true, Style: simulator.StyleGym}},
	} {
		p.options.Since = made.AddDate(-1, -6, 0)
		person, err := simulator.NewPerson(3, p.name, p.zone, p.options)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, person)
	}
	return all
}

func archive(t *testing.T, p *simulator.Person, o export.Options) *export.Archive {
	t.Helper()
	a, err := export.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// unzipped is what a zip file holds, by path.
func unzipped(t *testing.T, packed []byte) map[string][]byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name] != nil {
			t.Errorf("%s comes twice", f.Name)
		}
		files[f.Name] = text
	}
	return files
}

func files(t *testing.T, a *export.Archive) map[string][]byte {
	t.Helper()
	var packed bytes.Buffer
	if err := a.WriteZip(&packed); err != nil {
		t.Fatal(err)
	}
	return unzipped(t, packed.Bytes())
}

// everywhere calls f for everybody's archive of each era.
func everywhere(t *testing.T, f func(t *testing.T, era export.Era, p *simulator.Person, a *export.Archive)) {
	for _, era := range export.Eras() {
		for _, p := range people(t) {
			t.Run(string(era)+"/"+p.Name(), func(t *testing.T) { f(t, era, p, archive(t, p, export.Options{Era: era, At: made})) })
		}
	}
}

var pageName = regexp.MustCompile(`(^|/)exercise-([0-9]+)( \(1\))?\.json$`)

// pages gives the entries of each page, by the number in its name.
func pages(t *testing.T, all map[string][]byte) map[int][]map[string]any {
	t.Helper()
	found := map[int][]map[string]any{}
	for name, text := range all {
		m := pageName.FindStringSubmatch(name)
		if m == nil || strings.Contains(name, "__MACOSX") {
			continue
		}
		var entries []map[string]any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&entries); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		number, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		found[number] = entries
	}
	return found
}

func TestPagesTellEveryWorkoutUnderTheIDOfTheCloud(t *testing.T) {
	everywhere(t, func(t *testing.T, era export.Era, p *simulator.Person, a *export.Archive) {
		happened := map[string]simulator.Truth{}
		for _, w := range p.History(made) {
			happened[w.ExternalID] = w
		}
		if len(happened) < 350 {
			t.Fatalf("only %d workouts", len(happened))
		}
		found := pages(t, files(t, a))
		last, seen := "", 0
		for number := 0; number < len(found)*100; number += 100 {
			want := 100
			switch {
			case number == 100:
				want = 99
			case number == (len(found)-1)*100:
				want = len(found[number])
			}
			if len(found[number]) != want || want == 0 {
				t.Errorf("page %d has %d entries, want %d", number, len(found[number]), want)
			}
			for _, entry := range found[number] {
				id := entry["logId"].(json.Number).String()
				truth, ok := happened[id]
				if !ok {
					t.Errorf("entry %s never happened", id)
					continue
				}
				seen++
				if start := checkEntry(t, era, p, entry, truth); start < last {
					t.Errorf("entry %s begins at %s, after %s", id, start, last)
				} else {
					last = start
				}
			}
		}
		if seen != len(happened) {
			t.Errorf("%d entries of %d workouts", seen, len(happened))
		}
	})
}

// checkEntry holds an entry to the measured rules and gives its start, so that it
// sorts as text.
func checkEntry(t *testing.T, era export.Era, p *simulator.Person, e map[string]any, truth simulator.Truth) string {
	t.Helper()
	id := truth.ExternalID
	for _, name := range []string{"activityName", "activityTypeId", "activityLevel", "calories", "duration", "activeDuration", "logType", "manualValuesSpecified", "lastModified", "startTime", "originalStartTime", "originalDuration", "hasGps", "shouldFetchDetails"} {
		if e[name] == nil {
			t.Errorf("%s has no %s", id, name)
		}
	}
	for _, name := range []string{"heartRateLink", "caloriesLink", "detailsLink"} {
		if e[name] != nil {
			t.Errorf("%s has %s, which no export has", id, name)
		}
	}
	same := map[string]bool{
		"distance with its unit": (e["distance"] == nil) == (e["distanceUnit"] == nil) && (e["distance"] == nil) == (truth.DistanceMeters == nil),
		"unit of the account":    e["distanceUnit"] == nil || (e["distanceUnit"] == "Mile") == p.Miles(),
		"era of the flag":        (e["hasActiveZoneMinutes"] == nil) == (era == export.EraA),
		"minutes with the flag":  (e["activeZoneMinutes"] != nil) == (e["hasActiveZoneMinutes"] == true),
		"link with GPS":          (e["tcxLink"] != nil) == (e["hasGps"] == true),
		"no source by itself":    e["logType"] != "auto_detected" || e["source"] == nil && e["distance"] == nil && e["speed"] == nil && e["pace"] == nil,
		"duration":               e["duration"].(json.Number).String() == strconv.FormatInt(truth.Duration.Milliseconds(), 10),
		"name":                   truth.Name == nil || e["activityName"] == *truth.Name,
		"steps":                  (e["steps"] == nil) == (truth.Steps == nil),
	}
	if zones, ok := e["heartRateZones"].([]any); ok {
		burnt := zones[0].(map[string]any)["caloriesOut"] != nil
		same["calories of zones"] = burnt == (era == export.EraC || era == export.EraD)
		same["names of zones"] = zones[0].(map[string]any)["name"] == truth.Zones[0].Label
	}
	for what, ok := range same {
		if !ok {
			t.Errorf("%s: %s: %v of %+v", id, what, e, truth)
		}
	}
	start, err := time.Parse("01/02/06 15:04:05", e["startTime"].(string))
	if err != nil {
		t.Fatal(err)
	}
	source, _ := e["source"].(map[string]any)
	wall := time.Date(truth.Start.Year(), truth.Start.Month(), truth.Start.Day(), truth.Start.Hour(), truth.Start.Minute(), truth.Start.Second(), 0, time.UTC)
	if local := source["name"] == "Fitbit for iPhone"; local && !start.Equal(wall) || !local && !start.Equal(truth.Start) {
		t.Errorf("%s begins at %v, happened at %v, iPhone: %t", id, start, truth.Start, local)
	}
	return truth.Start.UTC().Format(time.RFC3339)
}

func TestRowsAreThoseOfTheirTime(t *testing.T) {
	p := people(t)[0]
	for _, c := range []struct {
		era     export.Era
		at      time.Time
		columns int
		form    string
	}{
		{export.EraB, made, 0, ""},
		{export.EraC, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), 0, ""},
		{export.EraC, time.Date(2025, 8, 1, 0, 0, 0, 0, time.UTC), 33, "2006-01-02 15:04:05-0700"},
		{export.EraC, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), 45, "2006-01-02 15:04:05-0700"},
		{export.EraD, time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), 46, "2006-01-02 15:04:05-0700"},
		{export.EraD, made, 46, "2006-01-02T15:04:05Z"},
	} {
		a := archive(t, p, export.Options{Era: c.era, At: c.at})
		rows := 0
		for name, text := range files(t, a) {
			if !strings.HasPrefix(path.Base(name), "UserExercises_") {
				continue
			}
			table, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if len(table[0]) != c.columns || !slices.IsSortedFunc(table[1:], func(x, y []string) int { return strings.Compare(x[0], y[0]) }) {
				t.Errorf("%s of %s has %d columns, or is not sorted by id", name, c.era, len(table[0]))
			}
			for _, row := range table[1:] {
				if _, err := time.Parse(c.form, row[1]); err != nil {
					t.Error(err)
				}
			}
			rows += len(table) - 1
		}
		if c.columns == 0 && rows > 0 || c.columns > 0 && rows < 20 {
			t.Errorf("%s of %v has %d rows", c.era, c.at, rows)
		}
	}
}

// TestNeitherFileIsASuperset also holds the times of rows to the measured gaps.
func TestNeitherFileIsASuperset(t *testing.T) {
	a := archive(t, people(t)[1], export.Options{At: made, CSVOnlySince: made.AddDate(0, -2, 0), Forgotten: true})
	var pagesAlone, rowsAlone, both, wall, recent, long int
	for _, r := range a.Records() {
		switch {
		case r.InPages && r.RowID == "":
			pagesAlone++
		case !r.InPages:
			rowsAlone++
			if r.Recording != simulator.RecordedAutomatically {
				recent++
			}
			if r.ExternalID != "csv-"+r.RowID || r.ActiveDuration != 0 || r.Zones != nil || r.Device != nil {
				t.Errorf("a row alone tells too much: %+v", r)
			}
		default:
			both++
		}
		if r.WallClock {
			wall++
		}
		if r.Duration > 90*time.Hour {
			long++
		}
	}
	if pagesAlone < 8 || rowsAlone < 40 || recent < 30 || both < 300 || wall < 4 || long != 1 {
		t.Errorf("%d in pages alone, %d in rows alone (%d of them recent), %d in both, %d by the wall clock, %d forgotten", pagesAlone, rowsAlone, recent, both, wall, long)
	}
}

func TestSpeedsOfTrackersAreScaled(t *testing.T) {
	p := people(t)[0]
	scales := map[bool]map[int]int{}
	for _, watch := range []bool{false, true} {
		scales[watch] = map[int]int{}
		for name, text := range files(t, archive(t, p, export.Options{At: made, PixelWatch: watch})) {
			if !strings.HasPrefix(path.Base(name), "UserExercises_") {
				continue
			}
			table, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			column := func(row []string, name string) float64 {
				n, _ := strconv.ParseFloat(row[slices.Index(table[0], name)], 64)
				return n
			}
			for _, row := range table[1:] {
				if speed, distance := column(row, "tracker_avg_speed_mm_per_second"), column(row, "tracker_total_distance_mm"); speed > 0 && distance > 0 {
					if speed > 20_000 {
						scales[watch][128]++
					} else {
						scales[watch][1]++
					}
				}
			}
		}
	}
	if scales[false][128] < 50 || scales[false][1] == 0 || scales[true][128] > 0 || scales[true][1] < 50 {
		t.Errorf("speeds by scale: %v", scales)
	}
}
