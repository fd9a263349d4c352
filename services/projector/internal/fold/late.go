package fold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

const (
	// lateEvery is how often a program looks for facts that an older one has kept.
	lateEvery = 2 * time.Second
	// lateAtOnce is how many of them are folded in one transaction.
	lateAtOnce = 200
)

// Late folds, from the log, the facts that a program kept because it did not know
// their type or format, as soon as a program runs that does. What this one knows the
// type of but does not fold stays, with its kind and format. A rebuild of a program that
// knows them leaves nothing to do.
type Late struct{ Facts *Facts }

// Run folds until ctx ends. What fails is tried again.
func (l Late) Run(ctx context.Context, ready func()) error {
	ready()
	tick := time.NewTicker(lateEvery)
	defer tick.Stop()
	for {
		if err := l.once(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, generation.ErrLayout) {
			l.Facts.Log.WarnContext(ctx, "cannot fold what an older program kept; trying again", "pause", lateEvery, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// once folds all that this program knows.
func (l Late) once(ctx context.Context) error {
	for {
		sequences, kept, err := Kept(ctx, l.Facts.Tables, l.Facts.Reader, lateAtOnce)
		if err != nil {
			return err
		}
		l.Facts.Metrics.unknown.Set(float64(kept))
		if len(sequences) == 0 {
			return nil
		}
		if err := l.fold(ctx, sequences); err != nil {
			return err
		}
		l.Facts.Log.InfoContext(ctx, "read facts again that an older program had kept", "facts", len(sequences), "first", sequences[0])
	}
}

func (l Late) fold(ctx context.Context, sequences []int64) error {
	var deliveries []bus.Delivery
	for _, s := range sequences {
		d, err := l.Facts.Bus.Get(ctx, events.StreamFacts, uint64(s))
		if errors.Is(err, bus.ErrNoMessage) {
			continue // erased
		}
		if err != nil {
			return err
		}
		deliveries = append(deliveries, d)
	}
	rows := l.Facts.Reader.ReadAll(deliveries)
	rows.Late = true
	err := l.Facts.write(ctx, rows)
	if isDataError(err) && len(sequences) > 1 {
		middle := len(sequences) / 2
		return errors.Join(l.fold(ctx, sequences[:middle]), l.fold(ctx, sequences[middle:]))
	}
	if isDataError(err) {
		rows = row.Rows{Rejected: []row.Rejected{{Delivery: deliveries[0], Reason: refusal(err)}}, Late: true}
		err = l.Facts.write(ctx, rows)
	}
	if err != nil {
		return err
	}
	l.Facts.count(len(deliveries), rows)
	if l.Facts.AfterCommit != nil {
		if err := l.Facts.AfterCommit(); err != nil {
			return err
		}
	}
	if err := l.Facts.announce(ctx, rows); err != nil {
		return err
	}
	sequences = slices.DeleteFunc(slices.Clone(sequences), func(s int64) bool {
		return slices.ContainsFunc(rows.Unknown, func(u *row.Unknown) bool { return int64(u.Sequence) == s })
	})
	// Last: until here a crash has all of it repeated.
	return l.Facts.Tables.Write(ctx, nil, func(tx pgx.Tx, s generation.Scope) error {
		if err := l.Facts.Tables.CheckLayout(s.Pointer); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM unknown_facts WHERE sequence = ANY($1)", sequences)
		return err
	})
}

// Kept are the first facts, by sequence, that a program kept and this one knows, and
// how many are kept in all. It fails with generation.ErrLayout where another layout
// serves.
func Kept(ctx context.Context, t *generation.Tables, reader *row.Reader, limit int) (sequences []int64, all int, err error) {
	err = pgx.BeginFunc(ctx, t.DB(), func(tx pgx.Tx) error {
		p, err := generation.Read(ctx, tx)
		if err != nil {
			return err
		}
		if err := t.CheckLayout(p); err != nil {
			return err
		}
		if err := generation.UsePath(ctx, tx, p.Generation); err != nil {
			return err
		}
		types, formats, n, err := known(ctx, tx, reader)
		if all = n; err != nil || len(types) == 0 {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT sequence FROM unknown_facts WHERE (type, format) IN (SELECT * FROM unnest($1::text[], $2::text[]))
			ORDER BY sequence LIMIT $3`, types, formats, limit)
		if err != nil {
			return err
		}
		sequences, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("look for facts that an older program kept: %w", err)
	}
	return sequences, all, nil
}

// known are the types and formats among the kept facts that a reader knows.
func known(ctx context.Context, tx pgx.Tx, reader *row.Reader) (types, formats []string, all int, err error) {
	rows, err := tx.Query(ctx, "SELECT type, format, count(*) FROM unknown_facts GROUP BY type, format")
	if err != nil {
		return nil, nil, 0, err
	}
	var t, f string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&t, &f, &n}, func() error {
		if all += n; reader.Knows(t, f) {
			types, formats = append(types, t), append(formats, f)
		}
		return nil
	})
	return types, formats, all, err
}
