// Package verify compares the activity index with the log, in both directions, and
// the records of the log with their own hashes, with memory that does not grow with
// either but for a bit a fact.
//
// The index must know each activity by a version that the log has and that no fact
// wins against. What a target's index has not come to yet is no difference: it
// catches up before it is used.
package verify

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bitmap"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

//go:embed facts.sql
var selectFacts string

// Difference is what the index has otherwise than the log.
type Difference struct {
	Sequence   uint64 // of the fact, or that the index names
	UserID     string
	ExternalID string
	What       string
	// Damaged says that the fact itself is not as it was written. A rebuild does
	// not repair that, only a backup of the log does.
	Damaged bool
}

// Verification is one comparison: Begin, Check for all of the log in order, Finish.
type Verification struct {
	DB         *pgxpool.Pool
	Bus        *bus.Bus
	Connectors provider.Connectors // of every provider whose records are to be hashed
	// Report takes each difference as it is found.
	Report func(Difference)

	epoch   string
	target  uint64
	matched bitmap.Set // sequences of the facts that the index names
	hashers map[string]*provider.Hasher
	// Hashed counts the records that were hashed again.
	Hashed int
}

// sourceOf is where the records of a provider come from.
func sourceOf(c *provider.Connector) *provider.Source {
	const activities = "activity"
	source, ok := c.Source(activities)
	if !ok {
		return &provider.Source{}
	}
	return source
}

// Begin looks for targets whose index was made from another log. target is the
// sequence up to which facts will be checked.
func (v *Verification) Begin(ctx context.Context, target uint64) error {
	v.target, v.hashers = target, map[string]*provider.Hasher{}
	for name, c := range v.Connectors {
		h, err := provider.NewHasher(sourceOf(c).Volatile)
		if err != nil {
			return fmt.Errorf("hash records of %s: %w", name, err)
		}
		v.hashers[name] = h
	}
	var err error
	if v.epoch, err = v.Bus.Epoch(ctx, events.StreamFacts); err != nil {
		return err
	}
	return v.each(ctx, `SELECT index_sequence, user_id::text, '' FROM poller.targets t WHERE stream_epoch NOT IN ('', $1)`, v.epoch, func(d Difference) error {
		d.What = "the index was made from another log"
		v.Report(d)
		return nil
	})
}

// Check compares facts up to the target with the index.
func (v *Verification) Check(ctx context.Context, deliveries []bus.Delivery) error {
	facts := make([]fact, 0, len(deliveries))
	for _, d := range deliveries {
		v.checkRoute(d)
		if f, ok := read(d); ok {
			f.hash = v.hash(f)
			facts = append(facts, f)
		}
	}
	users, providers, ids, sequences := columns(facts)
	rows, err := v.DB.Query(ctx, selectFacts, users, providers, ids, sequences, v.epoch)
	if err != nil {
		return fmt.Errorf("compare the index with the log: %w", err)
	}
	var at int
	var k known
	_, err = pgx.ForEachRow(rows, []any{&at, &k.sequence, &k.origin, &k.removed, &k.hash, &k.hashVersion}, func() error {
		v.judge(facts[at], k)
		return nil
	})
	if err != nil {
		return fmt.Errorf("compare the index with the log: %w", err)
	}
	return nil
}

// known is what the index knows; all are nil when it knows nothing.
type known struct {
	sequence     *int64
	origin, hash *string
	removed      *bool
	hashVersion  *int
}

