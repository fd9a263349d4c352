package fold

import (
	"context"
	"fmt"

	"github.com/stridelog/stridelog/platform/bus"
)

// Retry folds one fact again that was given up, and announces it. Where in the
// log it lies decides what wins, not when it is folded, so a late fact changes
// nothing that a later one has settled. What cannot be folded now is an error and
// no second dead letter.
func (f *Facts) Retry(ctx context.Context, d bus.Delivery) error {
	rows := f.Reader.ReadAll([]bus.Delivery{d})
	for _, r := range rows.Rejected {
		return r.Reason
	}
	err := f.write(ctx, rows)
	if isDataError(err) {
		return refusal(err)
	}
	if err != nil {
		return fmt.Errorf("the tables cannot be written now: %w", err)
	}
	f.count(1, rows)
	return f.announce(ctx, rows)
}
