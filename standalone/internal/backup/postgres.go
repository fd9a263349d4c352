package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres/launcher"
)

// said is how much of what a program said goes into an error.
const said = 2000

// major is the server's major version.
func major(ctx context.Context, db *pgxpool.Pool) (int, error) {
	var text string
	if err := db.QueryRow(ctx, "SHOW server_version_num").Scan(&text); err != nil {
		return 0, fmt.Errorf("ask PostgreSQL for its version: %w", err)
	}
	version, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("PostgreSQL says version %q: %w", text, err)
	}
	return version / 10000, nil
}

// client is a program of PostgreSQL that acts on a database.
type client struct {
	path, databaseURL string
}

// findClient finds the program that belongs to the server's version.
func findClient(ctx context.Context, name, binDir, databaseURL string, major int) (client, error) {
	path, err := launcher.ClientProgram(ctx, name, binDir, major)
	return client{path: path, databaseURL: databaseURL}, err
}

// run calls the program. The password is not among the arguments, which every user of
// the machine can read.
func (c client) run(ctx context.Context, args ...string) error {
	address, password, err := libpq(c.databaseURL)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, c.path, append(args, "--no-password", "--dbname", address)...)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &errs, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", c.path, err, bytes.TrimSpace(errs.Bytes()[:min(errs.Len(), said)]))
	}
	return nil
}

// libpq is an address as PostgreSQL's own programs take it, without the password, and
// the password.
func libpq(databaseURL string) (address, password string, err error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", "", errors.New("the database URL cannot be read") // its text holds the password
	}
	q := u.Query()
	if u.User != nil {
		password, _ = u.User.Password()
		u.User = url.User(u.User.Username())
	}
	if password == "" {
		password = q.Get("password")
	}
	known := []string{"host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "connect_timeout", "target_session_attrs", "channel_binding", "gssencmode", "passfile", "service"}
	for name := range q {
		if !slices.Contains(known, name) { // pgx knows more, and libpq refuses those
			q.Del(name)
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), password, nil
}

// schemas are the versions of the services' schemas; none for a new database.
func schemas(ctx context.Context, db *pgxpool.Pool) (map[string]int, error) {
	versions := map[string]int{}
	for _, name := range []string{"gateway", "oauth", "poller", "projector"} {
		var there bool
		if err := db.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name+".schema_version").Scan(&there); err != nil {
			return nil, fmt.Errorf("read the version of schema %s: %w", name, err)
		}
		if !there {
			continue
		}
		var version int
		if err := db.QueryRow(ctx, "SELECT version FROM "+name+".schema_version").Scan(&version); err != nil {
			return nil, fmt.Errorf("read the version of schema %s: %w", name, err)
		}
		versions[name] = version
	}
	return versions, nil
}
