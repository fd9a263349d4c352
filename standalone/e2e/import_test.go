package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

func TestAnImportIsServedAsPollingServesIt(t *testing.T) {
	w := newImportWorld(t, importDays)
	c := w.start(t).Client
	for i, era := range export.Eras() {
		packing := []string{"tgz", "zip", "parts", "zip"}[i]
		person := w.people[i]
		t.Run(string(era)+" as "+packing, func(t *testing.T) {
			a := w.archive(t, person, export.Options{Era: era, Repacked: i%2 == 0})
			byPolling, byImport := newUser(t, c, person.Name()+" polled"), newUser(t, c, person.Name()+" imported")
			w.polling(t, c, byPolling, person)
			done := bringIn(t, c, byImport, a, packing)
			if done.Counts.Imported != len(a.Records()) || len(done.Unknown) == 0 {
				t.Errorf("%+v of %d records, unknown files %v", done.Counts, len(a.Records()), done.Unknown)
			}
			polled := rows(t, c, byPolling, len(w.cloud.Truth(person.AccountID())))
			imported := rows(t, c, byImport, len(a.Records()))
			for _, r := range a.Records() {
				compareServed(t, r, imported[r.ExternalID], polled[r.LogID])
			}
			servesRaw(t, c, a, imported)
			if tracks := servesTracks(t, c, a, done, imported); (tracks > 0) != (era == export.EraC || era == export.EraD) {
				t.Errorf("the archive has %d tracks", tracks)
			}
			fetched, removed := w.facts(t, byImport)
			if len(fetched) != len(a.Records()) || len(removed) != 0 {
				t.Errorf("%d records have facts, %d removals, of %d", len(fetched), len(removed), len(a.Records()))
			}
			if connections, err := c.Connections(deadline(t), byImport.ID); err != nil || len(connections) != 0 {
				t.Errorf("the import made connections: %v %v", connections, err)
			}
		})
	}
}

func compareServed(t *testing.T, r export.Record, imported, polled []byte) {
	t.Helper()
	if imported == nil {
		t.Errorf("%s is not served", r.ExternalID)
		return
	}
	if untold, err := r.Untold(imported); err != nil || len(untold) > 0 {
		t.Errorf("%s: %v %s", r.ExternalID, err, untold)
	}
	if r.LogID == "" {
		return // polling does not know it
	}
	if c, err := r.Compare(imported, polled); err != nil || len(c.Differences) > 0 {
		t.Errorf("%s: %v %s", r.ExternalID, err, c.Differences)
	}
}

// servesRaw holds what /raw gives against the archive's own bytes.
func servesRaw(t *testing.T, c *client.Client, a *export.Archive, served map[string][]byte) {
	t.Helper()
	kinds := map[bool]int{}
	for _, r := range a.Records() {
		if kinds[r.InPages]++; kinds[r.InPages] > 3 {
			continue
		}
		want, err := a.Raw(r)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		if err := c.Call(deadline(t), "GET", "/workouts/"+workoutID(t, served[r.ExternalID])+"/raw", nil, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("raw of %s: the archive has\n%s\nand /raw gives\n%s", r.ExternalID, want, got)
		}
	}
}

