package rebuild

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

const (
	chunk = 2000
	// heavy is how many bytes of events end a chunk before: routes are large.
	heavy   = 16 << 20
	copiers = 2 // more than two gain nothing: decoding is the limit
)

// load reads the log from the start and copies it into the shadow, in any order:
// the fold does not depend on it.
func (r *Rebuild) load(ctx context.Context, target uint64) (last uint64, err error) {
	if r.erased, err = r.Tables.Erased(ctx); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	chunks := make(chan row.Rows, copiers)
	var copying sync.WaitGroup
	for range copiers {
		copying.Go(func() {
			for rows := range chunks {
				if ctx.Err() != nil {
					continue
				}
				if err := r.copy(ctx, rows); err != nil {
					cancel(err)
				}
			}
		})
	}
	err = r.read(ctx, 1, target, func(rows row.Rows) error {
		select {
		case chunks <- rows:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, &last)
	close(chunks)
	copying.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return 0, cause
	}
	return last, err
}

// read hands on the log from a sequence to its present end, in chunks.
func (r *Rebuild) read(ctx context.Context, from, target uint64, take func(row.Rows) error, last *uint64) error {
	var pending []bus.Delivery
	size := 0
	flush := func() error {
		if len(pending) == 0 {
			return nil
		}
		rows := withoutErased(r.Reader.ReadAll(pending), r.erased)
		r.report.Facts += uint64(len(pending))
		r.report.Rejected += uint64(len(rows.Rejected))
		pending, size = nil, 0
		if err := take(rows); err != nil {
			return err
		}
		r.reportProgress(phaseOf(from), rows.HighWater, max(target, rows.HighWater))
		return nil
	}
	end, err := r.Bus.Read(ctx, events.StreamFacts, nil, from, func(d bus.Delivery) error {
		pending, size = append(pending, d), size+len(d.Message.Data)
		if len(pending) < chunk && size < heavy {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	*last = end
	return flush()
}

func phaseOf(from uint64) string {
	if from == 1 {
		return PhaseReading
	}
	return PhaseCatchUp
}

func withoutErased(rows row.Rows, erased map[[sha256.Size]byte]struct{}) row.Rows {
	if len(erased) == 0 {
		return rows
	}
	return rows.Without(func(user uuid.UUID) bool {
		_, gone := erased[generation.UserHash(user.String())]
		return gone
	})
}

func (r *Rebuild) copy(ctx context.Context, rows row.Rows) error {
	schema := generation.Schema(r.shadow)
	_, err := r.Tables.DB().CopyFrom(ctx, pgx.Identifier{schema, "workout_versions"}, fold.VersionColumns(),
		pgx.CopyFromSlice(len(rows.Versions), func(i int) ([]any, error) { return fold.VersionValues(rows.Versions[i]), nil }))
	if err != nil {
		return fmt.Errorf("copy %d versions up to fact %d: %w", len(rows.Versions), rows.HighWater, err)
	}
	if len(rows.Connections) > 0 {
		_, err = r.Tables.DB().CopyFrom(ctx, pgx.Identifier{schema, "connection_history"}, fold.ConnectionColumns(),
			pgx.CopyFromSlice(len(rows.Connections), func(i int) ([]any, error) { return fold.ConnectionValues(rows.Connections[i]), nil }))
		if err != nil {
			return fmt.Errorf("copy %d connection entries up to fact %d: %w", len(rows.Connections), rows.HighWater, err)
		}
	}
	if len(rows.Routes) > 0 {
		_, err = r.Tables.DB().CopyFrom(ctx, pgx.Identifier{schema, "workout_routes"}, fold.RouteColumns(),
			pgx.CopyFromSlice(len(rows.Routes), func(i int) ([]any, error) { return fold.RouteValues(rows.Routes[i]), nil }))
		if err != nil {
			return fmt.Errorf("copy %d routes up to fact %d: %w", len(rows.Routes), rows.HighWater, err)
		}
	}
	if len(rows.Unknown) > 0 {
		_, err = r.Tables.DB().CopyFrom(ctx, pgx.Identifier{schema, "unknown_facts"}, fold.UnknownColumns(),
			pgx.CopyFromSlice(len(rows.Unknown), func(i int) ([]any, error) { return fold.UnknownValues(rows.Unknown[i]), nil }))
		if err != nil {
			return fmt.Errorf("copy %d unknown facts up to fact %d: %w", len(rows.Unknown), rows.HighWater, err)
		}
	}
	return nil
}
