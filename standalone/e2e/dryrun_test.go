package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/services/projector"
)

// The tables are as a program with another mapping of types made them. The dry run names
// that field and those workouts, beside a running system that is written to, and nothing
// is served otherwise until the real rebuild, which changes exactly these.
func TestADryRunNamesAMappingThatChanged(t *testing.T) {
	w := newStores(t)
	in, stop := w.startOnce(t)
	defer stop()
	user, busy := w.somebody(t, in.Client, "mapped"), w.somebody(t, in.Client, "busy")
	write := recorder(t, w.bus(t))
	write(user, 10, 500)
	w.folded(t, 10)
	db := openPool(t, w.databaseURL)
	for _, table := range []string{"workouts", "workout_versions"} {
		_, err := db.Exec(t.Context(), `UPDATE projector_g1.`+table+` SET type = 'jogging', doc = replace(doc, '"type":"running"', '"type":"jogging"') WHERE external_id IN ('1000003', '1000007')`)
		if err != nil {
			t.Fatal(err)
		}
	}
	types := func() (ids map[string]string) {
		t.Helper()
		rows, err := in.Client.Workouts(t.Context(), user, nil)
		if err != nil || len(rows) != 10 {
			t.Fatalf("%d workouts: %v", len(rows), err)
		}
		ids = map[string]string{}
		for _, row := range rows {
			var r struct{ ID, Type string }
			if err := json.Unmarshal(row, &r); err != nil {
				t.Fatal(err)
			}
			ids[r.ID] = r.Type
		}
		return ids
	}
	was := types()
	finish := writing(t, write, busy)
	said := onStores(t, w.databaseURL, w.natsURL, "", 0, "A rebuild would change 2 workouts, show 0 more, and no longer show 0.", "rebuild", "--dry-run")
	text := onStores(t, w.databaseURL, w.natsURL, "", 0, `"last_sequence"`, "rebuild", "--dry-run", "--json")
	finish()
	t.Log(said)
	var c projector.Changes
	if err := json.NewDecoder(strings.NewReader(text[strings.Index(text, "{"):])).Decode(&c); err != nil {
		t.Fatal(err)
	}
	if len(c.Fields) != 1 || c.Fields[0].Name != "type" || c.Fields[0].Count != 2 || c.Withheld != 2 {
		t.Fatalf("it names %+v", c)
	}
	named := map[string]string{}
	for _, s := range c.Fields[0].Samples {
		if string(s.Old) != `"jogging"` {
			t.Errorf("the old value is %s", s.Old)
		}
		named[s.WorkoutID] = string(s.New)
	}
	for id, before := range types() {
		if before != was[id] {
			t.Errorf("after the dry run %s is %s and was %s", id, before, was[id])
		}
	}
	onStores(t, w.databaseURL, w.natsURL, "", 0, "Rebuilt ", "rebuild")
	for id, after := range types() {
		if changed := was[id] != after; changed != (named[id] != "") || changed && named[id] != `"`+after+`"` {
			t.Errorf("%s was %s and is %s; the dry run said %q", id, was[id], after, named[id])
		}
	}
	if _, err := in.Client.Workouts(t.Context(), busy, nil); err != nil {
		t.Error(err)
	}
	onStores(t, w.databaseURL, w.natsURL, "", 0, "A rebuild would change nothing.", "rebuild", "--dry-run")
}
