package rebuild_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/rebuild"
)

func (w *world) dry(t *testing.T, n provider.Normalizer) rebuild.Changes {
	t.Helper()
	r := &rebuild.Rebuild{Log: bustest.Logger(t), Bus: w.bus, Tables: w.tables, Reader: reader(n)}
	c, err := r.Dry(t.Context(), 1000, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// served is what other services read of every workout, by id: columns, and the members of
// the document.
func (w *world) served(t *testing.T) map[string]map[string]string {
	t.Helper()
	rows, err := w.db.Query(t.Context(), `SELECT id::text, to_jsonb(w) - 'doc' - 'details' - 'id' - 'user_id' || coalesce(doc::jsonb, '{}') || jsonb_build_object('details', details::jsonb)
		FROM projector.view_workouts_v1 w`)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	var id string
	var members map[string]json.RawMessage
	_, err = pgx.ForEachRow(rows, []any{&id, &members}, func() error {
		all[id] = map[string]string{}
		for name, value := range members {
			if string(value) != "null" {
				all[id][name] = string(value)
			}
		}
		members = nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// became are the fields that two looks at the workouts have otherwise, with their ids.
func became(was, is map[string]map[string]string) (fields map[string][]string, added, gone []string) {
	fields = map[string][]string{}
	for id, before := range was {
		after, there := is[id]
		if !there {
			gone = append(gone, id)
			continue
		}
		names := maps.Clone(before)
		maps.Copy(names, after)
		for name := range names {
			if before[name] != after[name] {
				fields[name] = append(fields[name], fmt.Sprintf("%s %s → %s", id, before[name], after[name]))
			}
		}
	}
	for id := range is {
		if _, there := was[id]; !there {
			added = append(added, id)
		}
	}
	for _, list := range fields {
		slices.Sort(list)
	}
	slices.Sort(added)
	slices.Sort(gone)
	return fields, added, gone
}

// check compares a dry run with what the rebuild after it made.
func check(t *testing.T, c rebuild.Changes, was, is map[string]map[string]string) {
	t.Helper()
	fields, added, gone := became(was, is)
	said := map[string][]string{}
	for _, f := range c.Fields {
		if f.Name == "normalizer_version" || f.Name == "source_rank" { // no other service reads them
			continue
		}
		for _, s := range f.Samples {
			said[f.Name] = append(said[f.Name], fmt.Sprintf("%s %s → %s", s.WorkoutID, s.Old, s.New))
		}
		if int64(len(f.Samples)) != f.Count {
			t.Errorf("%s has %d samples of %d", f.Name, len(f.Samples), f.Count)
		}
	}
	if !maps.EqualFunc(said, fields, slices.Equal) {
		t.Errorf("said  %v\nbecame %v", said, fields)
	}
	if !slices.Equal(c.New.IDs, added) || !slices.Equal(c.Gone.IDs, gone) {
		t.Errorf("said %v more and %v gone, became %v and %v", c.New, c.Gone, added, gone)
	}
}

// state is everything that a dry run must leave as it is.
func (w *world) state(t *testing.T) string {
	t.Helper()
	var text string
	err := w.db.QueryRow(t.Context(), `SELECT (SELECT jsonb_agg(to_jsonb(s)) FROM projector.serving s)::text || (SELECT count(*) FROM projector.announcing)
		|| (SELECT jsonb_agg(to_jsonb(v) ORDER BY sequence, workout_id) FROM projector.view_workout_versions_v1 v)::text
		|| (SELECT jsonb_agg(nspname ORDER BY nspname) FROM pg_namespace WHERE nspname LIKE 'projector%')::text`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(text, w.served(t), projectortest.End(t, w.bus, events.StreamFacts), projectortest.End(t, w.bus, events.StreamChanges))
}

// A normalizer that reads otherwise: the dry run names what the rebuild then changes, to
// the last workout, and itself changes nothing.
func TestADryRunNamesWhatARebuildThenChanges(t *testing.T) {
	for name, n := range map[string]projectortest.Normalizer{
		"another category, and more understood": later(),
		"the same version reads otherwise":      {Number: 1, Category: "endurance"},
		"nothing":                               {Number: 1},
		"another version that reads the same":   {Number: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.live(t, facts()...)
			before, was := w.state(t), w.served(t)
			c := w.dry(t, n)
			if w.state(t) != before {
				t.Error("the dry run changed something")
			}
			if n := w.generations(t); n != 1 {
				t.Errorf("%d generations are left", n)
			}
			if (n.Number == 1 && n.Category == "") != c.None() || c.Workouts == 0 || c.Pending != 0 {
				t.Errorf("it says %+v", c)
			}
			report := w.rebuild(t, n)
			check(t, c, was, w.served(t))
			if c.Announced != report.Announced || c.Withheld != report.Withheld || c.Relinked != report.Relinked || c.LastSequence != report.LastSequence {
				t.Errorf("said %d announced, %d withheld, %d relinked; became %+v", c.Announced, c.Withheld, c.Relinked, report.Differences)
			}
			if again := w.dry(t, n); !again.None() {
				t.Errorf("after the rebuild it says %+v", again)
			}
		})
	}
	w := newWorld(t)
	w.live(t, facts()...)
	w.rebuild(t, later())
	was := w.served(t)
	less := projectortest.Normalizer{Number: 3, Category: "endurance"}
	c := w.dry(t, less)
	if c.Gone.Count != 1 || c.Versions.NotUnderstood != 2 {
		t.Errorf("less understood: %+v", c)
	}
	w.rebuild(t, less)
	check(t, c, was, w.served(t))
}

// Details are named by member, numbers as they are written, and links by the workouts.
func TestADryRunNamesDetailsAndLinks(t *testing.T) {
	w := newWorld(t)
	steps := int64(600)
	w.live(t,
		projectortest.Fact{User: anna, External: "rich", Record: projectortest.Record{Minutes: 30, Steps: &steps, Extra: []byte(`{"a":{"b":1.0},"c":[1]}`)}},
		projectortest.Fact{User: anna, External: "poor", Record: projectortest.Record{Minutes: 30}},
	)
	_, err := w.db.Exec(t.Context(), `UPDATE projector_g1.workout_versions SET details = '{"a":{"b":1.00},"c":[1]}' WHERE details IS NOT NULL`)
	if err == nil {
		_, err = w.db.Exec(t.Context(), "UPDATE projector_g1.workouts SET duplicate_of = NULL, routed = true")
	}
	if err != nil {
		t.Fatal(err)
	}
	c := w.dry(t, projectortest.Normalizer{Number: 1})
	said := map[string]string{}
	for _, f := range c.Fields {
		said[f.Name] = fmt.Sprint(f.Count, " ", string(f.Samples[0].Old), " ", f.Samples[0].New != nil)
	}
	if want := map[string]string{"details.a.b": "1 1.00 true", "duplicate_of": "1  true", "routed": "2 true true"}; !maps.Equal(said, want) {
		t.Errorf("it says %v, want %v", said, want)
	}
	if c.Relinked != 1 || c.Withheld != 1 || c.Announced != 0 || c.Versions.Otherwise != 1 {
		t.Errorf("it says %+v", c)
	}
}

// What is not folded yet is no difference, and samples are as few as asked for.
func TestADryRunLeavesOutWhatIsNotFolded(t *testing.T) {
	w := newWorld(t)
	w.live(t, many()...)
	projectortest.Publish(t, w.bus, projectortest.Fact{User: anna, External: "waits"}, projectortest.Fact{User: anna, External: "0", Replaces: 1, Record: projectortest.Record{Minutes: 5}})
	if c := w.dry(t, projectortest.Normalizer{Number: 1}); !c.None() || c.Pending != 2 || c.Workouts != 699 {
		t.Errorf("it says %+v", c)
	}
	r := &rebuild.Rebuild{Log: bustest.Logger(t), Bus: w.bus, Tables: w.tables, Reader: reader(later())}
	c, err := r.Dry(t.Context(), 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Fields {
		if f.Count != 699 || len(f.Samples) != 3 {
			t.Errorf("%s: %d workouts, %d samples", f.Name, f.Count, len(f.Samples))
		}
	}
	if c.Changed != 699 {
		t.Errorf("it says %+v", c)
	}
}
