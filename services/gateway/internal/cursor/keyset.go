package cursor

import "fmt"

// Start is the place that a word of this list names, or nil for no word: the
// newest row. It fails with ErrInvalid.
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

// Keyset are the columns that a list is sorted by.
type Keyset struct{ Time, ID string }

// Tail ends a query whose conditions, one at least, take args: the rows beyond at,
// nearest first, so many as limit. It gives the arguments of the whole query.
func (k Keyset) Tail(args []any, at *Place, limit int) (string, []any) {
	sign, order := "<", "DESC"
	if at != nil && at.Backwards {
		sign, order = ">", "ASC"
	}
	var beyond string
	args = append([]any{}, args...)
	if at != nil {
		args = append(args, at.Time, at.ID)
		beyond = fmt.Sprintf(" AND (%s, %s) %s ($%d, $%d)", k.Time, k.ID, sign, len(args)-1, len(args))
	}
	args = append(args, limit)
	return fmt.Sprintf("%s ORDER BY %s %s, %s %s LIMIT $%d", beyond, k.Time, order, k.ID, order, len(args)), args
}
