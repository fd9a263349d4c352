package command

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller"
)

func importReport(found, imported int, read, total int64) (r poller.ImportReport) {
	r.Counts.Found, r.Counts.Imported = found, imported
	r.Progress.BytesRead, r.Progress.BytesTotal, r.Progress.RecordsPerSecond = read, total, 250
	return r
}

func TestTheProgressOfAnImportReplacesItselfOnATerminalOnly(t *testing.T) {
	for terminal, want := range map[bool]string{
		true:  "\r\033[Kimporting: 500 records, 400 new, 250 records/s, 25 %, 6s left\r\033[Kimporting: 1000 records, 400 new, 250 records/s, 50 %, 2s left\n",
		false: "importing: 500 records, 400 new, 250 records/s, 25 %, 6s left\n",
	} {
		var out bytes.Buffer
		s := &importProgress{p: Process{Stderr: &out, Terminal: terminal}, began: time.Now().Add(-2 * time.Second)}
		s.show(importReport(500, 400, 1<<20, 4<<20))
		s.show(importReport(1000, 400, 2<<20, 4<<20))
		s.end()
		if out.String() != want {
			t.Errorf("terminal %v: %q, want %q", terminal, out.String(), want)
		}
	}
	if line := progressLine(importReport(0, 0, 0, 0), time.Second); !strings.HasSuffix(line, "records/s") {
		t.Errorf("nothing is known of the rest, and the line is %q", line)
	}
}

func TestTheReportOfAnImportSaysWhatBecameOfEverything(t *testing.T) {
	done := poller.Imported{ID: "7", Status: "partial", Message: "Download it again.", ImportReport: importReport(9, 3, 9, 9)}
	done.Counts.AlreadyThere, done.Counts.Enriched, done.Counts.Rejected, done.Counts.Skipped, done.Counts.Superseded = 2, 1, 1, 2, 1
	done.Counts.Restated = 4
	done.Files = []poller.ImportFile{{Name: "exercise-0.json", Found: 9, Imported: 3, Rejected: 1, Skipped: map[string]int{"companion": 1, "broken": 1}, Problem: "cut off"}}
	done.Unknown, done.Notes = []string{"poems.txt"}, []string{"profile_missing"}
	done.Files = append(done.Files, poller.ImportFile{Name: "exercise-100.json", Found: 3, Imported: 3}, poller.ImportFile{Name: "*.tcx", Kind: "tcx", Imported: 2})
	shown := func(verbose bool) string {
		var out bytes.Buffer
		writeImport(&out, importing{Import: poller.Import{DryRun: true}, verbose: verbose}, done)
		return out.String()
	}
	all, short := shown(true), shown(false)
	for _, part := range []string{
		"A dry run: would import 3 of 9 records", "2 were already there", "1 were known and are enriched", "1 were not understood",
		"2 were skipped: 1 are broken, 1 went along with the same activity of another file", "1 of earlier imports turned out", "4 of earlier imports are known better", "2 routes came",
		"exercise-0.json: 9 found, 3 imported", "1 skipped (broken), 1 skipped (companion), 1 not understood; cut off", "1 files are of no known kind",
		"profile_missing (docs/import.md", "Download it again.", "/api/v1/imports/7",
	} {
		if !strings.Contains(all, part) || !strings.Contains(short, part) {
			t.Errorf("a report lacks %q:\n%s\n%s", part, all, short)
		}
	}
	for _, part := range []string{"exercise-100.json: 3 found", "*.tcx", "poems.txt"} {
		if !strings.Contains(all, part) || strings.Contains(short, part) {
			t.Errorf("%q is not in the verbose report alone:\n%s\n%s", part, all, short)
		}
	}
	if !strings.HasPrefix(short, "A dry run") || !strings.Contains(short, "--verbose lists the files") {
		t.Errorf("the short report is\n%s", short)
	}
	// The page and its section are there, and explain every note.
	page, err := os.ReadFile("../../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	_, reports, found := strings.Cut(string(page), "\n## Reports\n")
	for _, note := range []string{provider.NotePartMissing, provider.NoteProfileMissing, provider.NoteProfilesDiffer, provider.NoteZoneUnknown, provider.NoteMoreUnknown} {
		if !found || !strings.Contains(reports, "| `"+note+"` |") {
			t.Errorf("docs/import.md does not say what %s means", note)
		}
	}
}
