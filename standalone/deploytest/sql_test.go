package deploytest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

// analytics is the schema of the views for analysts.
const analytics = "analytics"

// Postgres' codes for too many connections, and for what a read-only transaction refuses.
const (
	tooManyConnections = "53300"
	readOnly           = "25006"
)

// checkAnalystRole tries everything that the database holds as the analysts' role. It
// reads the views for analysts, and the view that names the log, and nothing else.
func (c *compose) checkAnalystRole(t *testing.T, workouts int) {
	t.Helper()
	analyst, admin := dial(t, c.secret(t, "database_url_analyst")), dial(t, c.adminURL)
	read := 0
	for _, r := range c.relations(t) {
		name := pgx.Identifier{r.schema, r.name}.Sanitize()
		may := r.schema == analytics || r.schema == "projector" && r.name == "view_log_v1"
		if got := try(t, analyst, "SELECT * FROM "+name+" LIMIT 1"); got != may {
			t.Errorf("an analyst reads %s: %v, want %v", name, got, may)
		}
		if may {
			read++
		}
		if !try(t, admin, "SELECT * FROM "+name+" LIMIT 1") {
			t.Errorf("the control cannot read %s", name)
		}
	}
	if read < 10 {
		t.Errorf("an analyst reads %d views", read)
	}
	var seen int
	if err := analyst.QueryRow(t.Context(), "SELECT count(*) FROM workouts").Scan(&seen); err != nil || seen != workouts {
		t.Errorf("an analyst sees %d workouts, the API shows %d: %v", seen, workouts, err)
	}
	for what, found := range map[string][]string{
		"writes": list(t, analyst, `SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ('r', 'v', 'p', 'S', 'm', 'f')
			AND (has_table_privilege(c.oid, 'INSERT') OR has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE') OR has_any_column_privilege(c.oid, 'UPDATE'))
			AND c.oid <> ALL (SELECT oid FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relname = 'pg_settings')`),
		"calls": list(t, analyst, `SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
			WHERE has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE')
			  AND (n.nspname NOT IN ('pg_catalog', 'information_schema') OR p.proname ~ '^(pg_(try_)?advisory_|lo_|pg_read_(binary_)?file$|pg_ls_|pg_stat_file)')
			  AND p.prorettype <> 'trigger'::regtype`),
		"creates in": list(t, analyst, `SELECT nspname::text FROM pg_namespace WHERE has_schema_privilege(oid, 'CREATE')`),
		"is":         list(t, analyst, `SELECT rolname::text FROM pg_roles WHERE pg_has_role(oid, 'MEMBER') AND rolname <> current_user`),
		"reads of the server's": list(t, analyst, `SELECT c.oid::regclass::text FROM pg_class c
			WHERE has_table_privilege(c.oid, 'SELECT') AND c.relname IN ('pg_authid', 'pg_shadow', 'pg_statistic', 'pg_largeobject', 'pg_user_mapping', 'pg_hba_file_rules')`),
	} {
		if len(found) > 0 {
			t.Errorf("an analyst %s %v", what, found)
		}
	}
	c.checkAnalystAttempts(t, analyst)
}

// checkAnalystAttempts tries what privileges alone do not show.
func (c *compose) checkAnalystAttempts(t *testing.T, analyst *pgx.Conn) {
	t.Helper()
	refused := []string{notPermitted, notUpdatable, readOnly}
	for _, sql := range []string{
		"CREATE TEMPORARY TABLE mine (id int)", "CREATE TABLE analytics.mine (id int)", "CREATE FUNCTION analytics.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"DELETE FROM analytics.users", "SELECT lo_create(0)", "SELECT pg_advisory_lock(1)", "SELECT pg_read_file('postgresql.conf')",
		"COPY analytics.users TO '/tmp/stridelog'", "COPY analytics.users TO PROGRAM 'true'", "SET ROLE gateway", "ALTER ROLE stridelog_analyst CONNECTION LIMIT -1",
	} {
		// Also where the session takes back the setting that makes it read only.
		for _, setting := range []string{"on", "off"} {
			if _, err := analyst.Exec(t.Context(), "SET default_transaction_read_only = "+setting); err != nil {
				t.Fatal(err)
			}
			_, err := analyst.Exec(t.Context(), sql)
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || !slices.Contains(refused, pg.Code) || setting == "off" && pg.Code == readOnly {
				t.Errorf("an analyst, read only %s: %s: %v", setting, sql, err)
			}
		}
	}
	got := list(t, analyst, "SELECT current_setting('statement_timeout') UNION ALL SELECT current_setting('idle_in_transaction_session_timeout') UNION ALL SELECT current_setting('search_path')")
	if want := []string{"1min", "1min", analytics}; !slices.Equal(got, want) {
		t.Errorf("an analyst's settings are %v, want %v", got, want)
	}
}

// checkAnalystConnections opens as many connections as an analyst may, which has none yet,
// and one more.
func (c *compose) checkAnalystConnections(ctx context.Context, t *testing.T) {
	t.Helper()
	const limit = 16
	var open []*pgx.Conn
	for n := range limit + 1 {
		conn, err := pgx.Connect(ctx, c.secret(t, "database_url_analyst"))
		var pg *pgconn.PgError
		switch {
		case n == limit:
			if !errors.As(err, &pg) || pg.Code != tooManyConnections {
				t.Errorf("connection %d of an analyst: %v", n+1, err)
			}
		case err != nil:
			t.Fatalf("connection %d of an analyst: %v", n+1, err)
		default:
			open = append(open, conn)
		}
	}
	for _, conn := range open {
		_ = conn.Close(ctx)
	}
	admin := dial(t, c.adminURL)
	waittest.Until(t, "the end of an analyst's connections", func() bool {
		return len(list(t, admin, "SELECT pid::text FROM pg_stat_activity WHERE usename = '"+deployment.AnalystRole+"'")) == 0
	})
}

// awaitAnalytics waits until the gateway has defined the views for analysts.
func (c *compose) awaitAnalytics(t *testing.T) {
	t.Helper()
	waittest.Until(t, "the views for analysts", func() bool {
		return slices.Contains(c.relations(t), relation{analytics, "workouts", "gateway"})
	})
}

func list(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The analysts' role of an embedded system has the settings of the one in containers.
func TestTheAnalystsRoleIsTheSameEmbedded(t *testing.T) {
	setting := regexp.MustCompile(`(?m)^ALTER ROLE stridelog_analyst .*;$`)
	containers, embedded := setting.FindAllString(read(t, "deploy/postgres/init/2-analyst.sql"), -1), setting.FindAllString(read(t, "standalone/internal/store/analyst.sql"), -1)
	if len(containers) < 6 || !slices.Equal(containers, embedded) {
		t.Errorf("in containers\n  %s\nembedded\n  %s", strings.Join(containers, "\n  "), strings.Join(embedded, "\n  "))
	}
	if want := fmt.Sprintf("CREATE ROLE %s;", deployment.AnalystRole); !strings.Contains(read(t, "deploy/postgres/init/2-analyst.sql"), want) {
		t.Errorf("the file does not say %s", want)
	}
}
