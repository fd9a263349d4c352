// Package erase answers the request to forget a user: rows here, and everything
// about the user in the log.
package erase

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// look is how often a lease that is still held is looked at.
const look = 20 * time.Millisecond

// Eraser erases users. All fields are required.
type Eraser struct {
	Log   *slog.Logger
	Store *store.Store
	Bus   *bus.Bus
	Now   func() time.Time
}

// Erase marks the user as erased, waits until no worker is on the user's data,
// deletes uploads and all rows and then overwrites the user's messages in the log. Each step
// may be repeated: a call that ran out of time is simply made again.
func (e *Eraser) Erase(ctx context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
	if _, err := uuid.Parse(r.UserID); err != nil || len(r.UserID) != 36 {
		return rpc.EraseResponse{}, &rpc.Error{Code: rpc.CodeInvalidArgument, Field: "user_id", Detail: "The user id is not a UUID."}
	}
	if err := e.Store.MarkErased(ctx, r.UserID, e.Now()); err != nil {
		return rpc.EraseResponse{}, err
	}
	if err := e.waitForLeases(ctx, r.UserID); err != nil {
		return rpc.EraseResponse{}, err
	}
	uploads, err := e.Store.UploadsOf(ctx, r.UserID)
	if err != nil {
		return rpc.EraseResponse{}, err
	}
	for _, u := range uploads {
		if err := e.Bus.DeleteUpload(ctx, u); err != nil {
			return rpc.EraseResponse{}, err
		}
	}
	counts, err := e.Store.DeleteUser(ctx, r.UserID)
	if err != nil {
		return rpc.EraseResponse{}, err
	}
	for _, s := range []struct{ kind, stream string }{
		{"facts", events.StreamFacts}, {"syncs", events.StreamSyncs}, {"dead_letters", events.StreamDeadLetters},
	} {
		n, err := e.Bus.EraseSubjects(ctx, s.stream, events.UserSubjects(r.UserID))
		counts[s.kind] += n
		if err != nil {
			e.Log.WarnContext(ctx, "an erasure was interrupted; calling it again continues it", "erasure_id", r.ErasureID, "erased", counts[s.kind], "error", err)
			return rpc.EraseResponse{}, &rpc.Error{Code: rpc.CodeUnavailable, Detail: fmt.Sprintf("Erasing %s from the log was interrupted; call again to continue.", s.kind)}
		}
	}
	e.Log.InfoContext(ctx, "a user's data was erased from the log", "erasure_id", r.ErasureID)
	return rpc.EraseResponse{Counts: counts}, nil
}

func (e *Eraser) waitForLeases(ctx context.Context, userID string) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		free, err := e.Store.TakeAll(ctx, userID, e.Now())
		if err != nil || free {
			return err
		}
		select {
		case <-ctx.Done():
			return &rpc.Error{Code: rpc.CodeUnavailable, Detail: "A worker still holds the user's data; call again once its lease has ended."}
		case <-ticker.C:
		}
	}
}