func (v *Verification) judge(f fact, k known) {
	d := Difference{Sequence: f.sequence, UserID: f.user.String(), ExternalID: f.externalID}
	if k.sequence == nil {
		d.What = "the index does not know the activity"
		v.Report(d)
		return
	}
	rank, sequence := events.Origin(*k.origin).Rank(), uint64(*k.sequence)
	switch {
	case sequence != f.sequence:
		if rank < f.origin.Rank() || rank == f.origin.Rank() && sequence < f.sequence {
			d.What = fmt.Sprintf("the index knows version %d, which this one wins against", sequence)
		}
	case *k.origin != string(f.origin) || *k.removed != f.removed:
		d.What = "the index has another origin or removal than the fact"
	case *k.hash != f.stored && (*k.hashVersion == f.hashVersion || *k.hash != f.hash):
		d.What = "the index has another hash than the fact"
	}
	if sequence == f.sequence {
		v.matched.Add(f.sequence)
	}
	if d.What != "" {
		v.Report(d)
	}
}

// hash is that of a record as the present connector makes it. A record that does
// not have the hash which its fact says is a difference; empty is what cannot be
// hashed.
func (v *Verification) hash(f fact) string {
	c, h := v.Connectors[f.provider], v.hashers[f.provider]
	if c == nil || f.removed {
		return ""
	}
	hash := h.Content(f.raw)
	if f.origin == events.OriginImport {
		hash = h.Import(f.raw, f.context)
	}
	if sourceOf(c).HashVersion != f.hashVersion {
		return hash
	}
	v.Hashed++
	if hash != f.stored {
		v.Report(Difference{
			Sequence: f.sequence, UserID: f.user.String(), ExternalID: f.externalID, Damaged: true,
			What: "the record in the log does not have the hash that its fact says",
		})
	}
	return hash
}

// Finish looks for rows that no fact stands behind.
func (v *Verification) Finish(ctx context.Context) error {
	return v.each(ctx, `SELECT i.sequence, t.user_id::text, i.external_id FROM poller.activity_index i JOIN poller.targets t USING (user_id, provider)
		WHERE t.stream_epoch = $1`, v.epoch, func(d Difference) error {
		if d.Sequence > v.target || v.matched.Take(d.Sequence) {
			return nil
		}
		// The index may have come to the fact after that was checked.
		same, err := v.isOf(ctx, d)
		if err != nil || same {
			return err
		}
		d.What = "the index knows a version that the log does not have"
		v.Report(d)
		return nil
	})
}

func (v *Verification) isOf(ctx context.Context, d Difference) (bool, error) {
	delivery, err := v.Bus.Get(ctx, events.StreamFacts, d.Sequence)
	if errors.Is(err, bus.ErrNoMessage) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f, ok := read(delivery)
	return ok && f.user.String() == d.UserID && f.externalID == d.ExternalID, nil
}

const notErased = " AND NOT EXISTS (SELECT FROM poller.erased_users e WHERE e.user_hash = sha256(convert_to(t.user_id::text, 'UTF8')))"

// each gives yield the rows of a query, which holds a condition, of persons who
// were not erased.
func (v *Verification) each(ctx context.Context, sql, epoch string, yield func(Difference) error) error {
	rows, err := v.DB.Query(ctx, sql+notErased, epoch)
	if err != nil {
		return fmt.Errorf("compare the index with the log: %w", err)
	}
	var sequence int64
	var d Difference
	_, err = pgx.ForEachRow(rows, []any{&sequence, &d.UserID, &d.ExternalID}, func() error {
		d.Sequence = uint64(sequence)
		return yield(d)
	})
	if err != nil {
		return fmt.Errorf("compare the index with the log: %w", err)
	}
	return nil
}

// Erased are those of some persons of whom nothing may be expected any more.
func Erased(ctx context.Context, db *pgxpool.Pool, users []uuid.UUID) (map[string]bool, error) {
	rows, err := db.Query(ctx, `SELECT t.user_id::text FROM unnest($1::uuid[]) t (user_id)
		WHERE EXISTS (SELECT FROM poller.erased_users e WHERE e.user_hash = sha256(convert_to(t.user_id::text, 'UTF8')))`, users)
	if err != nil {
		return nil, fmt.Errorf("ask who was erased: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("ask who was erased: %w", err)
	}
	erased := make(map[string]bool, len(list))
	for _, id := range list {
		erased[id] = true
	}
	return erased, nil
}
