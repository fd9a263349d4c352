package generation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Layout is the number of the tables' shape that this program makes and folds into.
// Whoever changes tables.sql, indexes.sql or views.sql raises it, once a release; a
// program with a higher one rebuilds. Generations from before layouts have 0.
const Layout = 1

// ErrLayout says that the serving generation has another layout than this program
// folds into. What is to be folded waits in the log.
var ErrLayout = errors.New("the serving tables have another layout than this program's")

// layoutEvery is how often a program looks whether it can fold.
const layoutEvery = 500 * time.Millisecond

// CheckLayout says, by ErrLayout, whether this program may not fold into a generation.
func (t *Tables) CheckLayout(p Pointer) error {
	switch {
	case p.Layout < t.Layout:
		return fmt.Errorf("%w: they have layout %d and are rebuilt for layout %d", ErrLayout, p.Layout, t.Layout)
	case p.Layout > t.Layout:
		return fmt.Errorf("%w: they have layout %d and it knows layout %d; start the newer program again", ErrLayout, p.Layout, t.Layout)
	default:
		return nil
	}
}

// Serving is the pointer as it is now.
func (t *Tables) Serving(ctx context.Context) (p Pointer, err error) {
	err = pgx.BeginFunc(ctx, t.db, func(tx pgx.Tx) error {
		p, err = Read(ctx, tx)
		return err
	})
	if err != nil {
		return Pointer{}, fmt.Errorf("read the serving generation: %w", err)
	}
	return p, nil
}

// AwaitLayout waits until the serving generation is one that this program folds into,
// or until ctx ends. A database that does not answer is asked again.
func (t *Tables) AwaitLayout(ctx context.Context) error {
	tick := time.NewTicker(layoutEvery)
	defer tick.Stop()
	for {
		if p, err := t.Serving(ctx); err == nil && t.CheckLayout(p) == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
