package rotation

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/services/oauth/internal/seal"
)

// batch is how many rows are sealed anew between two words to the database.
const batch = 500

// ErrOtherKey says that the rows of the database are sealed with keys that are not at hand.
var ErrOtherKey = errors.New("no row of the database is sealed with this sealing key: check STRIDELOG_SEALING_KEY and DATABASE_URL")

// sealed is a column that holds sealed bytes.
type sealed struct {
	table, column string
	id            string // the row's, in SQL, as a text
	label         func(id string) (string, error)
}

// columns are all that the service seals.
func columns() []sealed {
	same := func(id string) (string, error) { return id, nil }
	return []sealed{
		{"oauth.connections", "tokens", "id::text", same},
		{"oauth.earlier_tokens", "token", "id::text", func(id string) (string, error) { return seal.EarlierLabel(id), nil }},
		{"oauth.states", "verifier", "encode(hash, 'hex')", func(id string) (string, error) {
			hash, err := hex.DecodeString(id)
			return seal.StateLabel(hash), err
		}},
	}
}

// Resealed says what became of the rows.
type Resealed struct {
	Rows       int // sealed anew
	Unreadable int // sealed with a key that is not at hand, or damaged; they stay as they are
}

// Reseal seals every row anew that the newest key has not sealed. It may be stopped and
// begun again at any time: what a row holds is opened by the keyset before and after.
func (r *Rotation) Reseal(ctx context.Context) (done Resealed, err error) {
	if err := r.checkUse(ctx); err != nil {
		return done, err
	}
	if err := r.checkOurs(ctx); err != nil {
		return done, err
	}
	for _, c := range columns() {
		if err := r.resealColumn(ctx, c, &done); err != nil {
			return done, fmt.Errorf("seal the rows of %s anew: %w; what is done stays done, repeat the step", c.table, err)
		}
	}
	left, err := r.left(ctx)
	if err == nil && left > 0 {
		err = fmt.Errorf("%d rows were sealed with an older key meanwhile: repeat the step", left)
	}
	return done, err
}

type sealedRow struct {
	id     string
	sealed []byte
}

func (r *Rotation) resealColumn(ctx context.Context, c sealed, done *Resealed) error {
	rows, err := r.others(ctx, c)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(rows, batch) {
		var b pgx.Batch
		for _, row := range some {
			label, err := c.label(row.id)
			if err != nil {
				return err
			}
			anew, err := r.sealer.Reseal(row.sealed, label)
			if errors.Is(err, seal.ErrUnreadable) {
				done.Unreadable++
				continue
			}
			if err != nil {
				return err
			}
			// A row that was written meanwhile has what its writer sealed.
			b.Queue(fmt.Sprintf("UPDATE %[1]s SET %[2]s = $3 WHERE %[3]s = $1 AND %[2]s = $2", c.table, c.column, c.id), row.id, row.sealed, anew)
			done.Rows++
		}
		if err := r.DB.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		if r.AfterBatch != nil {
			if err := r.AfterBatch(); err != nil {
				return err
			}
		}
	}
	return nil
}

// others are the rows that the newest key has not sealed.
func (r *Rotation) others(ctx context.Context, c sealed) ([]sealedRow, error) {
	there, err := r.exists(ctx, c)
	if err != nil || !there {
		return nil, err
	}
	rows, err := r.DB.Query(ctx, fmt.Sprintf("SELECT %[3]s, %[2]s FROM %[1]s WHERE %[2]s IS NOT NULL AND substring(%[2]s FROM 1 FOR 5) <> $1 ORDER BY 1",
		c.table, c.column, c.id), r.keys.Newest().Prefix())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s sealedRow, err error) {
		return s, row.Scan(&s.id, &s.sealed)
	})
}

// exists says whether the service has made the table yet.
func (r *Rotation) exists(ctx context.Context, c sealed) (there bool, err error) {
	err = r.DB.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", c.table).Scan(&there)
	return there, err
}

// left counts the rows that need an older key of the keyset.
func (r *Rotation) left(ctx context.Context) (n int, err error) {
	for _, c := range columns() {
		rows, err := r.others(ctx, c)
		if err != nil {
			return 0, fmt.Errorf("look which key the rows of %s are sealed with: %w", c.table, err)
		}
		for _, row := range rows {
			label, err := c.label(row.id)
			if err != nil {
				return 0, err
			}
			if _, err := r.sealer.OpenText(row.sealed, label); err == nil {
				n++
			}
		}
	}
	return n, nil
}

// checkOurs refuses a keyset that has sealed no row, where there are rows.
func (r *Rotation) checkOurs(ctx context.Context) error {
	ours, others := 0, 0
	for _, c := range columns() {
		there, err := r.exists(ctx, c)
		if err == nil && there {
			var prefixes [][]byte
			for _, id := range r.keys.Keys() {
				prefixes = append(prefixes, id.Prefix())
			}
			var mine, other int
			err = r.DB.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FILTER (WHERE substring(%[2]s FROM 1 FOR 5) = ANY($1)),
				count(*) FILTER (WHERE substring(%[2]s FROM 1 FOR 5) <> ALL($1)) FROM %[1]s WHERE %[2]s IS NOT NULL`, c.table, c.column), prefixes).Scan(&mine, &other)
			ours, others = ours+mine, others+other
		}
		if err != nil {
			return fmt.Errorf("look which key the rows of %s are sealed with: %w", c.table, err)
		}
	}
	if ours == 0 && others > 0 {
		return fmt.Errorf("%w (%d rows)", ErrOtherKey, others)
	}
	return nil
}
