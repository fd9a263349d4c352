package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres/positions"
)

// Saw stores that a durable has given a message; nothing moves it back.
func (s *Store) Saw(ctx context.Context, durable string, at Position) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO poller.progress (durable, epoch, sequence) VALUES ($1, $2, $3)
		ON CONFLICT (durable) DO UPDATE SET sequence = greatest(progress.sequence, excluded.sequence), epoch = excluded.epoch
		WHERE progress.epoch IN (excluded.epoch, '')`, durable, at.Epoch, int64(at.Sequence)) //nolint:gosec // a sequence fits
	if err != nil {
		return fmt.Errorf("store the progress of %s: %w", durable, err)
	}
	return nil
}

// Seen is the last message that a durable has given; zero when there was none.
func (s *Store) Seen(ctx context.Context, durable string) (at Position, err error) {
	err = s.db.QueryRow(ctx, "SELECT epoch, sequence FROM poller.progress WHERE durable = $1", durable).Scan(&at.Epoch, &at.Sequence)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return at, fmt.Errorf("read the progress of %s: %w", durable, err)
	}
	return at, nil
}

// Restart sets the progress of a durable, also back.
func (s *Store) Restart(ctx context.Context, durable string, at Position) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO poller.progress (durable, epoch, sequence) VALUES ($1, $2, $3)
		ON CONFLICT (durable) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence`, durable, at.Epoch, int64(at.Sequence)) //nolint:gosec // a sequence fits
	if err != nil {
		return fmt.Errorf("set the progress of %s: %w", durable, err)
	}
	return positions.New(s.db, Schema).Set(ctx, events.StreamFacts, durable, at.Epoch, at.Sequence)
}

// Numbers are the sequences that a log has for the latest facts of connections.
type Numbers struct {
	Connections map[string]uint64    // latest fact, by connection id
	Activations map[[2]string]uint64 // latest consent, by user id and provider
}

// Renumber gives connections and targets the sequences of a restored log; 0 for
// those it does not have. What they are stays: the database knows better than an
// older log, whose facts do not count as news.
func (s *Store) Renumber(ctx context.Context, n Numbers) error {
	var ids, users, providers []string
	var latest, activated []int64
	for id, sequence := range n.Connections {
		ids, latest = append(ids, id), append(latest, int64(sequence)) //nolint:gosec // a sequence fits
	}
	for of, sequence := range n.Activations {
		users, providers, activated = append(users, of[0]), append(providers, of[1]), append(activated, int64(sequence)) //nolint:gosec // a sequence fits
	}
	err := s.InTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			UPDATE poller.connections c SET sequence = coalesce(
			    (SELECT x.seq FROM unnest($1::uuid[], $2::bigint[]) AS x (id, seq) WHERE x.id = c.id), 0)`, ids, latest)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE poller.targets t SET activated_sequence = coalesce(
			    (SELECT x.seq FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS x (u, p, seq) WHERE x.u = t.user_id AND x.p = t.provider), 0)`,
			users, providers, activated)
		return err
	})
	if err != nil {
		return fmt.Errorf("number connections as the log does: %w", err)
	}
	return nil
}

// RaiseReports makes unfinished windows count on from the reports that were said
// about them, by sync id.
func (s *Store) RaiseReports(ctx context.Context, reports map[string]int) error {
	var ids []string
	var numbers []int32
	for id, n := range reports {
		ids, numbers = append(ids, id), append(numbers, int32(n)) //nolint:gosec // a few
	}
	_, err := s.db.Exec(ctx, `
		UPDATE poller.windows w SET report = greatest(w.report, x.n)
		  FROM unnest($1::text[], $2::int[]) AS x (id, n) WHERE w.sync_id::text = x.id AND w.status <> 'done'`, ids, numbers)
	if err != nil {
		return fmt.Errorf("count the reports of syncs as the log does: %w", err)
	}
	return nil
}

// AllTargets are every user's accounts at every provider, whatever their status.
func (s *Store) AllTargets(ctx context.Context) ([]Target, error) {
	rows, err := s.db.Query(ctx, "SELECT user_id::text, provider FROM poller.targets ORDER BY 1, 2")
	if err != nil {
		return nil, fmt.Errorf("list targets: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Target, err error) {
		err = row.Scan(&t.UserID, &t.Provider)
		return t, err
	})
}

// place is up to where a target's index knows one life of the log.
type place struct {
	epoch string
	Sequences
}

// indexed reads and locks up to where a target's index knew the log.
func indexed(ctx context.Context, tx pgx.Tx, t Target) (at place, err error) {
	err = tx.QueryRow(ctx, `
		SELECT stream_epoch, index_sequence, record_sequence, chunk_sequence
		  FROM poller.targets WHERE user_id = $1 AND provider = $2 FOR UPDATE`, t.UserID, t.Provider).
		Scan(&at.epoch, &at.Activity, &at.Record, &at.Chunk)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return at, fmt.Errorf("read where the index of user %s stands: %w", t.UserID, err)
	}
	return at, nil
}

// Reindex replaces a target's index by what fold gives, and takes the target away
// from whoever works on it.
// What was read of the account is known from the log, too, if that has lost facts.
func (s *Store) Reindex(ctx context.Context, t Target, epoch string, now time.Time, fold func(tx pgx.Tx) ([]Known, Sequences, error)) error {
	return s.InTx(ctx, func(tx pgx.Tx) error {
		before, err := indexed(ctx, tx, t)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			UPDATE poller.targets SET lease_token = lease_token + 1, lease_owner = NULL, lease_until = NULL,
			    index_sequence = 0, record_sequence = 0, chunk_sequence = 0, stream_epoch = ''
			 WHERE user_id = $1 AND provider = $2`, t.UserID, t.Provider)
		if err != nil {
			return fmt.Errorf("take %s of user %s: %w", t.Provider, t.UserID, err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		for _, sql := range []string{
			"DELETE FROM poller.activity_index WHERE user_id = $1 AND provider = $2",
			"DELETE FROM poller.suspects WHERE user_id = $1 AND provider = $2",
			"DELETE FROM poller.routes WHERE user_id = $1 AND provider = $2",
		} {
			if _, err := tx.Exec(ctx, sql, t.UserID, t.Provider); err != nil {
				return fmt.Errorf("empty the index of user %s: %w", t.UserID, err)
			}
		}
		versions, upTo, err := fold(tx)
		if err != nil {
			return err
		}
		if err := PutIndex(ctx, tx, t, versions, epoch, upTo); err != nil {
			return err
		}
		lost := before.epoch != "" && (before.epoch != epoch ||
			upTo.Activity < before.Activity || upTo.Record < before.Record || upTo.Chunk < before.Chunk)
		if lost {
			if err := forgetCoverage(ctx, tx, t); err != nil {
				return err
			}
		}
		if err := recoverCoverage(ctx, tx, t, now); err != nil {
			return err
		}
		if err := refreshDue(ctx, tx, t.UserID, t.Provider); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "SELECT pg_notify($1, '')", FenceChannel)
		return err
	})
}
