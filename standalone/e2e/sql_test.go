package e2e

import (
	"archive/zip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// analysed is a running demo whose views for analysts are there.
type analysed struct {
	env     []string
	api     *client.Client
	user    string
	analyst string // how the analysts' role connects
}

func newAnalysed(t *testing.T) analysed {
	t.Helper()
	dir := dataDir(t)
	env := []string{"STRIDELOG_DATA_DIR=" + dir, "HTTP_ADDR=" + porttest.Address(t)}
	printed := startProcess(t, env, "demo").await(t, demoPrinted)
	a := analysed{env: env, api: demoClient(printed), user: printed[3], analyst: readStores(t, dir).AnalystURL}
	waittest.Until(t, "the views for analysts are defined", func() bool {
		conn, err := pgx.Connect(t.Context(), a.analyst)
		if err != nil {
			return false
		}
		defer func() { _ = conn.Close(t.Context()) }()
		_, err = conn.Exec(t.Context(), "SELECT FROM workouts")
		return err == nil
	})
	return a
}

// TestEveryCommandOfTheSQLGuideRuns runs docs/sql.md on a demo. The three ways to the
// weekly distance give what the API's list gives, before and after a rebuild.
func TestEveryCommandOfTheSQLGuideRuns(t *testing.T) {
	a := newAnalysed(t)
	home := t.TempDir()
	installDuckDBExtension(t, home)
	g := openGuide(t, "docs/sql.md", append(a.env, "ANALYST_DATABASE_URL="+a.analyst, "HOME="+home)...)
	workouts, err := a.api.Workouts(t.Context(), a.user, nil)
	if err != nil {
		t.Fatal(err)
	}
	records, err := a.api.Workouts(t.Context(), a.user, url.Values{"include": {"duplicates"}})
	if err != nil {
		t.Fatal(err)
	}
	want := weeksOf(t, workouts)
	if len(want) < 10 || len(records) == len(workouts) {
		t.Fatalf("%d weeks, %d workouts, %d records: too few to tell anything", len(want), len(workouts), len(records))
	}
	same := func(printed string) error {
		got, err := weeksIn(printed)
		if err != nil {
			return err
		}
		return compareWeeks(got, want)
	}
	g.run(t, "Connect", holds(fmt.Sprintf("\n%6d\n", len(workouts))))
	inSQL := g.run(t, "In SQL", same)
	g.run(t, "In DuckDB", func(printed string) error {
		return errors.Join(same(printed), holds(fmt.Sprintf("\n%d workouts in workouts.parquet\n", len(workouts)))(printed))
	})
	g.run(t, "In pandas", same)
	g.run(t, "Duplicates", func(printed string) error {
		return exactly(printed, fmt.Sprintf(`(?m)^ +%d \| +%d \| +%d$`, len(workouts), len(workouts), len(records)-len(workouts)), 1)
	})
	checkControlOfWeeks(t, inSQL, want)
	checkPlans(t, a)
	a.checkRebuild(t, len(workouts))
}

// installDuckDBExtension puts DuckDB's extension where DuckDB would download it to.
func installDuckDBExtension(t *testing.T, home string) {
	t.Helper()
	wheels, err := filepath.Glob(root + "/bin/wheels/duckdb_extension_postgres_scanner-*.whl")
	if err != nil || len(wheels) != 1 {
		t.Fatalf("DuckDB's extension is not there: run make python: %v, %v", wheels, err)
	}
	archive, err := zip.OpenReader(wheels[0])
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	inside := regexp.MustCompile(`/extensions/(v[0-9.]+)/(postgres_scanner\.duckdb_extension)$`)
	platform := map[string]string{"darwin": "osx"}[runtime.GOOS]
	if platform == "" {
		platform = runtime.GOOS
	}
	for _, f := range archive.File {
		m := inside.FindStringSubmatch(f.Name)
		if m == nil {
			continue
		}
		dir := filepath.Join(home, ".duckdb", "extensions", m[1], platform+"_"+runtime.GOARCH)
		in, err := f.Open()
		if err == nil {
			err = os.MkdirAll(dir, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out, err := os.Create(filepath.Join(dir, m[2]))
		if err == nil {
			_, err = io.Copy(out, in) //nolint:gosec // a wheel of a known hash
			err = errors.Join(err, out.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("%s holds no extension", wheels[0])
}

// week is a person's week of one type of workout; day is its Monday.
type week struct{ user, kind, day string }

// weeksOf sums the API's workouts, in kilometres.
func weeksOf(t *testing.T, workouts []json.RawMessage) map[week]float64 {
	t.Helper()
	sums := map[week]float64{}
	for _, text := range workouts {
		var w struct {
			UserID         string   `json:"user_id"`
			Type           string   `json:"type"`
			LocalDate      *string  `json:"local_date"`
			DistanceMeters *float64 `json:"distance_meters"`
		}
		if err := json.Unmarshal(text, &w); err != nil {
			t.Fatal(err)
		}
		if w.LocalDate == nil || w.DistanceMeters == nil {
			continue
		}
		day, err := time.Parse(time.DateOnly, *w.LocalDate)
		if err != nil {
			t.Fatal(err)
		}
		monday := day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
		sums[week{w.UserID, w.Type, monday.Format(time.DateOnly)}] += *w.DistanceMeters / 1000
	}
	return sums
}

// weeksIn reads the table that the page's commands print, as CSV.
func weeksIn(printed string) (map[week]float64, error) {
	_, table, found := strings.Cut(printed, "user_id,type,week,kilometers\n")
	if !found {
		return nil, errors.New("it prints no table with these columns")
	}
	read := csv.NewReader(strings.NewReader(table))
	read.FieldsPerRecord = -1
	rows, err := read.ReadAll()
	if err != nil {
		return nil, err
	}
	sums := map[week]float64{}
	for _, r := range rows {
		if len(r) != 4 {
			continue // a line behind the table
		}
		km, err := strconv.ParseFloat(r[3], 64)
		if err != nil {
			return nil, err
		}
		sums[week{r[0], r[1], r[2]}] = km
	}
	return sums, nil
}

func compareWeeks(got, want map[week]float64) error {
	const metre = 0.001
	if len(got) != len(want) {
		return fmt.Errorf("it has %d weeks, the API gives %d", len(got), len(want))
	}
	for w, km := range want {
		if there, ok := got[w]; !ok || math.Abs(there-km) > metre {
			return fmt.Errorf("%+v has %v km (%v), the API gives %v", w, there, ok, km)
		}
	}
	return nil
}

// checkControlOfWeeks shows that the comparison finds another distance and another week.
func checkControlOfWeeks(t *testing.T, printed string, want map[week]float64) {
	t.Helper()
	got, err := weeksIn(printed)
	if err != nil || compareWeeks(got, want) != nil {
		t.Fatalf("the control: %v", err)
	}
	for w, km := range got {
		other := maps.Clone(got)
		if other[w] = km + 0.01; compareWeeks(other, want) == nil {
			t.Error("another distance is taken for the same")
		}
		delete(other, w)
		if other[week{w.user, w.kind, "2001-01-01"}] = km; compareWeeks(other, want) == nil {
			t.Error("another week is taken for the same")
		}
		return
	}
}

// checkPlans looks at how PostgreSQL reads the views: a person's rows by an index, as from
// the table, and no JSON where no query names a member of it.
func checkPlans(t *testing.T, a analysed) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), a.analyst)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), "SET enable_seqscan = off"); err != nil { // the demo's table is as fast to read whole
		t.Fatal(err)
	}
	person := " FROM workouts WHERE user_id = '" + a.user + "' AND local_date >= '2026-01-01'"
	for _, c := range []struct {
		query    string
		has, not string
	}{
		{"SELECT sum(distance_meters)" + person, `Index Cond: \(\(?user_id = `, "Seq Scan"},
		{"SELECT sum(distance_meters)" + person + " AND type = 'running' AND start_time > '2026-01-01'", `Index Cond: \(\(user_id = .*start_time >`, "Seq Scan"},
		{"SELECT type, count(*) FROM workouts GROUP BY type", "Aggregate", "json_to_record|workout_versions"},
		{"SELECT sum(steps) FROM workouts", "json_to_record", "workout_versions"},
	} {
		rows, err := conn.Query(t.Context(), "EXPLAIN "+c.query)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if !regexp.MustCompile(c.has).MatchString(plan) || regexp.MustCompile(c.not).MatchString(plan) {
			t.Errorf("%s is read by\n%s\nwant %s and not %s", c.query, plan, c.has, c.not)
		}
	}
}

// checkRebuild rebuilds while an analyst counts: at every moment all workouts are there,
// and afterwards they are those of the new generation.
func (a analysed) checkRebuild(t *testing.T, workouts int) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), a.analyst)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rebuild := exec.CommandContext(t.Context(), path, "rebuild")
	rebuild.Env = append(os.Environ(), append(wherePostgresIs(), a.env...)...)
	ended := make(chan error, 1)
	go func() {
		out, err := rebuild.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		ended <- err
	}()
	for count, done := 0, false; !done; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("rebuild: %v", err)
			}
			done = true
		default:
		}
		if err := conn.QueryRow(t.Context(), "SELECT count(distance_meters) + count(*) FILTER (WHERE distance_meters IS NULL) FROM workouts").Scan(&count); err != nil || count != workouts {
			t.Fatalf("beside a rebuild an analyst sees %d of %d workouts: %v", count, workouts, err)
		}
	}
}
