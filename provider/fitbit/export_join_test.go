package fitbit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// An entry in these tests is seconds after ten o'clock and a duration in seconds;
// a row likewise.
type timing struct{ start, duration int }

var tenOClock = time.Date(2020, 10, 4, 10, 0, 0, 0, time.UTC)

// joined are the rows that went along, by logId, and those that stayed alone. The
// first entry has the logId 1, the first row the id 101.
func joined(t testing.TB, entries, rows []timing) (pairs map[string]string, alone []string) {
	t.Helper()
	var page, table []string
	for i, e := range entries {
		at := tenOClock.Add(time.Duration(e.start) * time.Second)
		page = append(page, fmt.Sprintf(`{"logId":%d,"startTime":%q,"duration":%d}`, i+1, at.Format("01/02/06 15:04:05"), e.duration*1000))
	}
	for i, r := range rows {
		at := tenOClock.Add(time.Duration(r.start) * time.Second)
		end := at.Add(time.Duration(r.duration) * time.Second)
		table = append(table, fmt.Sprintf("%d,%s,%s,+02:00", 101+i, at.Format(time.RFC3339), end.Format(time.RFC3339)))
	}
	got := readExport(t, packed(t, "folder", []sampleFile{{"exercise-0.json", pageOf(page...)}, {"UserExercises_2020-01-01.csv", rowsCSV(table...)}}))
	pairs = map[string]string{}
	for _, a := range got.activities {
		switch row, ok := companionOf(&a.Context); {
		case a.ForeignID:
			alone = append(alone, a.ExternalID)
		case ok:
			pairs[a.ExternalID] = row.Value("exercise_id")
		}
	}
	slices.Sort(alone)
	return pairs, alone
}

func TestEntriesAndRowsAreJoined(t *testing.T) {
	for name, test := range map[string]struct {
		entries, rows []timing
		want          string
	}{
		"the same second":                   {[]timing{{0, 1800}}, []timing{{0, 1800}}, "map[1:101] []"},
		"at the edges":                      {[]timing{{0, 1800}}, []timing{{120, 1926}}, "map[1:101] []"},
		"at the edges before":               {[]timing{{0, 1800}}, []timing{{-120, 1674}}, "map[1:101] []"},
		"a second too late":                 {[]timing{{0, 1800}}, []timing{{121, 1800}}, "map[] [csv-101]"},
		"a second too long":                 {[]timing{{0, 1800}}, []timing{{0, 1927}}, "map[] [csv-101]"},
		"the nearer start":                  {[]timing{{0, 1800}}, []timing{{60, 1800}, {-30, 1800}}, "map[1:102] [csv-101]"},
		"the nearer duration":               {[]timing{{0, 1800}}, []timing{{0, 1700}, {0, 1790}, {0, 1900}}, "map[1:102] [csv-101 csv-103]"},
		"two entries of one start":          {[]timing{{0, 1800}, {0, 1750}}, []timing{{0, 1750}, {0, 1800}}, "map[1:102 2:101] []"},
		"one row for two entries":           {[]timing{{0, 1800}, {90, 1800}}, []timing{{80, 1800}}, "map[2:101] []"},
		"the nearest pair goes first":       {[]timing{{0, 1800}, {100, 1800}}, []timing{{60, 1800}, {-110, 1800}}, "map[1:102 2:101] []"},
		"an auto-detected run beside a row": {[]timing{{300, 900}}, []timing{{0, 1800}}, "map[] [csv-101]"},
	} {
		pairs, alone := joined(t, test.entries, test.rows)
		if got := fmt.Sprint(pairs, alone); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// Every row goes along with one entry or stands alone; no pair is farther apart
// than it may be; and no entry and row that fit are both left alone.
func TestTheJoinIsOneToOne(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		draw := rapid.Custom(func(r *rapid.T) timing {
			return timing{rapid.IntRange(0, 600).Draw(r, "start"), rapid.IntRange(0, 400).Draw(r, "duration")}
		})
		entries, rows := rapid.SliceOfN(draw, 0, 8).Draw(r, "entries"), rapid.SliceOfN(draw, 0, 8).Draw(r, "rows")
		pairs, alone := joined(t, entries, rows)
		if len(pairs)+len(alone) != len(rows) {
			r.Fatalf("%d rows became %v and %v", len(rows), pairs, alone)
		}
		for i, e := range entries {
			id := fmt.Sprint(i + 1)
			for j, row := range rows {
				fits := distance(e.start, row.start) <= 120 && distance(e.duration, row.duration) <= 126
				if pairs[id] == fmt.Sprint(101+j) && !fits {
					r.Fatalf("entry %v goes along with row %v", e, row)
				}
				if pairs[id] == "" && fits && slices.Contains(alone, fmt.Sprintf("csv-%d", 101+j)) {
					r.Fatalf("entry %v and row %v fit and stay alone", e, row)
				}
			}
		}
	})
}

