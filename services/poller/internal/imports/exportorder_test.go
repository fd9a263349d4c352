package imports

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
	"github.com/stridelog/stridelog/provider/fitbit"
)

// exportFile is a file of a drawn export.
type exportFile struct{ name, text string }

const exportTime = "01/02/06 15:04:05"

// drawnExport draws the files of an export: pages, tables, tracks and a profile. Its
// records lie close together, so that more than one row fits an entry and more than
// one entry a row; a record can be there twice, in two editions.
func drawnExport(r *rapid.T) []exportFile {
	var files []exportFile
	pages, tables := make([][]string, rapid.IntRange(1, 3).Draw(r, "pages")), make([][]string, rapid.IntRange(0, 2).Draw(r, "tables"))
	for i := range rapid.IntRange(1, 6).Draw(r, "entries") {
		text := drawnEntry(r, 1000+i)
		for range rapid.IntRange(1, 2).Draw(r, "copies") {
			n := rapid.IntRange(0, len(pages)-1).Draw(r, "page")
			pages[n] = append(pages[n], text)
			text = strings.Replace(text, `"steps":`, `"calories":7,"steps":`, 1) // says more, or was edited
			if rapid.Bool().Draw(r, "edited") {
				text = strings.Replace(text, `"lastModified":"06`, `"lastModified":"07`, 1)
			}
		}
		if rapid.IntRange(0, 3).Draw(r, "track") == 0 {
			files = append(files, exportFile{fmt.Sprint(1000+i, ".tcx"), "<A><Id>2026-06-10T09:00:00.000" + rapid.SampledFrom([]string{"+09:00", "-03:00"}).Draw(r, "track's offset") + "</Id></A>"})
		}
	}
	if len(tables) > 0 {
		for i := range rapid.IntRange(0, 5).Draw(r, "rows") {
			n := rapid.IntRange(0, len(tables)-1).Draw(r, "table")
			tables[n] = append(tables[n], drawnRow(r, 77000+i))
		}
	}
	for i, page := range pages {
		files = append(files, exportFile{fmt.Sprintf("exercise-%d.json", i*100), "[" + strings.Join(page, ",\n") + "]"})
	}
	for i, table := range tables {
		header := "exercise_id,exercise_start,exercise_end,utc_offset,exercise_last_updated,activity_name,log_type,tracker_total_distance_mm,tracker_peak_heart_rate\r\n"
		files = append(files, exportFile{fmt.Sprintf("UserExercises_202%d-06-01.csv", i), header + strings.Join(table, "\r\n") + "\r\n"})
	}
	if rapid.Bool().Draw(r, "profile") {
		files = append(files, exportFile{"Profile.csv", "id,timezone,distance_unit,locale\r\nX,Australia/Sydney,en_US,en_AU\r\n"})
	}
	return files
}

func drawnStart(r *rapid.T) time.Time {
	day := rapid.IntRange(0, 1).Draw(r, "day")
	return time.Date(2026, 6, 10+day, 6, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 10).Draw(r, "twenties")) * 20 * time.Second)
}

func drawnEntry(r *rapid.T, id int) string {
	start, logType := drawnStart(r), rapid.SampledFrom([]string{"tracker", "auto_detected", "manual"}).Draw(r, "log type")
	source := ""
	if logType == "manual" {
		source = `"source":{"type":"app","name":"Fitbit for iPhone"},`
	}
	return fmt.Sprintf(`{"logId":%d,"activityName":"Run","activityTypeId":90009,"duration":%d,"elevationGain":10,"steps":%d,%s"logType":%q,"lastModified":"06/12/26 06:00:00","startTime":%q}`,
		id, rapid.IntRange(10, 14).Draw(r, "minutes")*60_000, id, source, logType, start.Format(exportTime))
}

func drawnRow(r *rapid.T, id int) string {
	start := drawnStart(r)
	end := start.Add(time.Duration(rapid.IntRange(10, 14).Draw(r, "minutes")) * time.Minute)
	return fmt.Sprintf("%d,%s,%s,%s,2026-06-12T06:00:00Z,Outdoor Run,%s,%d000,%d", id, start.Format(time.RFC3339), end.Format(time.RFC3339),
		rapid.SampledFrom([]string{"+02:00", "-05:00", ""}).Draw(r, "offset"), rapid.SampledFrom([]string{"TRACKER", "AUTO_DETECTED", "MANUAL"}).Draw(r, "log type"), id, 100+id%100)
}

// exportLog is a log of one person, which imports write as they do with a server.
type exportLog struct {
	logbook
	crash int // after so many facts; no more when negative
}

var errCrash = errors.New("crash")

func (l *exportLog) append(e events.Event) (uint64, error) {
	if l.crash--; l.crash == 0 {
		return 0, errCrash
	}
	l.add(e.Data)
	return uint64(len(l.facts)), nil
}

