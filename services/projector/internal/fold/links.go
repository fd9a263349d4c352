package fold

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
)

//go:embed links.sql
var selectLinks string

const (
	// linksAtOnce is how many links are announced in one transaction.
	linksAtOnce = 5000
	// linksEvery is how soon links are announced that whoever stored them did not
	// announce; a batch usually takes a fraction of a second.
	linksEvery = time.Minute
)

// linkChange is a link that is to be announced.
type linkChange struct {
	workout, user uuid.UUID
	provider      string
	version       uint64
	changes       int64
	primary       *string
	at            time.Time
}

func scanLinkChange(row pgx.CollectableRow) (l linkChange, err error) {
	var workout, user, primary pgtype.UUID
	var version int64
	err = row.Scan(&workout, &user, &l.provider, &version, &l.changes, &primary, &l.at)
	l.workout, l.user, l.version, l.primary = workout.Bytes, user.Bytes, uint64(version), text(primary)
	return l, err
}

// text is an id as text; nil for null.
func text(id pgtype.UUID) *string {
	if !id.Valid {
		return nil
	}
	s := uuid.UUID(id.Bytes).String()
	return &s
}

func (l linkChange) event() events.Event {
	id := l.workout.String()
	return events.Event{
		ID: events.WorkoutLinkedID(id, l.version, l.changes), Source: source, About: id, Time: l.at, Provider: l.provider, UserID: l.user.String(),
		Data: &events.WorkoutLinked{WorkoutID: id, UserID: l.user.String(), Provider: l.provider, DuplicateOf: l.primary, LinkVersion: l.version},
	}
}

// announced notes that links were announced. What has changed since is still to be.
func announced(ctx context.Context, tx pgx.Tx, links []linkChange) error {
	if len(links) == 0 {
		return nil
	}
	ids, changes := make([]pgtype.UUID, len(links)), make([]int64, len(links))
	for i, l := range links {
		ids[i], changes[i] = id(l.workout), l.changes
	}
	_, err := tx.Exec(ctx, `UPDATE projector.workout_links s SET announced = a.changes
		FROM unnest($1::uuid[], $2::bigint[]) AS a (workout_id, changes) WHERE s.workout_id = a.workout_id`, ids, changes)
	if err != nil {
		return fmt.Errorf("note that %d links are announced: %w", len(links), err)
	}
	return nil
}

// Links announces links that were stored and not announced: those that a rebuild
// changed, and those of a process that died, whose batch another process may have
// refused. Batches announce their own.
type Links struct {
	Log    *slog.Logger
	Bus    *bus.Bus
	Tables *generation.Tables
}

// Run looks every minute, until ctx ends.
func (l *Links) Run(ctx context.Context, ready func()) error {
	ready()
	tick := time.NewTicker(linksEvery)
	defer tick.Stop()
	for {
		if err := l.Announce(ctx, linksEvery); err != nil && ctx.Err() == nil {
			l.Log.WarnContext(ctx, "cannot announce links between duplicates; trying again", "pause", linksEvery, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Announce announces all that was stored at least so long ago.
func (l *Links) Announce(ctx context.Context, age time.Duration) error {
	for last := (uuid.UUID{}); ; {
		var user pgtype.UUID
		// One by one: each is a turn of its own.
		err := l.Tables.DB().QueryRow(ctx, `SELECT user_id FROM projector.workout_links
			WHERE changes > announced AND changed_at <= now() - $1::interval AND user_id > $2 ORDER BY user_id LIMIT 1`, age, id(last)).Scan(&user)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look whose links are to be announced: %w", err)
		}
		last = user.Bytes
		if err := l.announce(ctx, last.String()); err != nil {
			return fmt.Errorf("announce links between duplicates: %w", err)
		}
	}
}

// announce announces all links of a person.
func (l *Links) announce(ctx context.Context, user string) error {
	for full := true; full; {
		err := l.Tables.Write(ctx, []string{user}, func(tx pgx.Tx, _ generation.Scope) error {
			pending, err := Shown(ctx, tx, nil, []string{user})
			full = len(pending.links) == linksAtOnce
			if err != nil {
				return err
			}
			return pending.Publish(ctx, tx, l.Bus)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
