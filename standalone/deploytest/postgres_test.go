package deploytest

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stridelog/stridelog/standalone/internal/deployment"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// Postgres' codes for a refusal, and for a view that nobody can write.
const (
	notPermitted = "42501"
	notUpdatable = "55000"
)

// relation is a table or a view of ours.
type relation struct{ schema, name, owner string }

// relations are all there are, of every service and generation.
func (c *compose) relations(t *testing.T) []relation {
	t.Helper()
	conn := dial(t, c.adminURL)
	rows, err := conn.Query(t.Context(), `SELECT n.nspname::text, c.relname::text, pg_get_userbyid(c.relowner)::text FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'v', 'p') AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r relation, err error) {
		return r, row.Scan(&r.schema, &r.name, &r.owner)
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func dial(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

// try runs a statement, takes it back, and says whether it was permitted.
func try(t *testing.T, conn *pgx.Conn, sql string) bool {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	_, err = tx.Exec(t.Context(), sql)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == notPermitted || refused.Code == notUpdatable) {
		return false
	}
	if err != nil {
		t.Errorf("%s: %v", sql, err)
	}
	return true
}

// checkRoles tries every table and view as every role. Each service reads and writes
// its own, which is the control for all others; the gateway and the operator read what is
// published besides; the operator is poller and projector.
func (c *compose) checkRoles(t *testing.T) {
	t.Helper()
	published, all := regexp.MustCompile(`^view_\w+_v\d+$`), c.relations(t)
	for _, r := range all {
		owner := strings.SplitN(r.schema, "_g", 2)[0]
		if r.schema == analytics {
			owner = "gateway" // which defines them over what all publish
		}
		if r.owner != owner {
			t.Errorf("%s.%s belongs to %s", r.schema, r.name, r.owner)
		}
	}
	for _, must := range []relation{
		{"oauth", "connections", "oauth"}, {"gateway", "users", "gateway"}, {"poller", "targets", "poller"},
		{"projector", "serving", "projector"}, {"projector", "view_workouts_v1", "projector"}, {analytics, "workouts", "gateway"},
	} {
		if !slices.Contains(all, must) {
			t.Fatalf("%+v is not among %v", must, all)
		}
	}
	for _, role := range append(system.Services(), deployment.Operator) {
		conn := dial(t, c.secret(t, "database_url_"+role))
		for _, r := range all {
			owns := r.owner == role || role == deployment.Operator && (r.owner == "poller" || r.owner == "projector")
			name := pgx.Identifier{r.schema, r.name}.Sanitize()
			everybodys := r.schema == "projector" && r.name == "view_log_v1" // which log this is, and nothing else
			reads := owns || everybodys || (role == "gateway" || role == deployment.Operator) && published.MatchString(r.name)
			if got := try(t, conn, "SELECT 1 FROM "+name+" LIMIT 1"); got != reads {
				t.Errorf("%s reads %s: %v, want %v", role, name, got, reads)
			}
			if (strings.HasPrefix(r.name, "view_") || r.schema == analytics) && owns {
				continue // not every view can be written, whoever owns it
			}
			if got := try(t, conn, "DELETE FROM "+name+" WHERE false"); got != owns {
				t.Errorf("%s writes %s: %v, want %v", role, name, got, owns)
			}
		}
		for _, schema := range system.Services() {
			owns := schema == role || role == deployment.Operator && (schema == "poller" || schema == "projector")
			if got := try(t, conn, "CREATE TABLE "+schema+".mine (id int)"); got != owns {
				t.Errorf("%s makes tables in %s: %v, want %v", role, schema, got, owns)
			}
		}
		if got, want := try(t, conn, "CREATE SCHEMA projector_g99"), role == "projector" || role == deployment.Operator; got != want {
			t.Errorf("%s makes schemas: %v, want %v", role, got, want)
		}
		if try(t, conn, "CREATE TABLE public.mine (id int)") || try(t, conn, "CREATE ROLE mine") {
			t.Errorf("%s makes tables in public, or roles", role)
		}
	}
}
