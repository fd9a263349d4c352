package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ReaderRole is the group of roles that may read what services publish. Whoever
// administers the database makes it (deploy/postgres/init); where it does not
// exist, every service has the same role and there is nothing to grant.
const ReaderRole = "stridelog_reader"

// unreadable lists the published views of a schema that the readers cannot read yet.
const unreadable = `SELECT c.relname::text FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.rolname = $2
	WHERE n.nspname = $1 AND c.relkind = 'v' AND c.relname ~ '^view_[a-z0-9_]+_v[0-9]+$'
	  AND NOT has_table_privilege(r.oid, c.oid, 'SELECT') ORDER BY 1`

// PublishViews lets the readers select from the views view_*_v<number> of a schema,
// and from nothing else in it. A view reads its tables with its owner's rights, and
// keeps its grants when it is replaced. The caller's role must own the views.
func PublishViews(ctx context.Context, tx pgx.Tx, schema string) error {
	if err := CheckSchema(schema); err != nil {
		return fmt.Errorf("publish views: %w", err)
	}
	// Two grants on one view at a time fail.
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "stridelog schema "+schema); err != nil {
		return fmt.Errorf("publish the views of %s: %w", schema, err)
	}
	rows, err := tx.Query(ctx, unreadable, schema, ReaderRole)
	if err != nil {
		return fmt.Errorf("publish the views of %s: %w", schema, err)
	}
	views, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("publish the views of %s: %w", schema, err)
	}
	for _, view := range views {
		if _, err := tx.Exec(ctx, "GRANT SELECT ON "+pgx.Identifier{schema, view}.Sanitize()+" TO "+ReaderRole); err != nil {
			return fmt.Errorf("let %s read %s.%s: %w", ReaderRole, schema, view, err)
		}
	}
	return nil
}
