package postgres_test

import (
	"context"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
)

func migrations(files ...string) fs.FS {
	m := fstest.MapFS{}
	for i, sql := range files {
		m["00"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte(sql)}
	}
	return m
}

const (
	makeThing = "CREATE TABLE alpha.thing (id int PRIMARY KEY); INSERT INTO alpha.thing VALUES (1);"
	addColumn = "ALTER TABLE alpha.thing ADD COLUMN note text NOT NULL DEFAULT 'x';"
)

func version(t *testing.T, pool *pgxpool.Pool, schema string) (v int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "SELECT version FROM "+schema+".schema_version").Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMigrateRunsOnlyWhatIsNew(t *testing.T) {
	pool := postgrestest.New(t)
	for range 2 {
		if err := postgres.Migrate(t.Context(), pool, "alpha", migrations(makeThing)); err != nil {
			t.Fatal(err)
		}
	}
	if err := postgres.Migrate(t.Context(), pool, "alpha", migrations(makeThing, addColumn)); err != nil {
		t.Fatal(err)
	}
	if v := version(t, pool, "alpha"); v != 2 {
		t.Errorf("version is %d, want 2", v)
	}
	var note string
	if err := pool.QueryRow(t.Context(), "SELECT note FROM alpha.thing").Scan(&note); err != nil || note != "x" {
		t.Errorf("note is %q (%v), want x", note, err)
	}
}

func TestMigrateFromManyProcessesAtOnce(t *testing.T) {
	url := postgrestest.URL(t)
	const processes = 6
	start := make(chan struct{})
	failures := make(chan error, 2*processes)
	var done sync.WaitGroup
	for range processes {
		pool, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 2})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		for schema, sql := range map[string]string{"alpha": makeThing, "beta": "CREATE TABLE beta.thing (id int);"} {
			done.Go(func() {
				<-start
				failures <- postgres.Migrate(t.Context(), pool, schema, migrations(sql))
			})
		}
	}
	close(start)
	done.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Errorf("one of the processes failed: %v", err)
		}
	}
	pool, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if a, b := version(t, pool, "alpha"), version(t, pool, "beta"); a != 1 || b != 1 {
		t.Errorf("versions are %d and %d, want 1 and 1", a, b)
	}
}

func TestMigrateFailureLeavesTheVersionBefore(t *testing.T) {
	pool := postgrestest.New(t)
	broken := "CREATE TABLE alpha.half (id int); SELECT no_such_function();"
	err := postgres.Migrate(t.Context(), pool, "alpha", migrations(makeThing, broken))
	if err == nil || !strings.Contains(err.Error(), "002_step.sql") {
		t.Fatalf("error is %v, want one that names 002_step.sql", err)
	}
	if v := version(t, pool, "alpha"); v != 1 {
		t.Errorf("version is %d, want 1", v)
	}
	var half bool
	if err := pool.QueryRow(t.Context(), "SELECT to_regclass('alpha.half') IS NOT NULL").Scan(&half); err != nil || half {
		t.Errorf("a half-run migration left its table (%v)", err)
	}
	if err := postgres.Migrate(t.Context(), pool, "alpha", migrations(makeThing, addColumn)); err != nil {
		t.Errorf("the corrected migration does not run: %v", err)
	}
}

func TestMigrateRefusesANewerDatabase(t *testing.T) {
	pool := postgrestest.New(t)
	if err := postgres.Migrate(t.Context(), pool, "alpha", migrations(makeThing, addColumn)); err != nil {
		t.Fatal(err)
	}
	err := postgres.Migrate(t.Context(), pool, "alpha", migrations(makeThing))
	if v := version(t, pool, "alpha"); err == nil || v != 2 {
		t.Fatalf("error is %v and version %d, want an error and 2", err, v)
	}
	if !strings.Contains(err.Error(), "newer Stridelog") {
		t.Errorf("error %q does not say what to do", err)
	}
}

func TestMigrateRefusesASchemaNameThatNeedsQuotes(t *testing.T) {
	pool := postgrestest.New(t)
	for _, name := range []string{"", "Alpha", "a;DROP TABLE x", "1a", strings.Repeat("a", 41)} {
		if err := postgres.Migrate(context.Background(), pool, name, migrations(makeThing)); err == nil {
			t.Errorf("schema %q was taken", name)
		}
	}
}
