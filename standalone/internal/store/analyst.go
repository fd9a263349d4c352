package store

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

//go:embed analyst.sql
var analystSQL string

// analystRole reads the views for analysts and nothing else: docs/sql.md.
const analystRole = "stridelog_analyst"

// makeAnalyst makes the role that reads the views for analysts, with a password of the
// data directory, and notes how it connects.
func (s *Stores) makeAnalyst(ctx context.Context, dataDir string) error {
	password, err := keyFile(dataDir, "analyst.password", randomKey)
	if err != nil {
		return err
	}
	u, err := url.Parse(s.DatabaseURL)
	if err != nil {
		return fmt.Errorf("make the analysts' role: the database's address cannot be read") // the URL holds a secret
	}
	conn, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		return fmt.Errorf("make the analysts' role: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.PgConn().Exec(ctx, analystSQL).ReadAll(); err != nil {
		return fmt.Errorf("make the role %s: %w", analystRole, err)
	}
	quoted, err := conn.PgConn().EscapeString(password)
	if err != nil {
		return fmt.Errorf("make the role %s: %w", analystRole, err)
	}
	if _, err := conn.PgConn().Exec(ctx, "ALTER ROLE "+analystRole+" PASSWORD '"+quoted+"'").ReadAll(); err != nil {
		return fmt.Errorf("set the password of the role %s: %w", analystRole, err)
	}
	u.User = url.UserPassword(analystRole, password)
	u.RawQuery = "sslmode=disable" // one word, that a shell takes without quotes
	s.AnalystURL = u.String()
	return nil
}
