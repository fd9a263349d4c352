package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
)

// Tier is one scan of the schedule: the last Span, every Every.
type Tier struct {
	Span  time.Duration
	Every time.Duration
}

// Schedule turns tiers into scheduled windows.
type Schedule struct {
	Tiers []Tier
	// Deep is read behind everything else; nil is no deep scan.
	Deep    *Tier
	Initial time.Duration // what is read of an account of which nothing was read yet
	Jitter  time.Duration // how far a start may move, at most
}

// spread is a moment in [0, every) that depends on the connection alone, so that
// connections made by one import are not all due at once.
func spread(connectionID string, every time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(connectionID))
	return time.Duration(float64(every) * (float64(h.Sum64()>>11) / (1 << 53)))
}

func (s Schedule) jitter() time.Duration {
	if s.Jitter <= 0 {
		return 0
	}
	return rand.N(s.Jitter)
}

// Start brings a target's timetable in line with the tiers: new tiers begin
// within their interval, tiers that are gone are dropped.
func (s Schedule) Start(ctx context.Context, tx pgx.Tx, userID, provider, connectionID string, now time.Time) error {
	spans := make([]int64, 0, len(s.Tiers))
	for _, t := range s.Tiers {
		spans = append(spans, int64(t.Span/time.Second))
		_, err := tx.Exec(ctx, `
			INSERT INTO poller.scans (user_id, provider, span_seconds, next_due) VALUES ($1, $2, $3, $4)
			ON CONFLICT (user_id, provider, span_seconds) DO UPDATE SET next_due = least(scans.next_due, $5)`,
			userID, provider, int64(t.Span/time.Second), now.Add(spread(connectionID, t.Every)+s.jitter()), now.Add(t.Every+s.Jitter))
		if err != nil {
			return fmt.Errorf("start the schedule of user %s: %w", userID, err)
		}
	}
	if _, err := tx.Exec(ctx, "DELETE FROM poller.scans WHERE user_id = $1 AND provider = $2 AND NOT span_seconds = ANY($3)",
		userID, provider, spans); err != nil {
		return fmt.Errorf("drop old scans of user %s: %w", userID, err)
	}
	if err := s.startDeep(ctx, tx, userID, provider, connectionID, now); err != nil {
		return err
	}
	return refreshDue(ctx, tx, userID, provider)
}

// Align applies Start to every target that exists, for a configuration that has
// changed. It costs one look when nothing has.
func (s Schedule) Align(ctx context.Context, st *Store, now time.Time) error {
	spans := make([]int64, 0, len(s.Tiers))
	for _, t := range s.Tiers {
		spans = append(spans, int64(t.Span/time.Second))
	}
	type target struct{ UserID, Provider, ConnectionID string }
	rows, err := st.db.Query(ctx, `
		SELECT t.user_id::text, t.provider, t.connection_id::text FROM poller.targets t
		 WHERE t.status <> 'ended'
		   AND ((t.deep_due IS NOT NULL) <> $2
		     OR (SELECT array_agg(s.span_seconds ORDER BY s.span_seconds) FROM poller.scans s
		          WHERE s.user_id = t.user_id AND s.provider = t.provider)
		        IS DISTINCT FROM (SELECT array_agg(x ORDER BY x) FROM unnest($1::bigint[]) x))`, spans, s.Deep != nil)
	if err != nil {
		return fmt.Errorf("look for old schedules: %w", err)
	}
	targets, err := pgx.CollectRows(rows, pgx.RowToStructByPos[target])
	if err != nil {
		return fmt.Errorf("look for old schedules: %w", err)
	}
	for _, t := range targets {
		if err := st.InTx(ctx, func(tx pgx.Tx) error {
			return s.Start(ctx, tx, t.UserID, t.Provider, t.ConnectionID, now)
		}); err != nil {
			return err
		}
	}
	return nil
}