func TestImportsAndPollingGiveOneRowInAnyOrder(t *testing.T) {
	w := newImportWorld(t, importDays)
	c := w.start(t).Client
	person := w.people[0]
	a := w.archive(t, person, export.Options{})
	alone := slices.DeleteFunc(a.Records(), func(r export.Record) bool { return r.LogID != "" })
	if len(alone) < 5 {
		t.Fatalf("only %d records are in rows alone", len(alone))
	}
	t.Run("twice", func(t *testing.T) {
		user := newUser(t, c, "twice")
		first, second := bringIn(t, c, user, a, "zip"), bringIn(t, c, user, a, "tgz")
		if first.Counts.Imported != len(a.Records()) || second.Counts.Imported+second.Counts.Enriched != 0 || second.Counts.AlreadyThere != first.Counts.Imported {
			t.Errorf("first %+v, second %+v", first.Counts, second.Counts)
		}
		w.oneRowEach(t, c, user, a, 1)
	})
	t.Run("after polling", func(t *testing.T) {
		user := newUser(t, c, "import after polling")
		w.polling(t, c, user, person)
		if i := bringIn(t, c, user, a, "zip"); i.Counts.Imported != len(alone) || i.Counts.Enriched != 0 {
			t.Errorf("%+v, want %d imported", i.Counts, len(alone))
		}
		w.apiWins(t, c, user, person, w.oneRowEach(t, c, user, a, 1))
	})
	t.Run("before polling", func(t *testing.T) {
		user := newUser(t, c, "polling after import")
		bringIn(t, c, user, a, "parts")
		rows(t, c, user, len(a.Records()))
		w.polling(t, c, user, person)
		w.awaitAPI(t, c, user, person)
		w.apiWins(t, c, user, person, w.oneRowEach(t, c, user, a, 2))
	})
	t.Run("rows alone before polling", func(t *testing.T) {
		user := newUser(t, c, "rows before polling")
		recent := w.archive(t, person, export.Options{CSVOnlySince: w.now.AddDate(0, 0, -60)})
		bringIn(t, c, user, recent, "zip")
		rows(t, c, user, len(recent.Records()))
		w.polling(t, c, user, person)
		w.awaitAPI(t, c, user, person)
		w.apiWins(t, c, user, person, rows(t, c, user, len(a.Records())))
		if _, removed := w.facts(t, user); len(removed) < 30 {
			t.Errorf("only %d rows have given way to the API's records", len(removed))
		}
	})
}

// oneRowEach wants one row for each record of an archive, and on at most so
// many facts of one.
func (w *importWorld) oneRowEach(t *testing.T, c *client.Client, user client.User, a *export.Archive, most int) map[string][]byte {
	t.Helper()
	served := rows(t, c, user, len(a.Records()))
	fetched, removed := w.facts(t, user)
	for _, r := range a.Records() {
		if n := fetched[r.ExternalID]; served[r.ExternalID] == nil || n < 1 || n > most {
			t.Errorf("%s: served %t, %d facts", r.ExternalID, served[r.ExternalID] != nil, n)
		}
	}
	if len(fetched) != len(a.Records()) || len(removed) != 0 {
		t.Errorf("%d records have facts, want %d; %d are removed", len(fetched), len(a.Records()), len(removed))
	}
	return served
}

// apiWins checks that every workout of the cloud is served as the API tells it.
func (w *importWorld) apiWins(t *testing.T, c *client.Client, user client.User, person *simulator.Person, served map[string][]byte) {
	t.Helper()
	for _, truth := range w.cloud.Truth(person.AccountID()) {
		if d := differences(served[truth.ExternalID], user.ID, truth); len(d) > 0 {
			t.Errorf("%s: %v", truth.ExternalID, d)
		}
	}
}

// awaitAPI waits until all workouts of the cloud are served as the API tells them.
func (w *importWorld) awaitAPI(t *testing.T, c *client.Client, user client.User, person *simulator.Person) {
	t.Helper()
	ctx, truths := deadline(t), w.cloud.Truth(person.AccountID())
	for {
		list, err := c.Workouts(ctx, user.ID, everyRecord())
		if err != nil {
			t.Fatal(err)
		}
		served := byExternalID(t, list)
		behind := slices.IndexFunc(truths, func(h simulator.Truth) bool {
			return len(differences(served[h.ExternalID], user.ID, h)) > 0
		})
		if behind < 0 {
			return
		}
		wait(t, ctx, "%s is served as the archive tells it: %v", truths[behind].ExternalID, differences(served[truths[behind].ExternalID], user.ID, truths[behind]))
	}
}

