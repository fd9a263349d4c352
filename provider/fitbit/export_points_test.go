package fitbit

import (
	"archive/zip"
	"encoding/xml"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
)

// trackXML is what the tests read of a TCX file.
type trackXML struct {
	ID     string  `xml:"Activities>Activity>Id"`
	Metres float64 `xml:"Activities>Activity>Lap>DistanceMeters"`
	Total  float64 `xml:"Activities>Activity>Lap>TotalTimeSeconds"`
	Points []struct {
		Time string
		Lat  string `xml:"Position>LatitudeDegrees"`
		Lon  string `xml:"Position>LongitudeDegrees"`
		Alt  string `xml:"AltitudeMeters"`
	} `xml:"Activities>Activity>Lap>Track>Trackpoint"`
}

func readTrack(t *testing.T, file []byte) (track trackXML) {
	t.Helper()
	tcx, err := TCXOfPoints(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(tcx, &track); err != nil {
		t.Fatalf("%v in %s", err, tcx)
	}
	return track
}

// One run of ten minutes with positions and without a TCX file: 120 points.
func TestCaseGPSLocationCSV(t *testing.T) {
	got := readCase(t, "08-gps-location-csv")
	if len(got.routes) != 1 || got.routes[0].ExternalID != "980001" || got.routes[0].Points != 120 || got.routes[0].Format != FormatExportPoints {
		t.Fatalf("the routes are %+v", got.routes)
	}
	var table string
	for _, f := range filesOf(t, filepath.Join("testdata", "cases", "08-gps-location-csv")) {
		if strings.HasSuffix(f.name, ".csv") {
			table = f.text
		}
	}
	if string(got.routes[0].Raw) != table { // the run is all that the file holds
		t.Errorf("the lines are not those of the file: %.200s", got.routes[0].Raw)
	}
	track := readTrack(t, got.routes[0].Raw)
	first, last := track.Points[0], track.Points[len(track.Points)-1]
	if len(track.Points) != 120 || first.Time != "2026-06-12T06:00:00Z" || first.Lat != "47.000000" || first.Lon != "11.000000" || first.Alt != "600.0" ||
		last.Time != "2026-06-12T06:09:55Z" || last.Lat != "47.005950" || last.Lon != "11.005950" || track.ID != first.Time || track.Total != 595 {
		t.Errorf("%d points from %+v to %+v", len(track.Points), first, last)
	}
	if math.Abs(track.Metres-801) > 8 { // 0.00595 degrees to the north, and the same to the east at 47 degrees
		t.Errorf("it is %.1f m long", track.Metres)
	}
	checkReport(t, got)
}

// gpsFile has a point every second from a time on, of a source where there is one.
func gpsFile(day, source string, from time.Time, n int, end string) sampleFile {
	var b strings.Builder
	b.WriteString("timestamp,latitude,longitude,altitude")
	if source != "" {
		b.WriteString(",data source")
	}
	b.WriteString(end)
	for i := range n {
		fmt.Fprintf(&b, "%s,%.6f,11.5,600.0", from.Add(time.Duration(i)*time.Second).Format("2006-01-02T15:04:05Z"), 47+float64(i)/1e5)
		if source != "" {
			b.WriteString("," + source)
		}
		b.WriteString(end)
	}
	return sampleFile{"Physical Activity_GoogleData/gps_location_" + day + ".csv", b.String()}
}

func gpsEntry(id int, start time.Time, length time.Duration, more string) string {
	return fmt.Sprintf(`{"logId":%d,"hasGps":true,"startTime":%q,"duration":%d,"logType":"tracker"%s}`, id, start.Format("01/02/06 15:04:05"), length.Milliseconds(), more)
}

func under(name string, f sampleFile) sampleFile {
	return sampleFile{name + "/" + filepath.Base(f.name), f.text}
}

func TestRoutesAreCutOutOfPositions(t *testing.T) {
	noon := time.Date(2026, 6, 12, 12, 0, 0, 0, time.UTC)
	late := time.Date(2026, 6, 12, 23, 59, 0, 0, time.UTC)
	run := func(entries ...string) sampleFile { return sampleFile{"exercise-0.json", pageOf(entries...)} }
	ten := run(gpsEntry(7, noon, 10*time.Minute, ""))
	row := func(logType string) sampleFile {
		return sampleFile{"UserExercises_2026-01-01.csv", "exercise_id,exercise_start,exercise_end,utc_offset,log_type\n" +
			"9,2026-06-12 12:00:00Z,2026-06-12 12:10:00Z,+02:00," + logType + "\n"}
	}
	for name, test := range map[string]struct {
		files   []sampleFile
		points  map[string]int
		skipped map[string]int
	}{
		"a part of a day":      {[]sampleFile{ten, gpsFile("2026-06-12", "", noon.Add(-time.Hour), 7200, "\n")}, map[string]int{"7": 600}, nil},
		"with CRLF":            {[]sampleFile{ten, gpsFile("2026-06-12", "", noon.Add(-time.Hour), 7200, "\r\n")}, map[string]int{"7": 600}, nil},
		"over midnight":        {[]sampleFile{run(gpsEntry(7, late, 2*time.Minute, "")), gpsFile("2026-06-13", "", late.Add(time.Minute), 600, "\n"), gpsFile("2026-06-12", "", late.Add(-time.Minute), 120, "\n")}, map[string]int{"7": 120}, nil},
		"one of two days":      {[]sampleFile{run(gpsEntry(7, late, 2*time.Minute, "")), gpsFile("2026-06-13", "", late.Add(time.Minute), 600, "\n")}, map[string]int{"7": 60}, nil},
		"the same day twice":   {[]sampleFile{ten, gpsFile("2026-06-12", "", noon, 600, "\n"), under("b", gpsFile("2026-06-12", "", noon, 300, "\n"))}, map[string]int{"7": 600}, nil},
		"a copy's name":        {[]sampleFile{ten, {"gps_location_2026-06-12 - Kopie.csv", gpsFile("2026-06-12", "", noon, 600, "\n").text}}, map[string]int{"7": 600}, nil},
		"a sub-folder":         {[]sampleFile{ten, under("Takeout/Google Health/Physical Activity_GoogleData/Gps Location", gpsFile("2026-06-12", "Pixel Watch", noon, 600, "\n"))}, map[string]int{"7": 600}, nil},
		"two devices":          {[]sampleFile{ten, gpsFile("2026-06-12", "MobileTrack", noon, 60, "\n"), under("b", gpsFile("2026-06-12", `"Watch, ""2"""`, noon.Add(time.Minute), 61, "\n"))}, map[string]int{"7": 61}, nil},
		"too few":              {[]sampleFile{ten, gpsFile("2026-06-12", "", noon, minPoints-1, "\n")}, nil, map[string]int{"few_points": 1}},
		"just enough":          {[]sampleFile{ten, gpsFile("2026-06-12", "", noon, minPoints, "\n")}, map[string]int{"7": minPoints}, nil},
		"of other hours":       {[]sampleFile{ten, gpsFile("2026-06-12", "", noon.Add(time.Hour), 600, "\n")}, nil, nil},
		"no table":             {[]sampleFile{ten, {"gps_location_2026-06-12.csv", "steps\n1\n"}}, nil, map[string]int{"broken": 1}},
		"a row alone":          {[]sampleFile{row("TRACKER"), gpsFile("2026-06-12", "", noon, 600, "\n")}, map[string]int{"csv-9": 600}, nil},
		"two at a time":        {[]sampleFile{run(gpsEntry(7, noon, 10*time.Minute, ""), gpsEntry(8, noon.Add(time.Minute), time.Minute, "")), gpsFile("2026-06-12", "", noon, 600, "\n")}, map[string]int{"7": 600, "8": 60}, nil},
		"a crowd":              {[]sampleFile{run(crowd(noon, 30)...), gpsFile("2026-06-12", "", noon, 600, "\n")}, nil, nil},
		"a TCX file beside it": {[]sampleFile{ten, {"7.tcx", trackText(0)}, gpsFile("2026-06-12", "", noon, 600, "\n")}, nil, nil},
		"a stub beside it":     {[]sampleFile{ten, {"7.tcx", "<TrainingCenterDatabase/>"}, gpsFile("2026-06-12", "", noon, 600, "\n")}, map[string]int{"7": 600}, nil},
		"no positions":         {[]sampleFile{run(strings.Replace(gpsEntry(7, noon, 10*time.Minute, ""), `"hasGps":true`, `"hasGps":false`, 1)), gpsFile("2026-06-12", "", noon, 600, "\n")}, nil, nil},
		"a detected row":       {[]sampleFile{row("AUTO_DETECTED"), gpsFile("2026-06-12", "", noon, 600, "\n")}, nil, nil},
		"a forgotten session":  {[]sampleFile{run(gpsEntry(7, noon, 95*time.Hour, "")), gpsFile("2026-06-12", "", noon, 600, "\n")}, nil, nil},
	} {
		for _, kind := range []string{"zip", "tgz", "folder"} {
			got := readExport(t, packed(t, kind, test.files))
			points := map[string]int{}
			for _, r := range got.routes {
				if r.Format != FormatExportPoints {
					continue
				}
				track := readTrack(t, r.Raw)
				if points[r.ExternalID] = r.Points; len(track.Points) != r.Points || r.Read > got.size {
					t.Errorf("%s as %s: %d points, read %d of %d", name, kind, len(track.Points), r.Read, got.size)
				}
			}
			if name == "a crowd" { // those that fewer begin during have theirs
				if len(points) != maxOverlap {
					t.Errorf("a crowd as %s: %d routes", kind, len(points))
				}
				test.points, test.skipped = points, map[string]int{"crowded": 30 - maxOverlap}
			}
			var skipped map[string]int
			at := slices.IndexFunc(got.report.Files, func(f provider.ExportFile) bool { return f.Kind == provider.KindPoints })
			if at >= 0 {
				skipped = got.report.Files[at].Skipped
			}
			if !maps.Equal(points, test.points) || !maps.Equal(skipped, test.skipped) {
				t.Errorf("%s as %s: %v, skipped %v", name, kind, points, skipped)
			}
			checkReport(t, got)
		}
	}
}

// crowd are activities that begin a second apart and last ten minutes.
func crowd(from time.Time, n int) (entries []string) {
	for i := range n {
		entries = append(entries, gpsEntry(100+i, from.Add(time.Duration(i)*time.Second), 10*time.Minute, ""))
	}
	return entries
}

// The lines of a route stand as they do in their file; those that are no positions
// are left out, and the file made of them is well-formed whatever they hold.
func TestLinesOfPositions(t *testing.T) {
	noon := time.Date(2026, 6, 12, 12, 0, 0, 0, time.UTC)
	file := gpsFile("2026-06-12", "", noon, 12, "\n")
	lines := strings.SplitAfter(file.text, "\n")
	odd := "2026-06-12T12:00:20.500Z,-4.7E-5,+011.50,\n" + // nobody wrote it so yet; it is a position
		"2026-06-12T12:00:21Z,91,11,5\n2026-06-12T12:00:21Z,nan,11,5\n2026-06-12T12:00:22Z,47\nx,47,11,5\n\n" +
		"2026-06-12T12:00:23Z,47,11,<b>\n"
	file.text = strings.Join(lines[:1], "") + odd + strings.Join(lines[1:], "")
	got := readExport(t, zipped(t, sampleFile{"exercise-0.json", pageOf(gpsEntry(7, noon, time.Minute, ""))}, file))
	want := strings.Join(lines, "") + "2026-06-12T12:00:20.500Z,-4.7E-5,+011.50,\n" + "2026-06-12T12:00:23Z,47,11,<b>\n"
	if len(got.routes) != 1 || string(got.routes[0].Raw) != want {
		t.Fatalf("the routes are %s", got.routes[0].Raw)
	}
	track := readTrack(t, got.routes[0].Raw)
	if p := track.Points[12]; p.Time != "2026-06-12T12:00:20.5Z" || p.Lat != "-4.7E-5" || p.Lon != "+011.50" || p.Alt != "" || track.Points[13].Alt != "" {
		t.Errorf("%+v", track.Points[12:])
	}
}

func FuzzTCXOfPoints(f *testing.F) {
	f.Add([]byte("timestamp,latitude,longitude,altitude\n2026-06-12T06:00:00Z,47.000000,11.000000,600.0\n"))
	f.Add([]byte("\ufefflongitude,latitude,timestamp,data source\r\n11,\"47\",2026-06-12 06:00:00+0000,<a>\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		tcx, err := TCXOfPoints(file)
		if err != nil {
			return
		}
		var track trackXML
		if err := xml.Unmarshal(tcx, &track); err != nil || len(track.Points) == 0 || math.IsNaN(track.Metres) {
			t.Fatalf("%q gave %s: %v", file, tcx, err)
		}
	})
}

// Files of positions of two hundred days take the memory of a few hours.
func TestPositionsTakeLittleMemory(t *testing.T) {
	const days, bound = 200, 12 << 20
	path := filepath.Join(t.TempDir(), "takeout.zip")
	if err := writePositions(path, days); err != nil {
		t.Fatal(err)
	}
	readWithin(t, path, bound, func(export provider.Export, look func()) {
		count := 0
		err := export.Routes(t.Context(), func(r provider.ImportedRoute) error {
			if r.Points != 1800 {
				return fmt.Errorf("%s has %d points", r.ExternalID, r.Points)
			}
			count++
			look()
			return nil
		})
		if err != nil || count != days {
			t.Fatalf("%d routes, error %v", count, err)
		}
	})
}

func writePositions(path string, days int) error {
	out, w, err := newZip(path)
	if err != nil {
		return err
	}
	defer out.Close()
	var entries []string
	for n := range days {
		at := time.Date(2026, 1, 1, 7, 0, 0, 0, time.UTC).AddDate(0, 0, n)
		entries = append(entries, gpsEntry(n+1, at, 30*time.Minute, ""))
		day := gpsFile(at.Format(time.DateOnly), "", at.Add(-15*time.Minute), 3600, "\n")
		file, err := w.CreateHeader(&zip.FileHeader{Name: day.name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		if _, err := file.Write([]byte(day.text)); err != nil {
			return err
		}
	}
	file, err := w.Create("exercise-0.json")
	if err != nil {
		return err
	}
	if _, err := file.Write([]byte(pageOf(entries...))); err != nil {
		return err
	}
	return w.Close()
}
