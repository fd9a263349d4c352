package poller

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/poller/internal/imports"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

func TestAnArchiveIsImportedOnce(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	user, entries := newPerson().user, w.history(2300, time.Hour)
	entries[7].Problem = "has no start"
	got, err := w.command(c).Import(t.Context(), Import{UserID: user, Kind: exportKind, Paths: []string{archive(t, entries)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (imports.Counts{Found: 2300, Imported: 2299, Rejected: 1}); got.Counts != want || got.Status != "partial" || got.Code != "records_rejected" {
		t.Errorf("the report is %+v, %s %s", got.Counts, got.Status, got.Code)
	}
	if r := got.Range; r == nil || !r.From.Equal(entries[2299].Start) || !r.To.Equal(entries[0].Start) {
		t.Errorf("the range is %+v", r)
	}
	if len(got.Files) != 1 || got.Files[0].Found != 2300 || got.Files[0].Kind != "exercise" || len(got.Unknown) != 1 {
		t.Errorf("the files are %+v, unknown %v", got.Files, got.Unknown)
	}
	again, err := w.command(c).Import(t.Context(), Import{UserID: user, Kind: exportKind, Paths: []string{archive(t, entries)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (imports.Counts{Found: 2300, AlreadyThere: 2299, Rejected: 1}); again.Counts != want {
		t.Errorf("again the report is %+v", again.Counts)
	}
	w.exactly(2300)
	for _, f := range w.facts() {
		if f.Origin != events.OriginImport || f.ConnectionID != "" || f.SyncID != "" || f.Provider != cloudName || f.ReplacesSequence != 0 {
			t.Fatalf("a fact is %+v", f)
		}
	}
}

func TestADryRunCountsAndPublishesNothing(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	user := newPerson().user
	got, err := w.command(c).Import(t.Context(), Import{UserID: user, Kind: exportKind, Paths: []string{archive(t, w.history(30, day))}, DryRun: true}, nil)
	if err != nil || got.Counts.Imported != 30 || got.Status != "success" {
		t.Errorf("%+v, %v", got, err)
	}
	w.exactly(0)
	if again := w.bringIn(c, user, w.history(30, day)); again.Counts.Imported != 30 {
		t.Errorf("after it the import counts %+v", again.Counts)
	}
}

func TestAnImportAfterPollingBringsWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	w.cloud.fill(25, w.clock.now(), day)
	entries := w.history(40, day)
	w.start(c, work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	got := w.bringIn(c, p.user, entries)
	if want := (imports.Counts{Found: 40, Imported: 15, AlreadyThere: 25}); got.Counts != want {
		t.Errorf("the report is %+v", got.Counts)
	}
	counts := map[events.Origin]int{}
	for _, origin := range w.live(p.user) {
		counts[origin]++
	}
	if counts[events.OriginAPI] != 25 || counts[events.OriginImport] != 15 {
		t.Errorf("live are %v", counts)
	}
	// The poller goes on after the import, and misses nothing of what it never saw.
	again := w.ended(w.request(p, events.TriggerManual, w.clock.now().Add(-60*day), w.clock.now()))
	if again.Status != events.SyncSuccess || again.Counts.Unchanged != 25 || again.Counts.New+again.Counts.Changed+again.Counts.Removed != 0 {
		t.Errorf("polled again: %+v", again)
	}
	w.noSuspects()
}

func (w *world) noSuspects() {
	w.t.Helper()
	var n int
	if err := w.db.QueryRow(w.t.Context(), "SELECT count(*) FROM poller.suspects").Scan(&n); err != nil || n != 0 {
		w.t.Errorf("%d records are suspects, %v", n, err)
	}
}

func TestPollingAfterAnImportEnriches(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	w.cloud.fill(25, w.clock.now(), day)
	p, entries := newPerson(), w.history(40, day)
	w.bringIn(c, p.user, entries)
	before := w.winners(p.user)
	w.start(c, work.Hooks{})
	got := w.ended(w.activate(p))
	if got.Status != events.SyncSuccess || got.Counts.Changed != 25 || got.Counts.New != 0 {
		t.Errorf("the sync is %+v", got)
	}
	for _, f := range w.facts() {
		if f.Origin == events.OriginAPI && f.ReplacesSequence != before[f.ExternalID].sequence {
			t.Errorf("%s replaces %d and not the import's %d", f.ExternalID, f.ReplacesSequence, before[f.ExternalID].sequence)
		}
	}
	if after := w.winners(p.user); len(after) != 40 || after["r0"].origin != events.OriginAPI || after["r39"].origin != events.OriginImport {
		t.Errorf("the winners are %v", after)
	}
	w.noSuspects()
	if again := w.bringIn(c, p.user, entries); again.Counts.AlreadyThere != 40 {
		t.Errorf("imported again: %+v", again.Counts)
	}
}

func TestWhatTheAPIRemovedStaysRemoved(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	p := newPerson()
	w.publish(events.Event{UserID: p.user, Data: &events.ActivityRemoved{
		UserID: p.user, Provider: cloudName, ExternalID: "r1", Origin: events.OriginAPI, Proof: events.RemovedNotFound, RemovedAt: w.clock.now(),
	}})
	got := w.bringIn(c, p.user, w.history(3, day))
	if got.Counts.Imported != 2 || got.Counts.AlreadyThere != 1 {
		t.Errorf("the report is %+v", got.Counts)
	}
	if live := w.live(p.user); len(live) != 2 || live["r1"] != "" {
		t.Errorf("live are %v", live)
	}
}

func TestOverlappingArchivesInBothOrdersEndTheSame(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	old, young := w.history(30, day)[10:], w.history(20, day)
	young[12].Version, young[12].Edited = "B", w.clock.now()
	young[13].Companion = "header\r\nrow"
	old[5].Version = "C" // differs, and neither says which is later
	one, other := newPerson().user, newPerson().user
	w.bringIn(c, one, old)
	if got := w.bringIn(c, one, young); got.Counts.Imported != 10 || got.Counts.Enriched < 2 || got.Counts.Found != 20 {
		t.Errorf("the younger archive brings %+v", got.Counts)
	}
	w.bringIn(c, other, young)
	if got := w.bringIn(c, other, old); got.Counts.Imported != 10 || got.Counts.Enriched > 1 {
		t.Errorf("the older archive brings %+v", got.Counts)
	}
	a, b := w.winners(one), w.winners(other)
	if len(a) != 30 {
		t.Errorf("%d activities are there", len(a))
	}
	for id := range a {
		if a[id].hash != b[id].hash {
			t.Errorf("%s ends in two ways", id)
		}
	}
}

func TestARowOfAFileIsTheProvidersRecordInAnyOrder(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	w.cloud.fill(1, w.clock.now(), day)
	record := w.history(1, day)
	row := []entry{{ID: "row-77", Version: "A", Start: record[0].Start.Add(90 * time.Second), Minutes: 32, Foreign: true}}
	apart := entry{ID: "row-78", Version: "A", Start: record[0].Start.Add(90 * time.Second), Minutes: 50, Foreign: true}
	want := map[string]events.Origin{"r0": events.OriginImport, "row-78": events.OriginImport}

	first := newPerson().user
	w.bringIn(c, first, append(record, apart))
	if got := w.bringIn(c, first, row); got.Counts.AlreadyThere != 1 {
		t.Errorf("the row after the record: %+v", got.Counts)
	}
	if live := w.live(first); !maps.Equal(live, want) {
		t.Errorf("live are %v", live)
	}

	second := newPerson().user
	w.bringIn(c, second, row)
	if got := w.bringIn(c, second, append(record, apart)); got.Counts.Imported != 2 || got.Counts.Superseded != 1 {
		t.Errorf("the record after the row: %+v", got.Counts)
	}
	if live := w.live(second); !maps.Equal(live, want) {
		t.Errorf("live are %v", live)
	}
	for range 2 {
		if got := w.bringIn(c, second, row); got.Counts.AlreadyThere != 1 || got.Counts.Superseded != 0 {
			t.Errorf("the row again: %+v", got.Counts)
		}
	}

	// The API's record takes the row's place as it comes; one that lasts longer stays.
	third := newPerson()
	w.bringIn(c, third.user, append(row, apart))
	w.start(c, work.Hooks{})
	if got := w.ended(w.activate(third)); got.Counts.New != 1 || got.Counts.Removed != 0 {
		t.Errorf("the sync is %+v", got)
	}
	want["r0"] = events.OriginAPI
	if live := w.live(third.user); !maps.Equal(live, want) {
		t.Errorf("after the API's record live are %v", live)
	}
	if got := w.bringIn(c, third.user, row); got.Counts.AlreadyThere != 1 || got.Counts.Superseded != 0 {
		t.Errorf("the row after the API: %+v", got.Counts)
	}
	if live := w.live(third.user); !maps.Equal(live, want) {
		t.Errorf("live are %v", live)
	}
}

// An activity is one with one row of a file, the nearest: another stays an activity of
// its own, whether the export has them together or apart.
func TestAnActivityIsOneWithOneRow(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	own := w.history(1, day)
	far := entry{ID: "row-1", Start: own[0].Start.Add(time.Minute), Minutes: 30, Foreign: true}
	near := entry{ID: "row-2", Start: own[0].Start.Add(-time.Second), Minutes: 31, Foreign: true}
	together, apart, back := newPerson().user, newPerson().user, newPerson().user
	for _, want := range []imports.Counts{{Found: 3, Imported: 2, AlreadyThere: 1}, {Found: 3, AlreadyThere: 3}} {
		if got := w.bringIn(c, together, append(own, far, near)); got.Counts != want {
			t.Errorf("the report is %+v, want %+v", got.Counts, want)
		}
	}
	for _, archives := range [][]entry{{far}, own, {near}} {
		w.bringIn(c, apart, archives)
	}
	w.bringIn(c, back, []entry{far, near})
	if got := w.bringIn(c, back, own); got.Counts.Superseded != 1 {
		t.Errorf("the report is %+v", got.Counts)
	}
	for _, user := range []string{together, apart, back} {
		if live := w.live(user); len(live) != 2 || live["row-1"] == "" || live["row-2"] != "" {
			t.Errorf("live are %v", live)
		}
	}
}

// Whoever writes first makes the other compare again: here an import comes between
// a poller's reading and its writing, then a poller between two pages of an import.
func TestAnImportAndAPollerShareAPerson(t *testing.T) {
	w := newWorld(t)
	c, x := w.importing()
	w.cloud.fill(25, w.clock.now(), day)
	g := w.gate()
	w.start(c, work.Hooks{})
	p := newPerson()
	id := w.activate(p)
	w.wait("the poller asks the provider", g.reached)
	if got := w.bringIn(c, p.user, w.history(20, day)); got.Counts.Imported != 20 {
		t.Errorf("the import counts %+v", got.Counts)
	}
	g.let()
	if got := w.ended(id); got.Status != events.SyncSuccess || got.Counts.New+got.Counts.Changed != 25 {
		t.Errorf("the sync is %+v", got)
	}
	if live := w.live(p.user); len(live) != 25 || live["r3"] != events.OriginAPI {
		t.Errorf("live are %v", live)
	}

	w.settled()
	entries := w.history(2500, time.Minute)
	for i := range entries {
		entries[i].ID = "late-" + entries[i].ID
	}
	x.mu.Lock()
	x.reach = func(n int) {
		if n != 1500 { // the first page of 1,000 is on its way
			return
		}
		w.cloud.change(func(c *cloud) {
			c.records = append(c.records, record{id: "late-r1100", version: "API", start: w.clock.now().Add(-2 * time.Hour)})
		})
		w.ended(w.request(p, events.TriggerManual, w.clock.now().Add(-day), w.clock.now()))
	}
	x.mu.Unlock()
	got := w.bringIn(c, p.user, entries)
	if want := (imports.Counts{Found: 2500, Imported: 2499, AlreadyThere: 1}); got.Counts != want {
		t.Errorf("the import counts %+v", got.Counts)
	}
	if live := w.live(p.user); len(live) != 2525 || live["late-r1100"] != events.OriginAPI {
		t.Errorf("%d are live, late-r1100 of %s", len(live), live["late-r1100"])
	}
	w.once(p.user)
}

// once looks that no version of a user's activities is in the log twice.
func (w *world) once(user string) {
	w.t.Helper()
	seen := map[string]bool{}
	_, err := w.bus.Read(w.t.Context(), events.StreamFacts, []string{events.ActivitySubjects(cloudName, user)}, 1, func(d bus.Delivery) error {
		if f, ok := d.Event.Data.(*events.ActivityFetched); ok {
			key := f.ExternalID + string(f.Origin) + f.ContentHash
			if seen[key] {
				w.t.Errorf("%s is there twice", key)
			}
			seen[key] = true
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// A record that the log does not take is left out and counted; the rest is there.
func TestARecordTooLargeForTheLogIsSkipped(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	user, entries := newPerson().user, w.history(3, day)
	entries[1].Version = strings.Repeat("x", int(w.bus.Conn().MaxPayload()))
	got, err := w.command(c).Import(t.Context(), Import{UserID: user, Kind: exportKind, Paths: []string{archive(t, entries)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (imports.Counts{Found: 3, Imported: 2, Skipped: 1}); got.Counts != want || got.Files[0].Skipped["too_large"] != 1 || got.Code != "files_unreadable" {
		t.Errorf("the report is %+v, %+v, %s", got.Counts, got.Files, got.Code)
	}
	w.exactly(2)
}
