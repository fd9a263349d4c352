package generation

import "github.com/jackc/pgx/v5"

// Turn is what only one transaction at a time does to a person's workouts. The two
// are apart, so that a batch is folded while the one before is announced.
type Turn int32

// The turns. Their numbers are the same in every process, and of no other meaning.
const (
	Folding    Turn = 0x53545049
	Announcing Turn = 0x5354504A
)

// userLocks is how many locks of a turn all users share. Few, so that batches of a
// thousand users do not fill the server's lock table, which has 6,400 places by
// default; and enough, so that batches of a few users seldom meet.
const userLocks = 256

// Locks are taken in one order, so two batches cannot wait for each other.
const lockUsers = `SELECT pg_advisory_xact_lock($1, lock)
	FROM (SELECT DISTINCT abs(hashtext(u) % $2) AS lock FROM unnest($3::text[]) u ORDER BY lock) locks`

// Queue lets what is queued after it wait until it is the transaction's turn with all
// these users; it has them until it ends. Statements see what those before it have
// committed.
func (t Turn) Queue(b *pgx.Batch, users []string) {
	b.Queue(lockUsers, t, userLocks, distinct(users))
}
