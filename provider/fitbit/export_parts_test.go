package fitbit

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/provider"
)

// set is what an export gives, whatever the order and the files it came in.
func set(got imported) map[string]string {
	all := map[string]string{}
	for _, a := range got.activities {
		a.File, a.Read = "", 0
		text, _ := json.Marshal([]any{a, string(a.Raw)})
		all[a.ExternalID] += string(text) // twice would show
	}
	for _, r := range got.routes {
		all["route "+r.ExternalID] += string(r.Raw)
	}
	return all
}

func TestTheSameRecordsFromEveryKindOfArchive(t *testing.T) {
	for _, era := range eras() {
		folder := filepath.Join("testdata", "exports", era)
		want := set(readExport(t, folder))
		for _, kind := range []string{"zip", "tgz", "folder"} {
			for top, files := range tops(filesOf(t, folder)) {
				got := readExport(t, packed(t, kind, files))
				if !maps.Equal(set(got), want) {
					t.Errorf("%s as %s %s: got %v, want %v", era, kind, top, slices.Sorted(maps.Keys(set(got))), slices.Sorted(maps.Keys(want)))
				}
				if got.read > got.size || got.read < got.size*9/10 {
					t.Errorf("%s as %s %s: %d of %d bytes are read at the end", era, kind, top, got.read, got.size)
				}
			}
		}
	}
}

// tops are the ways people hand over the same files.
func tops(files []sampleFile) map[string][]sampleFile {
	all := map[string][]sampleFile{"as it came": files}
	for i, f := range files {
		_, inside, _ := strings.Cut(f.name, "/")
		all["without the top"] = append(all["without the top"], sampleFile{inside, f.text})
		all["in another folder"] = append(all["in another folder"], sampleFile{"Mijn gegevens (2)/" + f.name, f.text})
		all["without folders"] = append(all["without folders"], sampleFile{fmt.Sprintf("%d/%s", i, filepath.Base(f.name)), f.text})
	}
	return all
}

// However an export is split, and if parts of it come twice, it gives the same
// set of records.
func TestAnySplitGivesTheSameRecords(t *testing.T) {
	want, files := map[string]map[string]string{}, map[string][]sampleFile{}
	for _, era := range eras() {
		folder := filepath.Join("testdata", "exports", era)
		want[era], files[era] = set(readExport(t, folder)), filesOf(t, folder)
	}
	rapid.Check(t, func(r *rapid.T) {
		era := rapid.SampledFrom(eras()).Draw(r, "era")
		parts := make([][]sampleFile, rapid.IntRange(1, 3).Draw(r, "parts"))
		into := rapid.IntRange(0, len(parts)-1)
		for i, f := range rapid.Permutation(files[era]).Draw(r, "order") {
			part := into.Draw(r, "part")
			parts[part] = append(parts[part], f)
			if rapid.IntRange(0, 3).Draw(r, "again") == 0 {
				f.name = fmt.Sprintf("copy %d/%s", i, f.name)
				part = into.Draw(r, "part of the copy")
				parts[part] = append(parts[part], f)
			}
		}
		var paths []string
		for _, p := range parts {
			if len(p) > 0 {
				paths = append(paths, packed(t, rapid.SampledFrom([]string{"zip", "tgz"}).Draw(r, "kind"), p))
			}
		}
		got := readExport(t, paths...)
		if !maps.Equal(set(got), want[era]) {
			r.Fatalf("%s: got %v, want %v", era, slices.Sorted(maps.Keys(set(got))), slices.Sorted(maps.Keys(want[era])))
		}
		checkReport(r, got)
	})
}

// checkReport holds a report against what was handed over.
func checkReport(t interface{ Fatalf(string, ...any) }, got imported) {
	handed := map[string]int{}
	for _, a := range got.activities {
		handed[a.File]++
	}
	for _, r := range got.routes {
		handed[r.File]++
	}
	reported := map[string]int{}
	for _, f := range got.report.Files {
		reported[f.Name] += f.Records
		for _, n := range f.Skipped {
			reported[f.Name] -= n
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(handed)), slices.Collect(maps.Keys(reported))) {
		if handed[name] != reported[name] {
			t.Fatalf("%s gave %d records, the report says %d", name, handed[name], reported[name])
		}
	}
}