// Materialize makes the scheduled window of the widest scan that is due, and moves
// that scan and every narrower one on. It waits for the initial sync.
func (s Schedule) Materialize(ctx context.Context, tx pgx.Tx, t Target, now time.Time) error {
	due, err := s.look(ctx, tx, t, now)
	if err != nil || due.widest == 0 && !due.deep {
		return err
	}
	if err := s.moveOn(ctx, tx, t, due.widest, now); err != nil {
		return err
	}
	if due.deep {
		if err := s.goDeep(ctx, tx, t, now); err != nil {
			return err
		}
	}
	if due.widest == 0 || due.initial {
		return nil // the initial sync reads the same days; the next turn comes
	}
	from := now.Add(-due.widest)
	switch {
	case due.end == nil && from.After(now.Add(-s.Initial)):
		from = now.Add(-s.Initial) // the initial sync failed
	case due.end != nil && due.end.Before(from):
		from = ReadFrom(from, due.end) // nothing was read for longer than the scan reaches back
	}
	return scheduleWindow(ctx, tx, t, events.Window{From: from, To: now}, false, now)
}

// due is what of a timetable is due.
type due struct {
	widest  time.Duration // scan; zero when none is
	deep    bool          // the deep scan
	initial bool          // the initial sync has not ended
	end     *time.Time    // of what was read without a gap
}

func (s Schedule) look(ctx context.Context, tx pgx.Tx, t Target, now time.Time) (d due, err error) {
	var any bool
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM poller.scans WHERE user_id = $1 AND provider = $2 AND next_due <= $3)
		    OR EXISTS (SELECT FROM poller.targets WHERE user_id = $1 AND provider = $2 AND deep_due <= $3)`,
		t.UserID, t.Provider, now).Scan(&any)
	if err == nil && any {
		err = tx.QueryRow(ctx, `
			SELECT coalesce((SELECT max(span_seconds) FROM poller.scans WHERE user_id = $1 AND provider = $2 AND next_due <= $5), 0) * 1000000000,
			       EXISTS (SELECT FROM poller.targets WHERE user_id = $1 AND provider = $2 AND deep_due <= $5),
			       EXISTS (SELECT FROM poller.windows WHERE user_id = $1 AND provider = $2 AND trigger = 'connect' AND status <> 'done'),
			       `+coverageEnd, t.UserID, t.Provider, t.Account(), KindActivity, now).
			Scan(&d.widest, &d.deep, &d.initial, &d.end)
	}
	if err != nil {
		return d, fmt.Errorf("look for due scans of user %s: %w", t.UserID, err)
	}
	return d, nil
}

func (s Schedule) moveOn(ctx context.Context, tx pgx.Tx, t Target, widest time.Duration, now time.Time) error {
	for _, tier := range s.Tiers {
		if tier.Span > widest {
			continue
		}
		_, err := tx.Exec(ctx, "UPDATE poller.scans SET next_due = $4 WHERE user_id = $1 AND provider = $2 AND span_seconds = $3",
			t.UserID, t.Provider, int64(tier.Span/time.Second), now.Add(tier.Every+s.jitter()))
		if err != nil {
			return fmt.Errorf("move the schedule of user %s on: %w", t.UserID, err)
		}
	}
	return nil
}

// scheduleWindow adds a scheduled window, of the deep scan or of the others. An
// unfinished one that is as wide goes on; a narrower one makes way.
func scheduleWindow(ctx context.Context, tx pgx.Tx, t Target, span events.Window, deep bool, now time.Time) error {
	var id string
	var from time.Time
	err := tx.QueryRow(ctx, `
		SELECT id::text, window_from FROM poller.windows
		 WHERE user_id = $1 AND provider = $2 AND trigger = 'scheduled' AND status <> 'done' AND NOT confirms AND deep = $3`,
		t.UserID, t.Provider, deep).Scan(&id, &from)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
	case err != nil:
		return fmt.Errorf("look for the scheduled sync of user %s: %w", t.UserID, err)
	case from.After(span.From):
		if _, err := tx.Exec(ctx, "DELETE FROM poller.windows WHERE id = $1", id); err != nil {
			return fmt.Errorf("replace the scheduled sync of user %s: %w", t.UserID, err)
		}
	default:
		return nil
	}
	return AddWindow(ctx, tx, Window{
		ID: events.NewID(), UserID: t.UserID, Provider: t.Provider, ConnectionID: t.ConnectionID,
		Trigger: events.TriggerScheduled, Span: span, RequestedAt: now, Deep: deep,
	})
}
