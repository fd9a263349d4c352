// Package erasure deletes everything the projector holds about a person.
package erasure

import (
	"context"
	"fmt"
	"maps"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
)

// Eraser answers projector.erase.
type Eraser struct {
	Bus    *bus.Bus
	Tables *generation.Tables
}

// streams are where the projector erases: what it announced, and dead letters that a
// late batch may have left.
func streams() []bus.ErasedStream {
	return []bus.ErasedStream{
		{Kind: "workout_events", Stream: events.StreamChanges, Whole: true},
		{Kind: "projector_dead_letters", Stream: events.StreamDeadLetters},
	}
}

// Erase marks a person as erased and deletes their rows, while no batch is being
// written; then nothing about them can be written or announced any more, and it
// erases, turn by turn, what was announced. It may be called again at any time, and
// then finishes what is left.
func (e *Eraser) Erase(ctx context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
	if id, err := uuid.Parse(r.UserID); err != nil || id.String() != r.UserID {
		return rpc.EraseResponse{}, &rpc.Error{Code: rpc.CodeInvalidArgument, Field: "user_id", Detail: "user_id must be a UUID in lower case."}
	}
	switch r.Part {
	case rpc.EraseRows, "":
	case rpc.EraseLog:
		answer, err := e.Bus.EraseTurn(ctx, streams(), events.UserSubjects(r.UserID), r.Progress)
		if err != nil {
			return rpc.EraseResponse{}, fmt.Errorf("erase the messages of a user: %w", err)
		}
		return answer, nil
	default:
		return rpc.EraseResponse{}, &rpc.Error{Code: rpc.CodeInvalidArgument, Field: "part", Detail: "This version knows no such part of an erasure; run the same version of all services."}
	}
	counts := map[string]int64{}
	if err := e.deleteRows(ctx, r, counts); err != nil {
		return rpc.EraseResponse{}, fmt.Errorf("erase the rows of a user: %w", err)
	}
	if r.Part == "" {
		erased, err := e.Bus.EraseAll(ctx, streams(), events.UserSubjects(r.UserID))
		if err != nil {
			return rpc.EraseResponse{}, fmt.Errorf("erase the messages of a user: %w", err)
		}
		maps.Copy(counts, erased)
	}
	return rpc.EraseResponse{Counts: counts}, nil
}

func (e *Eraser) deleteRows(ctx context.Context, r rpc.EraseRequest, counts map[string]int64) error {
	return pgx.BeginFunc(ctx, e.Tables.DB(), func(tx pgx.Tx) error {
		if err := generation.Exclusive(ctx, tx); err != nil {
			return err
		}
		hash := generation.UserHash(r.UserID)
		_, err := tx.Exec(ctx, "INSERT INTO projector.erased_users (user_hash, erasure_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", hash[:], r.ErasureID)
		if err != nil {
			return err
		}
		serving, err := generation.Read(ctx, tx)
		if err != nil {
			return err
		}
		// A rebuild's shadow holds the person too; what it still has in hand it
		// leaves out when it switches.
		all, err := generation.All(ctx, tx)
		if err != nil {
			return err
		}
		for _, g := range all {
			n, err := generation.DeleteUser(ctx, tx, g, r.UserID)
			if err != nil {
				return err
			}
			if g == serving.Generation {
				for kind, count := range n {
					counts[kind] = count
				}
			}
		}
		if _, err := tx.Exec(ctx, "DELETE FROM projector.workout_links WHERE user_id = $1", r.UserID); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, "DELETE FROM projector.syncs WHERE user_id = $1", r.UserID)
		counts["syncs"] = tag.RowsAffected()
		return err
	})
}
