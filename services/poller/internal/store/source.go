package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Source is what of a provider is read by itself.
type Source struct {
	Name, Kind string
	// Tiers are how often its past is read again; nil: as the schedule has it.
	Tiers []Tier
	// Usual says that a sync reads it which names no kinds.
	Usual bool
	// Granted says that the consent allows to read it. Without that it rests.
	Granted bool
}

// timetable says when the tiers of a source are due.
type timetable struct {
	Source, Kind string
	Spans        []int64 // of the tiers, in seconds, rising
	Dues         []time.Time
	Refused      bool // until the next consent
}

// next is the first time that something is due; nil: never.
func (t timetable) next() *time.Time {
	var first *time.Time
	for i := range t.Dues {
		if first == nil || t.Dues[i].Before(*first) {
			first = &t.Dues[i]
		}
	}
	return first
}

// widest is the widest tier that is due.
func (t timetable) widest(now time.Time) (widest time.Duration) {
	for i, due := range t.Dues {
		if !due.After(now) {
			widest = max(widest, time.Duration(t.Spans[i])*time.Second)
		}
	}
	return widest
}

// moveOn gives a tier its next turn, and every narrower one.
func (t timetable) moveOn(tiers []Tier, widest time.Duration, next func(Tier) time.Time) {
	for _, tier := range tiers {
		for i, span := range t.Spans {
			if tier.Span <= widest && span == seconds(tier.Span) {
				t.Dues[i] = next(tier)
			}
		}
	}
}

// putOff lets what is due earlier wait until an instant.
func (t timetable) putOff(until time.Time) {
	for i := range t.Dues {
		if t.Dues[i].Before(until) {
			t.Dues[i] = until
		}
	}
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// timetables are those of a target's sources.
func timetables(ctx context.Context, tx pgx.Tx, userID, provider string) (map[string]timetable, error) {
	rows, err := tx.Query(ctx, "SELECT source, kind, spans, dues, refused FROM poller.sources WHERE user_id = $1 AND provider = $2", userID, provider)
	if err == nil {
		var list []timetable
		if list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[timetable]); err == nil {
			found := make(map[string]timetable, len(list))
			for _, t := range list {
				found[t.Source] = t
			}
			return found, nil
		}
	}
	return nil, fmt.Errorf("read the timetable of %s of user %s: %w", provider, userID, err)
}

func putTimetable(ctx context.Context, tx pgx.Tx, userID, provider string, t timetable) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO poller.sources (user_id, provider, source, kind, spans, dues, next_due) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (user_id, provider, source) DO UPDATE SET
		    kind = excluded.kind, spans = excluded.spans, dues = excluded.dues, next_due = excluded.next_due`,
		userID, provider, t.Source, t.Kind, t.Spans, t.Dues, t.next())
	if err != nil {
		return fmt.Errorf("store the timetable of %s of user %s: %w", provider, userID, err)
	}
	return nil
}

// RestSource lets a source rest after so many failures in a row, or ends that: a nil
// instant is no rest.
func RestSource(ctx context.Context, tx pgx.Tx, t Target, source string, failures int, until *time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE poller.sources SET failures = $4, not_before = $5 WHERE user_id = $1 AND provider = $2 AND source = $3`,
		t.UserID, t.Provider, source, failures, until)
	if err != nil {
		return fmt.Errorf("store how %s of %s of user %s is read: %w", source, t.Provider, t.UserID, err)
	}
	return refreshDue(ctx, tx, t.UserID, t.Provider)
}

// RefuseSource lets a source rest until the next consent: the provider wants a scope for
// it.
func RefuseSource(ctx context.Context, tx pgx.Tx, t Target, source string) error {
	_, err := tx.Exec(ctx, `UPDATE poller.sources SET refused = true WHERE user_id = $1 AND provider = $2 AND source = $3`, t.UserID, t.Provider, source)
	if err != nil {
		return fmt.Errorf("store that %s refuses %s of user %s: %w", t.Provider, source, t.UserID, err)
	}
	return refreshDue(ctx, tx, t.UserID, t.Provider)
}

// Reconsider ends the rest of a target's sources, after a new consent.
func Reconsider(ctx context.Context, tx pgx.Tx, t Target) error {
	_, err := tx.Exec(ctx, "UPDATE poller.sources SET refused = false, failures = 0, not_before = NULL WHERE user_id = $1 AND provider = $2", t.UserID, t.Provider)
	if err != nil {
		return fmt.Errorf("read all of %s of user %s again: %w", t.Provider, t.UserID, err)
	}
	return nil
}

// OtherSources says whether a target has other sources than one that can be read, and
// whether some of them can be read without a failure.
func (s *Store) OtherSources(ctx context.Context, t Target, source string) (some, well bool, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT count(*) > 0, count(*) FILTER (WHERE failures = 0) > 0 FROM poller.sources
		 WHERE user_id = $1 AND provider = $2 AND source <> $3 AND NOT refused`, t.UserID, t.Provider, source).Scan(&some, &well)
	if err != nil {
		return false, false, fmt.Errorf("look at the other sources of %s of user %s: %w", t.Provider, t.UserID, err)
	}
	return some, well, nil
}

// SetOutcome stores how the latest scheduled sync of a source ended, and gives how the
// one before did; empty: there was none.
func SetOutcome(ctx context.Context, tx pgx.Tx, t Target, source, outcome string) (before string, err error) {
	err = tx.QueryRow(ctx, `
		UPDATE poller.sources s SET last_outcome = $4
		  FROM (SELECT last_outcome FROM poller.sources WHERE user_id = $1 AND provider = $2 AND source = $3 FOR UPDATE) o
		 WHERE s.user_id = $1 AND s.provider = $2 AND s.source = $3 RETURNING o.last_outcome`, t.UserID, t.Provider, source, outcome).Scan(&before)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("store the outcome of %s of user %s: %w", t.Provider, t.UserID, err)
	}
	return before, nil
}