// Of two versions of an entry the newer counts, wherever it lies.
func TestTheNewerVersionOfAnEntryCounts(t *testing.T) {
	older := entryJSON(`"logId":7,"calories":1,"lastModified":"10/04/20 12:00:00"`)
	newer := entryJSON(`"logId":7,"calories":2,"lastModified":"10/05/20 12:00:00"`)
	undated := entryJSON(`"logId":7,"calories":3`)
	for name, pages := range map[string][2]string{
		"older first":     {pageOf(older, undated), pageOf(newer)},
		"newer first":     {pageOf(newer), pageOf(older, undated)},
		"on one page":     {pageOf(older, newer, newer, undated), pageOf()},
		"on the one page": {pageOf(), pageOf(undated, newer, older)},
	} {
		got := readExport(t, packed(t, "zip", []sampleFile{{"a/exercise-0.json", pages[0]}, {"b/exercise-0.json", pages[1]}}))
		if len(got.activities) != 1 || string(got.activities[0].Raw) != newer {
			t.Errorf("%s: got %d, the first is %s", name, len(got.activities), got.activities[0].Raw)
		}
		checkReport(t, got)
	}
}

// A companion that only a later export has makes another version of the record.
func TestACompanionChangesTheHash(t *testing.T) {
	page := sampleFile{"exercise-0.json", pageOf(entryJSON(`"logId":7`))}
	alone := readExport(t, packed(t, "zip", []sampleFile{page})).activities
	again := readExport(t, packed(t, "tgz", []sampleFile{page})).activities
	both := readExport(t, packed(t, "zip", []sampleFile{page, {"UserExercises_2020-01-01.csv", rowsCSV("1,2020-10-04 10:00:00+0000,2020-10-04 10:30:00+0000,+02:00")}})).activities
	if len(alone) != 1 || len(both) != 1 || both[0].Context.Companion == "" {
		t.Fatalf("got %+v and %+v", alone, both)
	}
	if alone[0].ContentHash != again[0].ContentHash || alone[0].ContentHash == both[0].ContentHash || alone[0].HashVersion != HashVersion {
		t.Errorf("hashes: %s, %s, with the companion %s", alone[0].ContentHash, again[0].ContentHash, both[0].ContentHash)
	}
	hasher, err := provider.NewHasher(Volatile())
	if err != nil {
		t.Fatal(err)
	}
	if hash := hasher.Import(both[0].Raw, both[0].Context); hash != both[0].ContentHash {
		t.Errorf("the hash of the record is %s", hash)
	}
}

// entryJSON is an entry of 2020-10-04 10:00 to 10:30 with more members.
func entryJSON(members string) string {
	return `{` + members + `,"startTime":"10/04/20 10:00:00","duration":1800000}`
}

func pageOf(entries ...string) string { return "[" + strings.Join(entries, " ,\n ") + "]" }

func rowsCSV(rows ...string) string {
	return "exercise_id,exercise_start,exercise_end,utc_offset\n" + strings.Join(rows, "\n") + "\n"
}

// The pages of all parts come in the order of their numbers, as numbers.
func TestPagesComeByNumber(t *testing.T) {
	page := func(n int) sampleFile {
		return sampleFile{fmt.Sprintf("exercise-%d.json", n), pageOf(entryJSON(fmt.Sprintf(`"logId":%d`, n+1)))}
	}
	got := readExport(t, zipped(t, page(1000), page(0)), zipped(t, page(200), page(900)))
	var order []string
	for _, a := range got.activities {
		order = append(order, a.ExternalID)
	}
	if fmt.Sprint(order) != "[1 201 901 1001]" {
		t.Errorf("the order is %v", order)
	}
}
