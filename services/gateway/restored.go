package gateway

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/erasure"
	"github.com/stridelog/stridelog/services/gateway/internal/schema"
)

// Restored is a system that was restored and that nobody serves yet.
type Restored struct {
	DB  *pgxpool.Pool
	Bus *bus.Bus
	Log *slog.Logger
	// ErasuresFile is the newest list of erasures; empty: none.
	ErasuresFile string
}

// Erase erases again whom the restore brought back, and carries every erasure to its
// end. The other services must answer their erase. It says how many erasures those were.
func (r Restored) Erase(ctx context.Context) (int, error) {
	if err := schema.Migrate(ctx, r.DB); err != nil {
		return 0, fmt.Errorf("gateway: %w", err)
	}
	done, err := erasure.NewRunner(erasure.Options{DB: r.DB, Bus: r.Bus, Log: r.Log, ListFile: r.ErasuresFile}).Restored(ctx)
	if err != nil {
		return done, fmt.Errorf("gateway: %w", err)
	}
	return done, nil
}

// ErasureList is one list of all erasures that the files (Config.ErasuresFile) and the
// database know, for a file of its own, and how many they are. A nil database knows none.
func ErasureList(ctx context.Context, db *pgxpool.Pool, files ...string) (text []byte, n int, err error) {
	return erasure.Merge(ctx, db, files...)
}

// SchemaVersion is the version that this program migrates the service's schema to.
func SchemaVersion() int { return schema.Version() }
