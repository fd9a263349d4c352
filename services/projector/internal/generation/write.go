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

	// Locks are taken in one order, so two batches cannot wait for each other.
	lockOwners = `SELECT pg_advisory_xact_lock($1, lock)
		FROM (SELECT DISTINCT abs(hashtext(u) % $2) AS lock FROM unnest($3::text[]) u ORDER BY lock) locks`

	// userLocks is how many locks all users share. Few, so that batches of a
	// thousand users do not fill the server's lock table, which has 6,400 places by
	// default; and enough, so that batches of a few users seldom meet.
	userLocks     = 256
	userLockClass = 0x53545049 // any number; the same in every process

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
	_, ok := s.erased[UserHash(userID)]
	return ok
}

// UserHash is how an erased user is remembered.
func UserHash(userID string) [sha256.Size]byte { return sha256.Sum256([]byte(userID)) }

// Write runs fn in a transaction under the shared lock, with the serving
// generation as its search path. Users are all that the Scope is asked about;
// owners are those of whom nobody else may change or announce anything meanwhile.
// A deadlock or a serialization failure runs it again, so fn may have been called
// before.
func (t *Tables) Write(ctx context.Context, users, owners []string, fn func(tx pgx.Tx, s Scope) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, t.db, func(tx pgx.Tx) error {
			s, err := enter(ctx, tx, users, owners)
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
func enter(ctx context.Context, tx pgx.Tx, users, owners []string) (s Scope, err error) {
	hashes := make([][]byte, 0, len(users))
	for _, u := range distinct(users) {
		h := UserHash(u)
		hashes = append(hashes, h[:])
	}
	var b pgx.Batch
	b.Queue(lockShared)
	b.Queue("SELECT generation, epoch, high_water, set_config('search_path', 'projector_g' || generation, true) FROM projector.pointer").
		QueryRow(func(row pgx.Row) error {
			var high int64
			var path string
			err := row.Scan(&s.Generation, &s.Epoch, &high, &path)
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
	if len(owners) > 0 {
		b.Queue(lockOwners, userLockClass, userLocks, distinct(owners))
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return Scope{}, fmt.Errorf("read the serving generation and wait for the users of a batch: %w", err)
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
