package verify

import (
	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// columns are the facts of a chunk as facts.sql takes them.
type columns struct {
	ids, users []uuid.UUID
	sequences  []int64
	ranks      []int16
	removed    []bool
	facts      []string
}

func (c *columns) add(v *row.Version) {
	c.ids, c.users = append(c.ids, v.WorkoutID), append(c.users, v.UserID)
	c.sequences, c.ranks = append(c.sequences, int64(v.Sequence)), append(c.ranks, v.OriginRank)
	c.removed, c.facts = append(c.removed, v.Removed), append(c.facts, v.FactID)
}

// found is a row of facts.sql.
type found struct {
	sequence                                    int64
	id, user                                    string
	stored, same, shows, shown, behind, differs bool
}

func (f *found) fields() []any {
	return []any{&f.sequence, &f.id, &f.user, &f.stored, &f.same, &f.shows, &f.shown, &f.behind, &f.differs}
}
