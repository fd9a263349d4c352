package analytics_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/services/gateway/internal/analytics"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

var update = flag.Bool("update", false, "write the views' tables of docs/sql.md from the database")

const (
	page  = "../../../../docs/sql.md"
	begin = "<!-- views: begin -->\n"
	end   = "<!-- views: end -->"
)

// column is what the database says of a column of a view.
type column struct{ View, Name, Type, Says string }

// described are all columns of the views, in order, and what the views are.
func described(t *testing.T, s *gatewaytest.System) (views map[string]string, columns []column) {
	t.Helper()
	rows, err := s.DB.Query(t.Context(), `SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), coalesce(col_description(c.oid, a.attnum), '')
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
		WHERE c.relnamespace = $1::regnamespace ORDER BY c.relname, a.attnum`, analytics.Schema)
	if err == nil {
		columns, err = pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	}
	if err != nil {
		t.Fatal(err)
	}
	views = map[string]string{}
	for _, c := range columns {
		var says string
		s.Scan(`SELECT coalesce(obj_description(to_regclass($1), 'pg_class'), '')`, []any{analytics.Schema + "." + c.View}, &says)
		views[c.View] = says
	}
	return views, columns
}

// undocumented are the views and columns without a comment, and the columns of figures
// that name no unit.
func undocumented(views map[string]string, columns []column) (faults []string) {
	for view, says := range views {
		if says == "" {
			faults = append(faults, view+" has no comment")
		}
	}
	unit := regexp.MustCompile(`second|metre|kilocalorie|beats per minute|[Nn]umber of|[Mm]inutes|Version|Sequence|[Pp]lace`)
	for _, c := range columns {
		switch {
		case c.Says == "":
			faults = append(faults, c.View+"."+c.Name+" has no comment")
		case regexp.MustCompile(`^(bigint|integer|double precision|numeric)$`).MatchString(c.Type) && !unit.MatchString(c.Says):
			faults = append(faults, c.View+"."+c.Name+" is a figure without a unit: "+c.Says)
		case c.Type == "timestamp with time zone" && !strings.Contains(c.Says, "instant"):
			faults = append(faults, c.View+"."+c.Name+" does not say that it is an instant: "+c.Says)
		}
	}
	return faults
}

// tables are the views as the page shows them. Of the records with duplicates it shows
// what the workouts lack.
func tables(views map[string]string, columns []column) string {
	const all, shown = "workouts_with_duplicates", "workouts"
	has := map[string]bool{}
	for _, c := range columns {
		has[c.View+"."+c.Name] = true
	}
	var out strings.Builder
	for _, view := range []string{
		shown, all, "workout_heart_rate_zones", "workout_versions", "users", "connections", "connection_history", "coverage", "syncs",
	} {
		fmt.Fprintf(&out, "\n### %s\n\n%s\n\n", view, views[view])
		if view == all {
			fmt.Fprintf(&out, "It has every column of `%s`, and:\n\n", shown)
		}
		fmt.Fprint(&out, "| column | type | is |\n|---|---|---|\n")
		for _, c := range columns {
			if c.View == view && (view != all || !has[shown+"."+c.Name]) {
				fmt.Fprintf(&out, "| `%s` | %s | %s |\n", c.Name, c.Type, c.Says)
			}
		}
		delete(views, view)
	}
	for view := range views {
		fmt.Fprintf(&out, "\n%s is not in the page's order\n", view)
	}
	return out.String() + "\n"
}

// Every view and column has a comment with its unit, and docs/sql.md shows just these.
func TestThePageShowsEveryColumnAsTheDatabaseDescribesIt(t *testing.T) {
	s := defined(t)
	views, columns := described(t, s)
	if len(columns) < 100 || len(views) != len(analytics.Views()) {
		t.Fatalf("the database describes %d columns of %d views", len(columns), len(views))
	}
	for _, fault := range undocumented(views, columns) {
		t.Error(fault)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	shows, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has lost the marks around the views", page)
	}
	want := tables(views, columns)
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shows != want {
		t.Errorf("docs/sql.md shows other columns than the database: go test ./services/gateway/internal/analytics -run ThePageShows -update")
	}
}

// The control: a column without a comment, a figure without a unit and a view without
// one are found, and a page of other columns differs.
func TestAColumnWithoutACommentIsFound(t *testing.T) {
	s := defined(t)
	views, columns := described(t, s)
	before := tables(views, columns)
	s.Exec(`CREATE OR REPLACE VIEW analytics.users AS SELECT id AS user_id, external_user_id, created_at, 7::bigint AS age FROM gateway.users`)
	s.Exec(`COMMENT ON VIEW analytics.syncs IS NULL; COMMENT ON COLUMN analytics.workouts.steps IS 'Steps.'`)
	views, columns = described(t, s)
	got := strings.Join(undocumented(views, columns), "\n")
	for _, want := range []string{"users.age has no comment", "syncs has no comment", "workouts.steps is a figure without a unit"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not among\n%s", want, got)
		}
	}
	if tables(views, columns) == before {
		t.Error("the page is the same with a further column")
	}
}
