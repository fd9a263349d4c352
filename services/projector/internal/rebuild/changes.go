package rebuild

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// spelling is the name of the field where all values are the same and the text is not,
// as with members in another order.
const spelling = "(written otherwise)"

// Field is one field of workouts that would have another value.
type Field struct {
	// Name is that of the workout's document, "a.b" within objects; else that of the
	// table's column, such as duplicate_of and version.
	Name    string   `json:"name"`
	Count   int64    `json:"workouts"`
	Samples []Sample `json:"samples"`
}

// Sample is one workout's change of a field. A value that is not there is empty.
type Sample struct {
	WorkoutID string          `json:"workout_id"`
	Old       json.RawMessage `json:"old,omitempty"`
	New       json.RawMessage `json:"new,omitempty"`
}

// comparison compares two generations in one transaction.
type comparison struct {
	tx            pgx.Tx
	made, serving string // schemas
	folded        int64  // sequence up to which every fact is in the serving one; above it some are
	samples       int
	c             *Changes
	fields        map[string]*Field
}

func (k *comparison) run(ctx context.Context) error {
	k.fields = map[string]*Field{}
	err := k.tx.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) - count(*) FILTER (WHERE waits), count(*) FILTER (WHERE waits)
		FROM (SELECT n.version > $1 AND NOT EXISTS (SELECT FROM %[2]s.workout_versions f WHERE f.workout_id = n.id AND f.sequence = n.version) AS waits
			FROM %[1]s.workouts n FULL JOIN %[2]s.workouts o ON o.id = n.id) w`, k.made, k.serving), k.folded).Scan(&k.c.Workouts, &k.c.Pending)
	if err != nil {
		return err
	}
	rows, err := k.tx.Query(ctx, fmt.Sprintf(selectChanges, k.made, k.serving), k.folded)
	if err != nil {
		return err
	}
	var id string
	var was, is shown
	_, err = pgx.ForEachRow(rows, []any{&id, &was.row, &was.doc, &was.details, &is.row, &is.doc, &is.details}, func() error {
		return k.workout(id, was, is)
	})
	if err != nil {
		return err
	}
	k.c.Fields = make([]Field, 0, len(k.fields))
	for _, f := range k.fields {
		k.c.Fields = append(k.c.Fields, *f)
	}
	slices.SortFunc(k.c.Fields, func(a, b Field) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	v := &k.c.Versions
	err = k.tx.QueryRow(ctx, fmt.Sprintf(countVersions, k.made, k.serving), k.folded).
		Scan(&v.Otherwise, &v.Understood, &v.NotUnderstood, &v.Added, &v.Removed)
	if err != nil {
		return err
	}
	for _, table := range []string{"workout_routes", "connection_history", "unknown_facts", "unlinked_islands"} {
		if err := k.table(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

func (k *comparison) workout(id string, was, is shown) error {
	if err := k.announce(was, is); err != nil {
		return err
	}
	switch {
	case was.row == nil:
		k.c.New.add(id, k.samples)
		return nil
	case is.row == nil:
		k.c.Gone.add(id, k.samples)
		k.c.Withheld++
		return nil
	}
	before, err := was.fields()
	if err != nil {
		return err
	}
	after, err := is.fields()
	if err != nil {
		return err
	}
	k.c.Changed++
	told := false
	names := maps.Clone(before)
	maps.Copy(names, after)
	for name := range names {
		if bytes.Equal(before[name], after[name]) {
			continue
		}
		told = true
		k.field(name, Sample{WorkoutID: id, Old: before[name], New: after[name]})
	}
	if !told {
		k.field(spelling, Sample{WorkoutID: id})
	}
	return nil
}

func (k *comparison) field(name string, s Sample) {
	f := k.fields[name]
	if f == nil {
		f = &Field{Name: name, Samples: []Sample{}}
		k.fields[name] = f
	}
	f.Count++
	if len(f.Samples) < k.samples {
		f.Samples = append(f.Samples, s)
	}
}

// announce counts as Announcer does.
func (k *comparison) announce(was, is shown) error {
	if is.row == nil {
		return nil
	}
	before, err := was.announced()
	if err != nil {
		return err
	}
	after, err := is.announced()
	if err != nil {
		return err
	}
	if before.DuplicateOf != after.DuplicateOf {
		k.c.Relinked++
	}
	reads := before.Version != after.Version || !same(was.doc, is.doc) || !same(was.details, is.details)
	newer := after.Version > before.Version || after.Version == before.Version && after.Normalizer > before.Normalizer
	switch {
	case reads && newer:
		k.c.Announced++
	case reads:
		k.c.Withheld++
	}
	return nil
}

// table counts the rows of a table that one of the generations alone has. A table that
// the serving layout does not have is empty there.
func (k *comparison) table(ctx context.Context, name string) error {
	there := true
	if err := k.tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", k.serving+"."+name).Scan(&there); err != nil {
		return err
	}
	rows := func(schema string) string { return fmt.Sprintf("SELECT to_jsonb(t) AS r FROM %s.%s t", schema, name) }
	old := "SELECT NULL::jsonb WHERE false"
	if there {
		old = rows(k.serving)
	}
	made, change := rows(k.made), TableChange{Name: name}
	err := k.tx.QueryRow(ctx, fmt.Sprintf(`SELECT (SELECT count(*) FROM (%[1]s EXCEPT ALL %[2]s) a WHERE coalesce((r ->> 'sequence')::bigint, 0) <= $1),
		(SELECT count(*) FROM (%[2]s EXCEPT ALL %[1]s) b)`, made, old), k.folded).Scan(&change.Added, &change.Removed)
	if err == nil && change.Added+change.Removed > 0 {
		k.c.Tables = append(k.c.Tables, change)
	}
	return err
}

// shown is a workout as one generation shows it; row is nil where it does not.
type shown struct {
	row          []byte
	doc, details *string
}

// announcedState is what decides about announcements. The zero value is of no workout.
type announcedState struct {
	Version     uint64 `json:"version"`
	Normalizer  int    `json:"normalizer_version"`
	DuplicateOf string `json:"duplicate_of"`
}

func (s shown) announced() (x announcedState, err error) {
	if s.row == nil {
		return x, nil
	}
	return x, json.Unmarshal(s.row, &x)
}

func same(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// fields are the values by name: what the document says, and of the columns what it does
// not say. Nulls are left out.
func (s shown) fields() (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if s.row == nil {
		return all, nil
	}
	if s.doc != nil {
		if err := flatten(all, "", []byte(*s.doc)); err != nil {
			return nil, fmt.Errorf("read a workout's document: %w", err)
		}
	}
	var columns map[string]json.RawMessage
	if err := json.Unmarshal(s.row, &columns); err != nil {
		return nil, fmt.Errorf("read a workout's row: %w", err)
	}
	for name, value := range columns {
		if _, said := all[name]; !said && string(value) != "null" {
			all[name] = value
		}
	}
	if s.details != nil {
		if err := flatten(all, "details", []byte(*s.details)); err != nil {
			return nil, fmt.Errorf("read a workout's details: %w", err)
		}
	}
	return all, nil
}

// flatten notes a JSON value under a name, or the members of an object under names of
// theirs. A list is one value.
func flatten(all map[string]json.RawMessage, name string, text []byte) error {
	var members map[string]json.RawMessage
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("{")) {
		if err := json.Unmarshal(text, &members); err != nil {
			return err
		}
	}
	if len(members) == 0 {
		if name != "" && string(text) != "null" {
			all[name] = text
		}
		return nil
	}
	if name != "" {
		name += "."
	}
	for member, value := range members {
		if err := flatten(all, name+member, value); err != nil {
			return err
		}
	}
	return nil
}
