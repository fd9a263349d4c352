package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
)

const (
	bareDurable = "bare"
	bareBatch   = 1000
	// bareLoops is how many batches the bare program has in hand: as many as the
	// projector.
	bareLoops = 3
	bareTable = `CREATE TABLE workouts (user_id uuid, provider text COLLATE "C", external_id text COLLATE "C", sequence bigint, record text)`
	bareKey   = `ALTER TABLE workouts ADD PRIMARY KEY (user_id, provider, external_id)`
	bareMerge = `INSERT INTO workouts AS w
SELECT DISTINCT ON (user_id, provider, external_id) * FROM batch ORDER BY user_id, provider, external_id, sequence DESC
ON CONFLICT (user_id, provider, external_id) DO UPDATE SET sequence = excluded.sequence, record = excluded.record WHERE w.sequence < excluded.sequence`
)

func bareColumns() []string {
	return []string{"user_id", "provider", "external_id", "sequence", "record"}
}

// bareFact is all that the bare program reads of a fact.
type bareFact struct {
	UserID     string          `json:"user_id"`
	Provider   string          `json:"provider"`
	ExternalID string          `json:"external_id"`
	Raw        json.RawMessage `json:"raw"`
}

// bare works off the log with no product code.
func (p *projection) bare(ctx context.Context, start, stop func()) (int, error) {
	if err := p.forget(ctx, events.StreamFacts, bareDurable); err != nil {
		return 0, err
	}
	db, err := p.stores.freshDatabase(ctx, "bare")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	for _, sql := range []string{bareTable, bareKey} {
		if _, err := db.Exec(ctx, sql); err != nil {
			return 0, err
		}
	}
	consumer, err := p.bus.JetStream().CreateConsumer(ctx, events.StreamFacts, jetstream.ConsumerConfig{
		Durable: bareDurable, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 4 * bareBatch,
	})
	if err != nil {
		return 0, err
	}
	start()
	var loops sync.WaitGroup
	errs := make([]error, bareLoops)
	for i := range bareLoops {
		loops.Go(func() { errs[i] = bareLoop(ctx, db, consumer) })
	}
	loops.Wait()
	stop()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	return p.backlog.facts, p.count(ctx, db, "SELECT count(*) FROM workouts")
}

func bareLoop(ctx context.Context, db *pgxpool.Pool, consumer jetstream.Consumer) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "CREATE TEMPORARY TABLE batch (LIKE workouts) ON COMMIT DELETE ROWS"); err != nil {
		return err
	}
	for {
		fetched, err := consumer.FetchNoWait(bareBatch)
		if err != nil {
			return err
		}
		var messages []jetstream.Msg
		var rows [][]any
		for m := range fetched.Messages() {
			row, err := bareRow(m)
			if err != nil {
				return err
			}
			messages, rows = append(messages, m), append(rows, row)
		}
		if len(messages) == 0 {
			// A server that has not heard of the last acknowledgements gives nothing either.
			if err := fetched.Error(); err != nil {
				return err
			}
			left, err := consumer.Info(ctx)
			if err != nil || left.NumPending == 0 {
				return err
			}
			continue
		}
		err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{"batch"}, bareColumns(), pgx.CopyFromRows(rows)); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, bareMerge)
			return err
		})
		if err != nil {
			return err
		}
		for _, m := range messages[:len(messages)-1] {
			if err := m.Ack(); err != nil {
				return err
			}
		}
		if err := messages[len(messages)-1].DoubleAck(ctx); err != nil {
			return err
		}
	}
}

func bareRow(m jetstream.Msg) ([]any, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	var f bareFact
	if err := json.Unmarshal(m.Data(), &f); err != nil {
		return nil, err
	}
	return []any{f.UserID, f.Provider, f.ExternalID, int64(meta.Sequence.Stream), string(f.Raw)}, nil
}

// copy puts the bare program's rows, one for each workout, into an empty table by
// one COPY. With an index the table has its primary key from the start.
func (p *projection) copy(ctx context.Context, index bool, start, stop func()) (int, error) {
	db, err := p.stores.freshDatabase(ctx, "bare")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if _, err := db.Exec(ctx, bareTable); err != nil {
		return 0, err
	}
	if index {
		if _, err := db.Exec(ctx, bareKey); err != nil {
			return 0, err
		}
	}
	rows, err := p.rows(ctx)
	if err != nil {
		return 0, err
	}
	start()
	_, err = db.CopyFrom(ctx, pgx.Identifier{"workouts"}, bareColumns(), pgx.CopyFromRows(rows))
	stop()
	if err != nil {
		return 0, err
	}
	return len(rows), p.count(ctx, db, "SELECT count(*) FROM workouts")
}

// rows are the first versions of all records.
func (p *projection) rows(ctx context.Context) ([][]any, error) {
	consumer, err := p.bus.JetStream().OrderedConsumer(ctx, events.StreamFacts, jetstream.OrderedConsumerConfig{InactiveThreshold: time.Minute})
	if err != nil {
		return nil, err
	}
	seen := map[[2]any]bool{}
	var rows [][]any
	for left := p.backlog.facts; left > 0; {
		fetched, err := consumer.Fetch(min(left, bareBatch))
		if err != nil {
			return nil, err
		}
		for m := range fetched.Messages() {
			left--
			row, err := bareRow(m)
			if err != nil {
				return nil, err
			}
			if key := [2]any{row[0], row[2]}; !seen[key] {
				seen[key] = true
				rows = append(rows, row)
			}
		}
		if err := fetched.Error(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
