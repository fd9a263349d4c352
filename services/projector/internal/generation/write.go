package generation

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	lockShared    = "SELECT pg_advisory_xact_lock_shared(hashtextextended('stridelog projector generation', 0))"
	lockExclusive = "SELECT pg_advisory_xact_lock(hashtextextended('stridelog projector generation', 0))"

	writeTries = 5
)

// Scope is what a writing transaction knows of its surroundings.
type Scope struct {
	Pointer
	erased map[[sha256.Size]byte]struct{}
}

// Erased says whether nothing may be written about a user any more. It knows
// only the users that Write was called with.
func (s Scope) Erased(userID string) bool {
	if len(s.erased) == 0 {
		return false // usually, and a hash for each fact would be dear
	}
	_, ok := s.erased[UserHash(userID)]
	return ok
}

// UserHash is how an erased user is remembered.
func UserHash(userID string) [sha256.Size]byte { return sha256.Sum256([]byte(userID)) }

// Write runs fn in a transaction under the shared lock, with the serving
// generation as its search path. Users are all that the Scope is asked about; that
// nobody else works on them meanwhile is for fn to ask, by a Turn. A deadlock or a
// serialization failure runs it again, so fn may have been called before.
func (t *Tables) Write(ctx context.Context, users []string, fn func(tx pgx.Tx, s Scope) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, t.db, func(tx pgx.Tx) error {
			s, err := enter(ctx, tx, users)
			if err != nil {
				return err
			}
			return fn(tx, s)
		})
		if err == nil || try == writeTries || !transient(err) {
			return err
		}
	}
}

// enter does in one round trip what every writing transaction begins with. Each
// statement sees what was committed before it, so the pointer is that of the time
// when the lock was taken.
func enter(ctx context.Context, tx pgx.Tx, users []string) (s Scope, err error) {
	hashes := make([][]byte, 0, len(users))
	for _, u := range distinct(users) {
		h := UserHash(u)
		hashes = append(hashes, h[:])
	}
	var b pgx.Batch
	b.Queue(lockShared)
	b.Queue("SELECT generation, layout, epoch, high_water, set_config('search_path', 'projector_g' || generation, true) FROM projector.serving").
		QueryRow(func(row pgx.Row) error {
			var high int64
			var path string
			err := row.Scan(&s.Generation, &s.Layout, &s.Epoch, &high, &path)
			s.HighWater = uint64(high)
			return err
		})
	b.Queue("SELECT user_hash FROM projector.erased_users WHERE user_hash = ANY($1)", hashes).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		s.erased = make(map[[sha256.Size]byte]struct{}, len(found))
		for _, h := range found {
			s.erased[[sha256.Size]byte(h)] = struct{}{}
		}
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return Scope{}, fmt.Errorf("read the serving generation: %w", err)
	}
	return s, nil
}

// Exclusive waits until no transaction writes and keeps others out until this
// one ends.
func Exclusive(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, lockExclusive)
	return err
}

func distinct(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// transient says whether the same transaction may pass when it runs again.
func transient(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001")
}
