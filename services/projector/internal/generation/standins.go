package generation

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/postgres"
)

// A view that this layout adds or gives a new column has a file standins/<view>.sql:
// one SELECT with the columns of the view in views.sql, in the same order and of the
// same types, over what every older layout has. %[1]s is the schema of the generation
// that serves. Readers have it until the rebuild moves the views.
//
//go:embed standins/*.sql
var standIns embed.FS

// standIn defines the views that the serving generation, of an older layout, lacks.
// The caller holds the lock alone.
func standIn(ctx context.Context, tx pgx.Tx, serving Pointer) error {
	files, err := fs.Glob(standIns, "standins/*.sql")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := standIns.ReadFile(file)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "standins/"), ".sql")
		query := strings.ReplaceAll(string(text), "%[1]s", Schema(serving.Generation))
		if err := standInView(ctx, tx, schema+"."+name, query); err != nil {
			return fmt.Errorf("stand in for view %s until a rebuild: %w", name, err)
		}
	}
	return postgres.PublishViews(ctx, tx, schema)
}

// standInView defines a view unless there is one with all columns of the query.
func standInView(ctx context.Context, tx pgx.Tx, view, query string) error {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", view).Scan(&there); err != nil {
		return err
	}
	if there {
		want, err := columns(ctx, tx, "("+query+") s")
		if err != nil {
			return err
		}
		have, err := columns(ctx, tx, view)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(want, func(c string) bool { return !slices.Contains(have, c) }) {
			return nil
		}
	}
	_, err := tx.Exec(ctx, "CREATE OR REPLACE VIEW "+view+" AS "+query)
	return err
}

func columns(ctx context.Context, tx pgx.Tx, from string) ([]string, error) {
	rows, err := tx.Query(ctx, "SELECT * FROM "+from+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range rows.FieldDescriptions() {
		names = append(names, f.Name)
	}
	rows.Close()
	return names, rows.Err()
}
