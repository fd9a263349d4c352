package postgres_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
)

// roleServer is a server of the test's own, because roles belong to the server.
// It has the readers' group, a reader in it and an owner of the schema alpha.
func roleServer(t *testing.T) *pgxpool.Pool {
	t.Helper()
	s, err := launcher.Start(t.Context(), launcher.Options{
		Throwaway: true, BinDir: os.Getenv("STRIDELOG_PG_BIN"), Download: &launcher.Download{Registry: launcher.Registry(os.LookupEnv)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	pool, err := postgres.Open(t.Context(), s.URL(), postgres.Options{MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	exec(t, pool, `CREATE ROLE stridelog_reader; CREATE ROLE reader LOGIN PASSWORD 'reader' IN ROLE stridelog_reader;
		CREATE ROLE owner LOGIN PASSWORD 'owner'; CREATE ROLE operator LOGIN PASSWORD 'operator' IN ROLE owner;
		CREATE SCHEMA alpha AUTHORIZATION owner; GRANT USAGE ON SCHEMA alpha TO stridelog_reader;`)
	return pool
}

// as opens a pool of another role.
func as(t *testing.T, admin *pgxpool.Pool, role string, o postgres.Options) *pgxpool.Pool {
	t.Helper()
	c := admin.Config().ConnConfig
	o.MaxConns = 4
	pool, err := postgres.Open(t.Context(), strings.Replace(c.ConnString(), c.User+":"+c.Password+"@", role+":"+role+"@", 1), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

const publishedAndNot = `CREATE TABLE alpha.thing (id int PRIMARY KEY); INSERT INTO alpha.thing VALUES (7);
	CREATE VIEW alpha.view_things_v1 AS SELECT id FROM alpha.thing;
	CREATE VIEW alpha.inner_things AS SELECT id FROM alpha.thing;`

func TestReadersSelectPublishedViewsAndNothingElse(t *testing.T) {
	admin := roleServer(t)
	owner, reader := as(t, admin, "owner", postgres.Options{}), as(t, admin, "reader", postgres.Options{})
	var processes sync.WaitGroup
	for range 4 {
		processes.Go(func() {
			if err := postgres.Migrate(t.Context(), owner, "alpha", migrations(publishedAndNot)); err != nil {
				t.Error(err)
			}
		})
	}
	processes.Wait()
	exec(t, owner, "CREATE OR REPLACE VIEW alpha.view_things_v1 AS SELECT id, 1 AS more FROM alpha.thing")
	var id int
	if err := reader.QueryRow(t.Context(), "SELECT id FROM alpha.view_things_v1").Scan(&id); err != nil || id != 7 {
		t.Errorf("a reader sees %d in the published view: %v", id, err)
	}
	for _, sql := range []string{
		"SELECT id FROM alpha.thing", "SELECT id FROM alpha.inner_things", "SELECT version FROM alpha.schema_version",
		"INSERT INTO alpha.view_things_v1 (id) VALUES (8)", "CREATE TABLE alpha.mine (id int)",
	} {
		if _, err := reader.Exec(t.Context(), sql); !denied(err) {
			t.Errorf("%s: %v, want that it is not permitted", sql, err)
		}
		if _, err := pgxTry(t, owner, sql); denied(err) {
			t.Errorf("%s: not even the owner may: %v", sql, err)
		}
	}
}

// pgxTry runs a statement and takes it back.
func pgxTry(t *testing.T, pool *pgxpool.Pool, sql string) (tag pgconn.CommandTag, err error) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		return tag, err
	}
	defer tx.Rollback(t.Context())
	return tx.Exec(t.Context(), sql)
}

func denied(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42501"
}

// Without the readers' group everything is one role's, as on a laptop.
func TestPublishingNeedsNoReaders(t *testing.T) {
	pool := roleServer(t)
	exec(t, pool, "DROP OWNED BY stridelog_reader; DROP ROLE stridelog_reader")
	if err := postgres.Migrate(t.Context(), pool, "alpha", migrations(publishedAndNot)); err != nil {
		t.Error(err)
	}
}

func TestACommandWorksAsTheOwnerOfASchema(t *testing.T) {
	admin := roleServer(t)
	pool := as(t, admin, "operator", postgres.Options{OwnerOf: "alpha"})
	if err := postgres.Migrate(t.Context(), pool, "alpha", migrations(publishedAndNot)); err != nil {
		t.Fatal(err)
	}
	var owner string
	err := pool.QueryRow(t.Context(), "SELECT tableowner::text FROM pg_tables WHERE schemaname = 'alpha' AND tablename = 'thing'").Scan(&owner)
	if err != nil || owner != "owner" {
		t.Errorf("the table belongs to %q: %v", owner, err)
	}
	exec(t, admin, "REVOKE owner FROM operator")
	c := admin.Config().ConnConfig
	url := strings.Replace(c.ConnString(), c.User+":"+c.Password+"@", "operator:operator@", 1)
	stranger, err := postgres.Open(t.Context(), url, postgres.Options{OwnerOf: "alpha"})
	if err == nil {
		stranger.Close()
		t.Fatal("a role that is no member of the owner acts as it")
	}
	if !denied(err) || !strings.Contains(err.Error(), "GRANT owner TO role") {
		t.Errorf("error %v; it says what to do", err)
	}
	as(t, admin, "operator", postgres.Options{}) // the control: without the schema it connects
	as(t, admin, "operator", postgres.Options{OwnerOf: "not_there_yet"})
}
