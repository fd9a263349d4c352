package cursor

import "fmt"

// Start is the place that a word of this list names, or nil for no word: the
// first row. It fails with ErrInvalid.
func (f Filter) Start(word string) (*Place, error) {
	if word == "" {
		return nil, nil
	}
	p, err := f.Decode(word)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// Keyset are the columns that a list is sorted by. Ascending lists begin with the
// oldest row, others with the newest.
type Keyset struct {
	Time, ID  string
	Ascending bool
}

// Tail ends a query whose conditions, one at least, take args: the rows beyond at,
// nearest first, so many as limit. It gives the arguments of the whole query; the last
// one is the limit.
func (k Keyset) Tail(args []any, at *Place, limit int) (string, []any) {
	sign := map[bool]string{true: ">", false: "<"}[k.rising(at)]
	var beyond string
	args = append([]any{}, args...)
	if at != nil {
		args = append(args, at.Time, at.ID)
		beyond = fmt.Sprintf(" AND (%s, %s) %s ($%d, $%d)", k.Time, k.ID, sign, len(args)-1, len(args))
	}
	args = append(args, limit)
	return fmt.Sprintf("%s%s LIMIT $%d", beyond, k.Order(at), len(args)), args
}

// Order is the order in which the rows beyond at are read, nearest first.
func (k Keyset) Order(at *Place) string {
	order := map[bool]string{true: "ASC", false: "DESC"}[k.rising(at)]
	return fmt.Sprintf(" ORDER BY %s %s, %s %s", k.Time, order, k.ID, order)
}

// rising says whether the rows beyond at are read from older to newer ones.
func (k Keyset) rising(at *Place) bool {
	return k.Ascending != (at != nil && at.Backwards)
}
