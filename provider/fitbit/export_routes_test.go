package fitbit

import (
	"archive/zip"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// trackText is a TCX file with one point and so many letters.
func trackText(padding int) string {
	letters := lettersOf(rand.New(rand.NewPCG(1, 2)), padding)
	return `<?xml version="1.0"?>` + "\r\n<TrainingCenterDatabase><ns3:Trackpoint>\u2028</ns3:Trackpoint>" + string(letters) + "</TrainingCenterDatabase>\n"
}

func TestTracksAreHandedOverByteForByte(t *testing.T) {
	page := sampleFile{"exercise-0.json", pageOf(entryJSON(`"logId":7`))}
	longer := "<a>" + strings.Repeat(" ", tcxHead) + "</a>" // nothing is known of what stands behind its head
	for name, test := range map[string]struct {
		files   []sampleFile
		routes  map[string]string
		skipped map[string]int
	}{
		"one":             {[]sampleFile{{"Activities/7.tcx", trackText(0)}}, map[string]string{"7": trackText(0)}, nil},
		"a large one":     {[]sampleFile{{"7.tcx", trackText(1 << 20)}}, map[string]string{"7": trackText(1 << 20)}, nil},
		"of nobody":       {[]sampleFile{{"2471190346655808113.tcx", trackText(0)}}, map[string]string{"2471190346655808113": trackText(0)}, nil},
		"an empty stub":   {[]sampleFile{{"7.tcx", "<TrainingCenterDatabase/>"}, {"8.tcx", ""}}, nil, map[string]int{"empty": 2}},
		"no stub":         {[]sampleFile{{"7.tcx", longer}}, map[string]string{"7": longer}, nil},
		"the same twice":  {[]sampleFile{{"a/7.tcx", trackText(0)}, {"b/7 (1).tcx", trackText(0)}}, map[string]string{"7": trackText(0)}, map[string]int{"duplicate": 1}},
		"the longer last": {[]sampleFile{{"a/7.tcx", trackText(1)}, {"b/7.tcx", trackText(2)}}, map[string]string{"7": trackText(2)}, map[string]int{"duplicate": 1}},
		"the longer first": {[]sampleFile{{"a/7.tcx", trackText(2)}, {"b/7.tcx", "<x/>"}, {"c/7.tcx", trackText(1)}}, map[string]string{"7": trackText(2)},
			map[string]int{"duplicate": 1, "empty": 1}},
	} {
		for _, kind := range []string{"zip", "tgz", "folder"} {
			got := readExport(t, packed(t, kind, append(slices.Clone(test.files), page)))
			routes := map[string]string{}
			for _, r := range got.routes {
				if r.Format != FormatExportTCX || r.Read > got.size || routes[r.ExternalID] != "" {
					t.Errorf("%s as %s: %s comes as %s, %d of %d bytes read", name, kind, r.ExternalID, r.Format, r.Read, got.size)
				}
				routes[r.ExternalID] = string(r.Raw)
			}
			row := got.report.Files[0]
			if !maps.Equal(routes, test.routes) || !maps.Equal(row.Skipped, test.skipped) || row.Kind != provider.KindRoutes || row.Records != len(test.files) {
				t.Errorf("%s as %s: %d routes, and the report %+v", name, kind, len(routes), row)
			}
			if len(got.activities) != 1 || row.Problem != "" || got.read < got.size*9/10 {
				t.Errorf("%s as %s: %d activities, %d of %d bytes read", name, kind, len(got.activities), got.read, got.size)
			}
			checkReport(t, got)
		}
	}
}

func TestATrackThatIsTooLargeIsLeftOut(t *testing.T) {
	most := "<Trackpoint>" + strings.Repeat(" ", events.MaxRoute-len("<Trackpoint>"))
	got := readExport(t, packed(t, "folder", []sampleFile{{"7.tcx", most + "\n"}, {"8.tcx", most}, {"9.tcx", trackText(0)}}))
	var ids []string
	for _, r := range got.routes {
		ids = append(ids, r.ExternalID)
	}
	row := got.report.Files[0]
	if !slices.Equal(ids, []string{"8", "9"}) || string(got.routes[0].Raw) != most || !maps.Equal(row.Skipped, map[string]int{"too_large": 1}) {
		t.Errorf("%v, and the report %+v", ids, row)
	}
	checkReport(t, got)
}

// Of two tracks of one length the same stands in any order.
func TestTheOrderOfTracksDoesNotMatter(t *testing.T) {
	one, other := trackText(1), strings.Replace(trackText(1), "Trackpoint>\u2028", "Trackpoint>\u2029", 1)
	texts := map[string]bool{}
	for _, pair := range [][2]string{{one, other}, {other, one}} {
		got := readExport(t, zipped(t, sampleFile{"a/7.tcx", pair[0]}, sampleFile{"b/7.tcx", pair[1]}))
		if len(got.routes) != 1 {
			t.Fatalf("%d routes", len(got.routes))
		}
		texts[string(got.routes[0].Raw)] = true
	}
	if len(texts) != 1 {
		t.Errorf("two orders give %q", slices.Collect(maps.Keys(texts)))
	}
}

// A track that is damaged, or is changed between the two readings, is counted; the
// others come.
func TestATrackThatCannotBeReadBlocksNothing(t *testing.T) {
	packed, err := os.ReadFile(zipped(t, sampleFile{"exercise-0.json", pageOf(entryJSON(`"logId":7`))}, sampleFile{"7.tcx", trackText(0)}, sampleFile{"8.tcx", trackText(3)}))
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(packed), "7.tcx") + len("7.tcx")
	packed[at+12] ^= 0xff
	path := filepath.Join(t.TempDir(), "damaged.zip")
	if err := os.WriteFile(path, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	got := readExport(t, path)
	if row := got.report.Files[0]; len(got.routes) != 1 || got.routes[0].ExternalID != "8" || row.Skipped["broken"] != 1 {
		t.Errorf("%d routes, and the report %+v", len(got.routes), row)
	}
	checkReport(t, got)

	folder := t.TempDir()
	for name, text := range map[string]string{"7.tcx": trackText(0), "8.tcx": trackText(3)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	export, err := NewImporter(archive.Limits{}).Open(t.Context(), []string{folder}, provider.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer export.Close()
	if err := os.WriteFile(filepath.Join(folder, "7.tcx"), []byte(trackText(9)), 0o600); err != nil {
		t.Fatal(err)
	}
	var ids []string
	err = export.Routes(t.Context(), func(r provider.ImportedRoute) error {
		ids = append(ids, r.ExternalID)
		return nil
	})
	if row := export.Report().Files[0]; err != nil || !slices.Equal(ids, []string{"8"}) || row.Skipped["broken"] != 1 {
		t.Errorf("%v, %v, and the report %+v", ids, err, row)
	}
}

// Two hundred tracks take the memory of one.
func TestTracksTakeLittleMemory(t *testing.T) {
	const tracks, size, bound = 200, 1 << 20, 8 << 20
	path := filepath.Join(t.TempDir(), "takeout.zip")
	if err := writeTracks(path, tracks, size); err != nil {
		t.Fatal(err)
	}
	readWithin(t, path, bound, func(export provider.Export, look func()) {
		count := 0
		err := export.Routes(t.Context(), func(provider.ImportedRoute) error {
			count++
			look()
			return nil
		})
		if err != nil || count != tracks {
			t.Fatalf("%d tracks, error %v", count, err)
		}
	})
}

func writeTracks(path string, tracks, size int) error {
	out, w, err := newZip(path)
	if err != nil {
		return err
	}
	defer out.Close()
	source := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, size)
	for n := range tracks {
		file, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("Takeout/Fitbit/Activities/%d.tcx", n+1), Method: zip.Store})
		if err != nil {
			return err
		}
		if _, err := source.Read(noise); err != nil {
			return err
		}
		if _, err := file.Write(append([]byte("<Trackpoint>"), noise...)); err != nil {
			return err
		}
	}
	return w.Close()
}
