// Package schema is the gateway's own part of the database.
package schema

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
)

//go:embed migrations/*.sql
var files embed.FS

// Name is the schema's name.
const Name = "gateway"

// Migrate brings the schema to the newest version.
func Migrate(ctx context.Context, db *pgxpool.Pool) error {
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	return postgres.Migrate(ctx, db, Name, migrations)
}

// Version is the schema's newest version.
func Version() int { return postgres.Migrations(files) }