// TestOverlappingArchivesEndTheSameInBothOrders also has an edit between the two.
func TestOverlappingArchivesEndTheSameInBothOrders(t *testing.T) {
	w := newImportWorld(t, importDays)
	c := w.start(t).Client
	person := w.people[1]
	old := w.archive(t, person, export.Options{Era: export.EraB, At: w.now.AddDate(0, 0, -60)})
	edited := old.Records()[7].ExternalID
	if err := w.cloud.Edit(person.AccountID(), edited, func(h *simulator.Truth) {
		h.Duration += 5 * time.Minute
		h.ActiveDuration += 5 * time.Minute
	}); err != nil {
		t.Fatal(err)
	}
	newer := w.archive(t, person, export.Options{Era: export.EraD})
	forth, back := newUser(t, c, "B then D"), newUser(t, c, "D then B")
	bringIn(t, c, forth, old, "zip")
	enriched := bringIn(t, c, forth, newer, "zip")
	bringIn(t, c, back, newer, "zip")
	known := bringIn(t, c, back, old, "tgz")
	if enriched.Counts.Enriched < len(old.Records())/2 || enriched.Counts.Imported != len(newer.Records())-len(old.Records()) {
		t.Errorf("the newer archive after the older: %+v; they have %d and %d records", enriched.Counts, len(newer.Records()), len(old.Records()))
	}
	if known.Counts.AlreadyThere != len(old.Records()) {
		t.Errorf("the older archive after the newer: %+v of %d records", known.Counts, len(old.Records()))
	}
	w.sameRows(t, c, forth, back, newer)
}

// sameRows waits until two users are served the same, but for what tells them
// apart, and holds it to what the archive tells.
func (w *importWorld) sameRows(t *testing.T, c *client.Client, one, other client.User, a *export.Archive) {
	t.Helper()
	ctx := deadline(t)
	var first, second map[string]string
	for first == nil || !maps.Equal(first, second) {
		first, second = anonymous(t, rows(t, c, one, len(a.Records()))), anonymous(t, rows(t, c, other, len(a.Records())))
		if ctx.Err() != nil {
			break
		}
		if !maps.Equal(first, second) {
			if pauseFor(ctx, 20*time.Millisecond) != nil {
				break
			}
		}
	}
	for id, row := range first {
		if second[id] != row {
			t.Errorf("%s\n  is %s\n and %s", id, row, second[id])
		}
	}
	for _, r := range a.Records() {
		if untold, err := r.Untold([]byte(first[r.ExternalID])); err != nil || len(untold) > 0 {
			t.Errorf("%s: %v %s", r.ExternalID, err, untold)
		}
	}
}

// anonymous are rows without ids, versions and the times at which they came in.
func anonymous(t *testing.T, rows map[string][]byte) map[string]string {
	t.Helper()
	all := map[string]string{}
	for id, row := range rows {
		var members map[string]any
		if err := json.Unmarshal(row, &members); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"id", "user_id", "version", "created_at", "updated_at"} {
			delete(members, name)
		}
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		all[id] = string(text)
	}
	return all
}

// A dry run and private texts: nothing is brought in, and nothing of the person's
// profile is repeated anywhere.
func TestADryRunBringsNothingInAndPrivateTextsStayOut(t *testing.T) {
	w := newImportWorld(t, importDays)
	c := w.start(t).Client
	a := w.archive(t, w.people[0], export.Options{Era: export.EraC})
	user := newUser(t, c, "careful")
	begun, err := c.Import(deadline(t), user.ID, "fitbit-export", true, uploads(t, a, "zip")...)
	if err != nil {
		t.Fatal(err)
	}
	dry, err := c.AwaitImport(deadline(t), begun.ID)
	if err != nil || dry.Status != "success" || !dry.DryRun || dry.Counts.Imported != len(a.Records()) {
		t.Errorf("the dry run ended %s with %+v: %v", dry.Status, dry.Counts, err)
	}
	if fetched, _ := w.facts(t, user); len(fetched) != 0 {
		t.Errorf("the dry run left %d facts", len(fetched))
	}
	done := bringIn(t, c, user, a, "zip")
	rows(t, c, user, len(a.Records()))
	report, err := json.Marshal(done)
	if err != nil {
		t.Fatal(err)
	}
	var everything strings.Builder
	everything.Write(report)
	w.everyMessage(deadline(t), t, &everything)
	for _, row := range w.dump(t) {
		everything.WriteString(row)
	}
	if !strings.Contains(everything.String(), a.Records()[0].ExternalID) {
		t.Fatal("the search does not even find a record")
	}
	for _, private := range append(a.Private(), "RunaBeispiel", "HIDDEN-SERIAL") {
		if strings.Contains(everything.String(), private) {
			t.Errorf("%q has left the archive", private)
		}
	}
}