// bringIn imports files at once.
func (l *exportLog) bringIn(t *rapid.T, paths []string) error {
	export, err := fitbit.NewImporter(archive.Limits{}).Open(t.Context(), paths, provider.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer export.Close()
	l.runs++
	at := birth.Add(time.Duration(l.runs) * time.Second)
	one := runOf(l.knownBy(at, fitbit.Normalizers(), export), at)
	one.known.addContexts(export.Contexts())
	err = inPages(t.Context(), export, func(p page) error {
		one.known.expect(p.records)
		for i := range p.records {
			x := &p.records[i]
			o, publish := one.known.judge(x)
			if publish {
				sequence, err := l.append(one.fact(*x, one.known.activity(x.ExternalID)))
				if err != nil {
					return err
				}
				one.known.published(x, o, sequence)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := l.settle(t, one); err != nil {
		return err
	}
	for _, c := range one.known.unlogged(export.Contexts()) {
		if _, err := l.append(one.contextFact(c)); err != nil {
			return err
		}
	}
	return nil
}

// settle is that of a run, with the facts at hand instead of a server.
func (l *exportLog) settle(t *rapid.T, one *run) error {
	for _, id := range one.known.lacking() {
		a := one.known.activities[id]
		if one.known.lacks(a) == withdraw {
			sequence, err := l.append(one.removal(id, a.winner.sequence))
			if err != nil {
				return err
			}
			a.winner.sequence, a.winner.removed = sequence, true
			continue
		}
		var raw []byte
		if !a.foreign {
			raw = l.facts[a.said.sequence-1].Event.Data.(*events.ActivityFetched).Raw
		}
		x := one.known.restated(a, raw)
		sequence, err := l.append(one.fact(x, a))
		if err != nil {
			return err
		}
		one.known.published(&x, enriched, sequence)
	}
	if left := one.known.lacking(); len(left) > 0 {
		t.Fatalf("after it was settled the log lacks %v", left)
	}
	return nil
}

// workouts are what the projector makes of the log: the live activities by external
// id, with all columns. Which of them is shown is a function of these.
func (l *exportLog) workouts(t *rapid.T) map[string]string {
	all := map[string]string{}
	for _, d := range l.facts {
		switch data := d.Event.Data.(type) {
		case *events.ActivityRemoved:
			delete(all, data.ExternalID)
		case *events.ActivityFetched:
			w, err := fitbit.Normalizers()[data.Format].Normalize(provider.Record{ExternalID: data.ExternalID, Format: data.Format, Raw: data.Raw, Context: data.Context})
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(w)
			if err != nil {
				t.Fatal(err)
			}
			all[data.ExternalID] = string(text)
		}
	}
	return all
}

// drawnGroups draws in which groups files are imported, one after the other: each
// file at least once.
func drawnGroups(r *rapid.T, paths []string) [][]string {
	var groups [][]string
	for left := rapid.Permutation(paths).Draw(r, "order"); len(left) > 0; {
		n := rapid.IntRange(1, len(left)).Draw(r, "files at once")
		groups, left = append(groups, left[:n]), left[n:]
	}
	for range rapid.IntRange(0, 2).Draw(r, "again") {
		groups = append(groups, groups[rapid.IntRange(0, len(groups)-1).Draw(r, "which")])
	}
	return groups
}

// Every order and grouping of the files of an export gives the same workouts with the
// same values, also when files are imported twice and when imports are killed.
func TestFilesOfAnExportInAnyOrderAndGroupingEndTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir := t.TempDir() // another one each time
		var paths []string
		for _, f := range drawnExport(r) {
			path := filepath.Join(dir, f.name)
			if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
				r.Fatal(err)
			}
			paths = append(paths, path)
		}
		whole := &exportLog{}
		if err := whole.bringIn(r, paths); err != nil {
			r.Fatal(err)
		}
		want := whole.workouts(r)
		before := len(whole.facts)
		if err := whole.bringIn(r, paths); err != nil || len(whole.facts) != before {
			r.Fatalf("imported again, the log has %d facts more, error %v", len(whole.facts)-before, err)
		}
		apart := &exportLog{}
		for _, group := range drawnGroups(r, paths) {
			apart.crash = rapid.IntRange(0, 4).Draw(r, "crash after")
			for apart.bringIn(r, group) != nil {
				apart.crash = 0
			}
		}
		if got := apart.workouts(r); !maps.Equal(got, want) {
			r.Fatal(difference(got, want))
		}
	})
}

func difference(got, want map[string]string) string {
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if got[id] != want[id] {
			lines = append(lines, fmt.Sprintf("%s\n got %s\nwant %s", id, got[id], want[id]))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(got)) {
		if want[id] == "" {
			lines = append(lines, fmt.Sprintf("%s is too much: %s", id, got[id]))
		}
	}
	return strings.Join(lines, "\n")
}
