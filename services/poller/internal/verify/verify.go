// Package verify compares the index with the log, in both directions, and
// the records of the log with their own hashes, with memory that does not grow with
// either but for a bit a fact.
//
// The index must know each record by a version that the log has and that no fact
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
	"github.com/stridelog/stridelog/services/poller/internal/store"
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
	Kinds      events.KindTable
	Connectors provider.Connectors // of every provider whose records are to be hashed
	// Report takes each difference as it is found.
	Report func(Difference)

	epoch   string
	target  uint64
	matched bitmap.Set // sequences of the facts that the index names
	sources map[[2]string]comparison
	// attachments are the types under which attachments travel.
	attachments []events.Type
	// Hashed counts the records that were hashed again.
	Hashed int
}

// comparison is how the records of one source are hashed.
type comparison struct {
	version int
	hasher  *provider.Hasher
}

// comparisons are those of the sources of all connectors, by provider and source.
func comparisons(connectors provider.Connectors) (map[[2]string]comparison, error) {
	all := map[[2]string]comparison{}
	for name, c := range connectors {
		for _, source := range c.Sources {
			h, err := provider.NewHasher(source.Volatile)
			if err != nil {
				return nil, fmt.Errorf("hash records of %s: %w", name, err)
			}
			all[[2]string{name, source.Name}] = comparison{version: source.HashVersion, hasher: h}
		}
	}
	return all, nil
}

// Begin looks for targets whose index was made from another log. target is the
// sequence up to which facts will be checked.
func (v *Verification) Begin(ctx context.Context, target uint64) error {
	v.target, v.attachments = target, attachmentTypes(v.Kinds)
	var err error
	if v.sources, err = comparisons(v.Connectors); err != nil {
		return err
	}
	if v.epoch, err = v.Bus.Epoch(ctx, events.StreamFacts); err != nil {
		return err
	}
	return v.each(ctx, `SELECT greatest(index_sequence, record_sequence, chunk_sequence), user_id::text, '' FROM poller.targets t WHERE stream_epoch NOT IN ('', $1)`, v.epoch, func(d Difference) error {
		d.What = "the index was made from another log"
		v.Report(d)
		return nil
	})
}

// Check compares facts up to the target with the index.
func (v *Verification) Check(ctx context.Context, deliveries []bus.Delivery) error {
	facts := make([]fact, 0, len(deliveries))
	for _, d := range deliveries {
		v.checkAttachment(d)
		if f, ok := v.read(d); ok {
			f.hash = v.hash(f)
			facts = append(facts, f)
		}
	}
	users, providers, keys, fences, sequences := v.columns(facts)
	rows, err := v.DB.Query(ctx, selectFacts, users, providers, keys, fences, sequences, v.epoch)
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
	d := Difference{Sequence: f.sequence, UserID: f.user.String(), ExternalID: f.record.ExternalID}
	if k.sequence == nil {
		d.What = "the index does not know the " + f.record.Kind
		v.Report(d)
		return
	}
	rank, sequence := events.Origin(*k.origin).Rank(), uint64(*k.sequence)
	switch {
	case sequence != f.sequence:
		if rank < f.record.Origin.Rank() || rank == f.record.Origin.Rank() && sequence < f.sequence {
			d.What = fmt.Sprintf("the index knows version %d, which this one wins against", sequence)
		}
	case *k.origin != string(f.record.Origin) || *k.removed != f.removed:
		d.What = "the index has another origin or removal than the fact"
	case *k.hash != f.record.ContentHash && (*k.hashVersion == f.record.HashVersion || *k.hash != f.hash):
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
	of := store.Part{Kind: f.record.Kind, Resource: f.record.Resource}
	c, known := v.sources[[2]string{f.record.Provider, of.Source()}]
	if !known || f.removed {
		return ""
	}
	hash := c.hasher.Content(f.record.Raw)
	if f.record.Origin == events.OriginImport {
		hash = c.hasher.Import(f.record.Raw, f.record.Context)
	}
	if c.version != f.record.HashVersion {
		return hash
	}
	v.Hashed++
	if hash != f.record.ContentHash {
		v.Report(Difference{
			Sequence: f.sequence, UserID: f.user.String(), ExternalID: f.record.ExternalID, Damaged: true,
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
	f, ok := v.read(delivery)
	return ok && f.user.String() == d.UserID && f.record.ExternalID == d.ExternalID, nil
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
	var key string
	_, err = pgx.ForEachRow(rows, []any{&sequence, &d.UserID, &key}, func() error {
		d.Sequence, d.ExternalID = uint64(sequence), store.ExternalID(key) //nolint:gosec // a sequence fits
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
