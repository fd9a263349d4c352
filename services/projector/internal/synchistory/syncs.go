// Package synchistory keeps what the log says about syncs: one row a sync. It is
// no part of a generation, because the log forgets syncs after 90 days.
package synchistory

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/intake"
)

// Durable is the name under which all projectors share the syncs.
const Durable = "projector-syncs"

const (
	service = "projector"

	maxBatch = 500
)

//go:embed upsert.sql
var upsert string

// Syncs folds the stream of syncs.
type Syncs struct {
	Log    *slog.Logger
	Bus    *bus.Bus
	Tables *generation.Tables
	Failed func() // is called for each batch that comes again
}

// Run folds until ctx ends; what fails it tries again.
func (s *Syncs) Run(ctx context.Context, ready func()) error {
	syncs := intake.Intake{
		Log: s.Log, Bus: s.Bus, Durable: Durable, Stream: events.StreamSyncs, Max: maxBatch, Lanes: 1,
		Fold: s.Fold, Failed: s.Failed,
	}
	return syncs.Run(ctx, ready)
}

// report is one row as one event tells it.
type report struct {
	syncID string
	user   string
	args   []any
}

// Fold writes a batch. The highest report about a sync wins, a request counts as
// report 0, so the order of arrival does not matter.
func (s *Syncs) Fold(ctx context.Context, deliveries []bus.Delivery) error {
	var reports []report
	var users []string
	type rejected struct {
		bus.Delivery
		reason error
	}
	var bad []rejected
	for _, d := range deliveries {
		if d.Event.Unknown() {
			continue // the stream keeps it as long as any other
		}
		r, err := read(d)
		if err != nil {
			bad = append(bad, rejected{d, err})
			users = append(users, d.Message.UserID())
			continue
		}
		reports = append(reports, r)
		users = append(users, r.user)
	}
	// One order for all writers, so two batches cannot wait for each other.
	slices.SortStableFunc(reports, func(a, b report) int { return strings.Compare(a.syncID, b.syncID) })
	return s.Tables.Write(ctx, users, func(tx pgx.Tx, scope generation.Scope) error {
		for _, b := range bad {
			if scope.Erased(b.Message.UserID()) {
				continue
			}
			if err := s.Bus.DeadLetter(ctx, service, b.Delivery, b.reason); err != nil {
				return err
			}
			s.Log.WarnContext(ctx, "an event is given up as a dead letter", "stream", b.Stream, "sequence", b.Sequence, "error", b.reason)
		}
		var batch pgx.Batch
		for _, r := range reports {
			if !scope.Erased(r.user) {
				batch.Queue(upsert, r.args...)
			}
		}
		if batch.Len() == 0 {
			return nil
		}
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return fmt.Errorf("fold %d events about syncs: %w", batch.Len(), err)
		}
		return nil
	})
}

// Retry folds one event again that was given up. What cannot be folded now is an
// error and no second dead letter.
func (s *Syncs) Retry(ctx context.Context, d bus.Delivery) error {
	if _, err := read(d); err != nil {
		return err
	}
	return s.Fold(ctx, []bus.Delivery{d})
}

func read(d bus.Delivery) (report, error) {
	if d.Err != nil {
		return report{}, d.Err
	}
	switch e := d.Event.Data.(type) {
	case *events.SyncRequested:
		ids := []string{e.SyncID}
		var connection any // null when whichever the user has is meant
		if e.ConnectionID != "" {
			ids, connection = append(ids, e.ConnectionID), e.ConnectionID
		}
		if err := check(d.Event, e.UserID, e.Provider, ids, e.Trigger); err != nil {
			return report{}, err
		}
		return report{e.SyncID, e.UserID, []any{
			e.SyncID, e.UserID, e.Provider, connection, e.Trigger, e.Window.From, e.Window.To, nil, nil,
			string(events.SyncQueued), nil, nil, nil, e.RequestedAt, nil, 0, int64(d.Sequence), nil,
		}}, nil
	case *events.SyncFinished:
		ids := []string{e.SyncID}
		if e.ConnectionID != "" {
			ids = append(ids, e.ConnectionID)
		}
		if err := check(d.Event, e.UserID, e.Provider, ids, e.Trigger, string(e.Status)); err != nil {
			return report{}, err
		}
		return finished(d, e)
	default:
		return report{}, fmt.Errorf("a %s is nothing about a sync", d.Event.Type())
	}
}

func finished(d bus.Delivery, e *events.SyncFinished) (report, error) {
	counts, err := json.Marshal(e.Counts)
	if err != nil {
		return report{}, err
	}
	var fault, connection, kinds *string
	if e.Error != nil {
		text, err := json.Marshal(e.Error)
		if err != nil {
			return report{}, err
		}
		s := string(text)
		fault = &s
	}
	if len(e.Kinds) > 0 {
		text, err := json.Marshal(e.Kinds)
		if err != nil {
			return report{}, err
		}
		s := string(text)
		kinds = &s
	}
	if e.ConnectionID != "" {
		connection = &e.ConnectionID
	}
	var from, to, end *time.Time
	if e.Covered != nil {
		from, to = &e.Covered.From, &e.Covered.To
	}
	// A deferred sync has reported, but it has not finished.
	if e.Status != events.SyncDeferred {
		end = &e.FinishedAt
	}
	return report{e.SyncID, e.UserID, []any{
		e.SyncID, e.UserID, e.Provider, connection, e.Trigger, e.Window.From, e.Window.To, from, to,
		string(e.Status), e.NotBefore, string(counts), fault, e.RequestedAt, end, max(e.Report, 1), int64(d.Sequence), kinds,
	}}, nil
}

// check refuses what the table cannot hold, and rows about anybody but the person
// of the subject: erasure goes by subject.
func check(e events.Event, userID, provider string, ids []string, texts ...string) error {
	if userID != e.UserID || provider != e.Provider {
		return fmt.Errorf("the data is about another user or provider than the subject")
	}
	for _, text := range append(ids, userID) {
		if id, err := uuid.Parse(text); err != nil || id.String() != text {
			return fmt.Errorf("one of its ids is no UUID in lower case")
		}
	}
	for _, t := range texts {
		if strings.ContainsRune(t, 0) {
			return fmt.Errorf("one of its words is no valid text")
		}
	}
	return nil
}