func distance(a, b int) int { return max(a-b, b-a) }

// Thousands of records at one second are made up; they must not take for ever.
func TestACrowdAtOneSecond(t *testing.T) {
	crowd := make([]timing, 3000)
	for i := range crowd {
		crowd[i] = timing{0, 1000}
	}
	pairs, alone := joined(t, crowd, crowd)
	if len(pairs)+len(alone) != len(crowd) || len(pairs) == 0 {
		t.Errorf("%d pairs and %d rows alone", len(pairs), len(alone))
	}
}

// A start on a wall clock is an instant once the offset is known: from the row
// that fits, from a track, from the person's zone, or from the zone that was stated
// with the import, in this order.
func TestStartsAndOffsets(t *testing.T) {
	const phone = `"logType":"manual","source":{"name":"Fitbit for iPhone","type":"app"}`
	profile := sampleFile{"Profile.csv", "timezone\nAmerica/New_York\n"}
	tokyo := sampleFile{name: "no file: the zone is stated"}
	track := sampleFile{"Activities/7.tcx", "<A>\n<Id>2020-10-04T12:00:00.000+02:00</Id></A>"}
	row := func(start, end, offset string) sampleFile {
		return sampleFile{"UserExercises_2020-01-01.csv", rowsCSV("9,2020-10-04 " + start + "Z,2020-10-04 " + end + "Z," + offset)}
	}
	for name, test := range map[string]struct {
		members string
		files   []sampleFile
		start   string // UTC
		offset  string // with the local day
		source  string
	}{
		"nothing known":            {`"logType":"tracker"`, nil, "10:00", "none", events.OffsetUnknown},
		"a profile":                {`"logType":"tracker"`, []sampleFile{profile}, "10:00", "-04:00 2020-10-04", events.OffsetFromProfile},
		"a row":                    {`"logType":"tracker"`, []sampleFile{profile, row("10:00:00", "10:30:00", "+14:00")}, "10:00", "+14:00 2020-10-05", events.OffsetFromRecord},
		"a row without an offset":  {`"logType":"tracker"`, []sampleFile{profile, row("10:00:00", "10:30:00", "")}, "10:00", "-04:00 2020-10-04", events.OffsetFromProfile},
		"a row and a track":        {`"logType":"tracker"`, []sampleFile{track, row("10:00:00", "10:30:00", "-05:00")}, "10:00", "-05:00 2020-10-04", events.OffsetFromRecord},
		"a track":                  {`"logType":"tracker"`, []sampleFile{profile, track}, "10:00", "+02:00 2020-10-04", events.OffsetFromRecord},
		"two tracks that disagree": {`"logType":"tracker"`, []sampleFile{track, {"b/7.tcx", "<Time>2020-10-04T12:00:00+03:00</Time>"}}, "10:00", "none", events.OffsetUnknown},
		"a track in UTC":           {`"logType":"tracker"`, []sampleFile{{"7.tcx", "<Id>2020-10-04T10:00:00Z</Id>"}}, "10:00", "none", events.OffsetUnknown},
		"a stub of a track":        {`"logType":"tracker"`, []sampleFile{{"7.tcx", "<TrainingCenterDatabase/>"}}, "10:00", "none", events.OffsetUnknown},
		"a phone":                  {phone, nil, "10:00", "none", events.OffsetUnknown},
		"a phone and a profile":    {phone, []sampleFile{profile}, "14:00", "-04:00 2020-10-04", events.OffsetFromProfile},
		"a phone and a track":      {phone, []sampleFile{track}, "08:00", "+02:00 2020-10-04", events.OffsetFromRecord},
		"a phone and its row":      {phone, []sampleFile{profile, row("07:01:00", "07:31:00", "+03:00")}, "07:00", "+03:00 2020-10-04", events.OffsetFromRecord},
		"a phone that wrote UTC":   {phone, []sampleFile{profile, row("10:01:00", "10:31:00", "+03:00")}, "10:00", "+03:00 2020-10-04", events.OffsetFromRecord},
		"another phone":            {strings.ReplaceAll(phone, "iPhone", "Android"), []sampleFile{profile}, "10:00", "-04:00 2020-10-04", events.OffsetFromProfile},
		"a phone that recorded":    {strings.ReplaceAll(phone, "manual", "mobile_run"), []sampleFile{profile}, "10:00", "-04:00 2020-10-04", events.OffsetFromProfile},
		"stated":                   {`"logType":"tracker"`, []sampleFile{tokyo}, "10:00", "+09:00 2020-10-04", events.OffsetFromImport},
		"stated, and a profile":    {`"logType":"tracker"`, []sampleFile{tokyo, profile}, "10:00", "-04:00 2020-10-04", events.OffsetFromProfile},
		"stated, and a row":        {`"logType":"tracker"`, []sampleFile{tokyo, row("10:00:00", "10:30:00", "+14:00")}, "10:00", "+14:00 2020-10-05", events.OffsetFromRecord},
		"stated, and a track":      {`"logType":"tracker"`, []sampleFile{tokyo, track}, "10:00", "+02:00 2020-10-04", events.OffsetFromRecord},
		"stated, and a phone":      {phone, []sampleFile{tokyo}, "01:00", "+09:00 2020-10-04", events.OffsetFromImport},
		"stated, two profiles":     {`"logType":"tracker"`, []sampleFile{tokyo, profile, {"b/Profile.csv", "timezone\nEurope/Oslo\n"}}, "10:00", "+09:00 2020-10-04", events.OffsetFromImport},
	} {
		var o provider.ImportOptions
		if len(test.files) > 0 && test.files[0] == tokyo {
			test.files, o.TimeZone = test.files[1:], "Asia/Tokyo"
		}
		got := readStated(t, o, zipped(t, append(test.files, sampleFile{"exercise-0.json", pageOf(entryJSON(`"logId":7,` + test.members))})...))
		a := got.activities[0]
		w, err := normalizeImported(a)
		if err != nil || len(got.activities) != 1 {
			t.Fatalf("%s: %d records, error %v", name, len(got.activities), err)
		}
		offset := "none"
		if w.ZoneOffset != nil {
			offset = *w.ZoneOffset + " " + *w.LocalDate
		}
		if start := w.StartTime.Format("15:04"); start != test.start || offset != test.offset || w.OffsetSource != test.source {
			t.Errorf("%s: %s, %s, %s", name, start, offset, w.OffsetSource)
		}
		if !a.StartedAt.Equal(w.StartTime) || a.Context.OffsetSource != w.OffsetSource || a.Duration.Seconds() != w.DurationSeconds {
			t.Errorf("%s: the importer says %s, %s, %s", name, a.StartedAt, a.Context.OffsetSource, a.Duration)
		}
		if _, local := a.StartedAt.Zone(); (local != 0) != (w.ZoneOffset != nil) {
			t.Errorf("%s: started at %s", name, a.StartedAt)
		}
		uncertain := strings.Contains(test.members, `"manual"`) && strings.Contains(test.members, "iPhone")
		if kept := strings.Contains(string(w.Details), "startTime"); kept != uncertain {
			t.Errorf("%s: the written start is in the details: %t", name, kept)
		}
	}
}

// A row that stands alone takes the stated zone, too, where it tells no offset.
func TestRowsTakeTheStatedZone(t *testing.T) {
	text := rowsCSV("9,2020-10-04 20:00:00Z,2020-10-04 20:30:00Z,", "8,2020-10-04 20:00:00Z,2020-10-04 20:40:00Z,+01:00")
	got := readStated(t, provider.ImportOptions{TimeZone: "Asia/Tokyo"}, zipped(t, sampleFile{"UserExercises_2020-01-01.csv", text}))
	seen := map[string]string{}
	for _, a := range got.activities {
		w, err := normalizeImported(a)
		if err != nil {
			t.Fatal(err)
		}
		seen[a.ExternalID] = *w.ZoneOffset + " " + *w.LocalDate + " " + w.OffsetSource
	}
	if seen["csv-9"] != "+09:00 2020-10-05 import" || seen["csv-8"] != "+01:00 2020-10-04 record" {
		t.Errorf("%v", seen)
	}
}
