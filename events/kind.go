package events

import (
	"fmt"
	"slices"
	"strings"
)

// Shape says how the records of a kind are named and which of several about the same
// thing counts.
type Shape string

// The shapes.
const (
	// ShapeItem is a thing with an id of its own: a workout, a night, a weighing. Every
	// version counts by (origin rank, sequence).
	ShapeItem Shape = "item"
	// ShapeDay is what one resource says about one civil date; see DayID.
	ShapeDay Shape = "day"
	// ShapeChunk is an hour or a day of a series of samples; see ChunkID.
	ShapeChunk Shape = "chunk"
	// ShapeAttachment is a file that belongs to another record; see AttachmentID.
	ShapeAttachment Shape = "attachment"
)

// The kinds whose records travel under names that are older than records.
const (
	kindActivity = "activity"
	kindRoute    = "route"
)

// Kind is one kind of data.
type Kind struct {
	Name  string // activity, route; also a token of subjects: lower_snake_case
	Shape Shape
	// New makes the value that is derived from records; nil where nothing is derived.
	New func() any
	// Derived are the types of the events that say how that value changed.
	Derived []Type
}

// KindTable is the kinds that a program knows. It is closed: what is of another kind is
// kept as it came and is read by a program that knows it.
type KindTable struct{ kinds []Kind }

// Kinds are the kinds of this program.
func Kinds() KindTable {
	return KindTable{}.With(
		Kind{
			Name: kindActivity, Shape: ShapeItem, New: func() any { return &Workout{} },
			Derived: []Type{TypeWorkoutRecorded, TypeWorkoutUpdated, TypeWorkoutRemoved, TypeWorkoutLinked},
		},
		Kind{Name: kindRoute, Shape: ShapeAttachment},
	)
}

// With is the table with more kinds. It panics on a kind that no table can hold: one
// whose name is taken or is no token, or that has no shape. Such a fault is the
// program's and shows when it starts.
func (t KindTable) With(more ...Kind) KindTable {
	all := slices.Clone(t.kinds)
	for _, k := range more {
		if err := k.check(); err != nil {
			panic(fmt.Sprintf("table of kinds: %v", err))
		}
		if slices.ContainsFunc(all, func(other Kind) bool { return other.Name == k.Name }) {
			panic(fmt.Sprintf("table of kinds: kind %q is there twice", k.Name))
		}
		all = append(all, k)
	}
	return KindTable{kinds: all}
}

// Find returns the kind of a name.
func (t KindTable) Find(name string) (Kind, bool) {
	for _, k := range t.kinds {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// All are the kinds of the table, in its order.
func (t KindTable) All() []Kind { return slices.Clone(t.kinds) }

// Names are the names of the kinds, in the table's order.
func (t KindTable) Names() []string {
	names := make([]string, len(t.kinds))
	for i, k := range t.kinds {
		names[i] = k.Name
	}
	return names
}

// check says what is wrong with a kind, wherever it came from.
func (k Kind) check() error {
	if !isKindName(k.Name) {
		return fmt.Errorf("kind %q is not named in lower_snake_case", k.Name)
	}
	switch k.Shape {
	case ShapeItem, ShapeDay, ShapeChunk, ShapeAttachment:
	default:
		return fmt.Errorf("kind %s has the shape %q, which there is not", k.Name, k.Shape)
	}
	for _, t := range k.Derived {
		entity, _, ok := t.tokens()
		if !ok {
			return fmt.Errorf("kind %s: %w", k.Name, notAType(t))
		}
		if isOwnEntity(entity) {
			return fmt.Errorf("kind %s: events about %s are no derived data, so %s is none", k.Name, entity, t)
		}
	}
	return nil
}

// isKindName says whether a name can be that of a kind: a token of subjects, a header's
// value and the first part of an attachment's id.
func isKindName(name string) bool {
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	}) < 0
}
