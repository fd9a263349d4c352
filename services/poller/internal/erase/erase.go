// Package erase answers the request to forget a user: rows here, and everything
// about the user in the log.
package erase

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// look is how often a lease that is still held is looked at.
	look = 20 * time.Millisecond
	// leaseWait bounds how long a request for the rows waits for a worker to let go;
	// everythingWait, one for everything.
	leaseWait      = 5 * time.Second
	everythingWait = 10 * time.Minute
)

// streams are where the poller erases. Only in the facts does a person fill whole files.
func streams() []bus.ErasedStream {
	return []bus.ErasedStream{
		{Kind: "facts", Stream: events.StreamFacts, Whole: true}, {Kind: "syncs", Stream: events.StreamSyncs},
		{Kind: "dead_letters", Stream: events.StreamDeadLetters},
	}
}

// Eraser erases users. All fields are required.
type Eraser struct {
	Log   *slog.Logger
	Store *store.Store
	Bus   *bus.Bus
	Now   func() time.Time
}

// Erase deletes first a user's rows and then, turn by turn, their messages in the log.
// Each part may be repeated: a call that ran out of time is simply made again.
func (e *Eraser) Erase(ctx context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
	if _, err := uuid.Parse(r.UserID); err != nil || len(r.UserID) != 36 {
		return rpc.EraseResponse{}, &rpc.Error{Code: rpc.CodeInvalidArgument, Field: "user_id", Detail: "The user id is not a UUID."}
	}
	switch r.Part {
	case rpc.EraseRows:
		counts, err := e.rows(ctx, r.UserID, leaseWait)
		return rpc.EraseResponse{Counts: counts}, err
	case rpc.EraseLog:
		answer, err := e.Bus.EraseTurn(ctx, streams(), events.UserSubjects(r.UserID), r.Progress)
		return answer, e.interrupted(ctx, r, err)
	case "":
		return e.everything(ctx, r)
	default:
		return rpc.EraseResponse{}, &rpc.Error{Code: rpc.CodeInvalidArgument, Field: "part", Detail: "This version knows no such part of an erasure; run the same version of all services."}
	}
}

func (e *Eraser) everything(ctx context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
	counts, err := e.rows(ctx, r.UserID, everythingWait)
	if err != nil {
		return rpc.EraseResponse{}, err
	}
	erased, err := e.Bus.EraseAll(ctx, streams(), events.UserSubjects(r.UserID))
	if err != nil {
		return rpc.EraseResponse{}, e.interrupted(ctx, r, err)
	}
	maps.Copy(counts, erased)
	return rpc.EraseResponse{Counts: counts}, nil
}

// interrupted says what to do after a turn that failed.
func (e *Eraser) interrupted(ctx context.Context, r rpc.EraseRequest, err error) error {
	if err == nil {
		return nil
	}
	e.Log.WarnContext(ctx, "an erasure was interrupted; calling it again continues it", "erasure_id", r.ErasureID, "error", err)
	return &rpc.Error{Code: rpc.CodeUnavailable, Detail: "Erasing from the log was interrupted; the log of the poller says why. Call again to continue."}
}

// rows marks the user as erased, waits until no worker is on the user's data, and
// deletes uploads and all rows.
func (e *Eraser) rows(ctx context.Context, userID string, wait time.Duration) (map[string]int64, error) {
	if err := e.Store.MarkErased(ctx, userID, e.Now()); err != nil {
		return nil, err
	}
	if err := e.waitForLeases(ctx, userID, wait); err != nil {
		return nil, err
	}
	uploads, err := e.Store.UploadsOf(ctx, userID)
	if err != nil {
		return nil, err
	}
	for _, u := range uploads {
		if err := e.Bus.DeleteUpload(ctx, u); err != nil {
			return nil, err
		}
	}
	return e.Store.DeleteUser(ctx, userID)
}

func (e *Eraser) waitForLeases(ctx context.Context, userID string, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		free, err := e.Store.TakeAll(ctx, userID, e.Now())
		if free || err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return &rpc.Error{Code: rpc.CodeUnavailable, Detail: "A worker still holds the user's data; call again once its lease has ended."}
		case <-ticker.C:
		}
	}
}
