package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// demoStores is run/stores.json of a data directory.
type demoStores struct {
	DatabaseURL string `json:"database_url"`
	NATSURL     string `json:"nats_url"`
	AnalystURL  string `json:"analyst_database_url"`
	PID         int    `json:"pid"`
}

// TestEveryCommandOfReadmeAndOperationsRuns is a newcomer and then an operator: it
// starts the demo as README.md says, takes its tour, and runs docs/operations.md on
// the same system, from a look at its health to a restore that serves the same.
func TestEveryCommandOfReadmeAndOperationsRuns(t *testing.T) {
	for _, name := range []string{"pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%v: install PostgreSQL's client programs: apt-get install postgresql-client", err)
		}
	}
	dir, addr, backup, newDir := dataDir(t), porttest.Address(t), t.TempDir(), filepath.Join(dataDir(t), "copy")
	env := append(wherePostgresIs(), "STRIDELOG_DATA_DIR="+dir, "HTTP_ADDR="+addr, "HOME="+os.Getenv("HOME"))
	readme := openGuide(t, "README.md", env...)
	if out, err := exec.Command("make", "-C", root, "build").CombinedOutput(); err != nil { // so that the demo's start is no build
		t.Fatalf("make build: %v: %s", err, out)
	}
	demo := startCommand(t, readme.env, "bash", "-c", "cd "+root+" && exec "+readme.take(t, "Start"))
	printed := demo.await(t, demoPrinted)
	c, user := demoClient(printed), client.User{ID: printed[3]}
	stores := readStores(t, dir)
	t.Cleanup(func() { _ = syscall.Kill(stores.PID, syscall.SIGINT) }) // as a terminal does to make's child
	text, _ := demo.out.read()
	text = regexp.MustCompile(`(?m)^time=.*\n`).ReplaceAllString(text, "") // log lines come between
	if want := promised(t); !want.MatchString(text) {
		t.Errorf("README.md promises\n%s\nand the demo prints\n%s", want, text)
	}
	counted := regexp.MustCompile(`in (\d+) records`).FindStringSubmatch(text)
	if counted == nil {
		t.Fatalf("the demo does not say how many records there are:\n%s", text)
	}
	total := `"total_count":` + printed[1]
	rebuilt := "Rebuilt " + counted[1] + " workouts" // those that are hidden as duplicates, too
	known := append(env, "URL="+c.BaseURL, "KEY="+c.Key, "USER_ID="+user.ID, "NATS_URL="+stores.NATSURL, "DATABASE_URL="+stores.DatabaseURL)

	readme.run(t, "One minute", func(printed string) error { // stridelog env sets what it needs
		if err := exactly(printed, tailedLine("activity", user.ID), 1); err != nil {
			return err
		}
		if err := exactly(printed, tailedLine("workout", user.ID), 3); err != nil {
			return err
		}
		return holds(total, `"exerciseType"`, `"event":"recorded"`, rebuilt)(printed)
	})
	readme.env = append(readme.env, known...)

	newAddr := porttest.Address(t)
	ops := openGuide(t, "docs/operations.md", append(known, "BACKUP="+backup, "NEW_DATA_DIR="+newDir, "NEW_HTTP_ADDR="+newAddr,
		"NEW_DATABASE_URL="+postgrestest.URL(t), "NEW_NATS_URL="+emptyNATS(t), "STRIDELOG_SEALING_KEY_FILE="+filepath.Join(dir, "keys", "sealing.json"))...)
	ops.run(t, "Health", holds(`"ok"`, `"ready"`, "consumer projector-facts", "stridelog_consumer_lag_seconds{"))
	ops.run(t, "Stores of your own", holds("NATS is version", "PostgreSQL is version", "This database and this NATS belong together"))
	ops.run(t, "Traces", func(string) error { return nil }) // it only sets variables
	ops.run(t, "Dead letters", holds(`"data":[]`, "There are no dead letters.", "17: there is no such dead letter", "Requeued 0 of 1", "Dropped 0 of 1"))
	ops.run(t, "API keys", holds("may do: read, location. It is shown this once: sl_", "has a new secret", "are ended", `"action":"key.revoked"`))
	ops.run(t, "Backup", holds("STRIDELOG_FACTS", "STRIDELOG_SYNCS", "STRIDELOG_CHANGES", "STRIDELOG_DEAD_LETTERS", "Backed up "))
	ops.run(t, "Restore", holds(rebuilt, "There are no differences.", "Restored "))
	ops.run(t, "A drill", func(text string) error {
		if !strings.Contains(text, `"ready"`) || strings.Contains(text, `"data"`) {
			return fmt.Errorf("the restored system serves something else")
		}
		return nil
	})
	ops.env = append(ops.env, "NEW_DATABASE_URL="+postgrestest.URL(t), "NEW_NATS_URL="+emptyNATS(t)) // empty ones again
	ops.run(t, "By hand", holds("STRIDELOG_FACTS", "STRIDELOG_SYNCS", "STRIDELOG_CHANGES", "STRIDELOG_DEAD_LETTERS", rebuilt))
	ops.run(t, "Upgrade", holds("The environment is complete", "A rebuild would change nothing.", rebuilt))
	ops.run(t, "Users, connections and syncs", holds("external id  customer-42", "/oauth2/authorize?", "google_health  active", ": success; records: ",
		"backfill", "is revoked; the workouts that were read stay."))

	// After whatever counts the demo's own workouts.
	readme.run(t, "A history in one command", holds("holds 3", "Imported 3", "were skipped", `"local_date":"2017-12`))

	before := demoWorkouts(t, printed)
	_ = syscall.Kill(stores.PID, syscall.SIGINT)
	<-demo.exited
	ops.run(t, "A cold copy", holds(""))
	copied := startProcess(t, []string{"STRIDELOG_DATA_DIR=" + newDir, "HTTP_ADDR=" + addr}, "demo").await(t, demoPrinted)
	after := demoWorkouts(t, copied)
	if len(before) == 0 || len(after) != len(before) {
		t.Errorf("the copy serves %d workouts, the original served %d", len(after), len(before))
	}
	for id, workout := range before {
		if string(after[id]) != string(workout) {
			t.Errorf("workout %s\n  was %s\n  the copy has %s", id, workout, after[id])
		}
	}
}

// promised matches what README.md says that the demo prints. Numbers are any
// numbers, ids any ids, and … stands for the rest of a word.
func promised(t *testing.T) *regexp.Regexp {
	t.Helper()
	all := blocks(readDocument(t, "README.md"))
	i := slices.IndexFunc(all, func(b block) bool { return b.section == "Start" && b.language == "text" })
	if i < 0 {
		t.Fatal("README.md does not show what the demo prints")
	}
	text := regexp.QuoteMeta(strings.TrimSuffix(all[i].text, "\n")) // a data directory of its own follows in the last line
	text = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAllLiteralString(text, `[[:xdigit:]-]+`)
	text = regexp.MustCompile(`\b\d+\b`).ReplaceAllLiteralString(text, `\d+`)
	text = regexp.MustCompile(`(\S)…`).ReplaceAllString(text, `$1\S+`)
	return regexp.MustCompile(text)
}

func readStores(t *testing.T, dir string) (s demoStores) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "run", "stores.json"))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func emptyNATS(t *testing.T) string {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server.URL()
}

// TestAlertsAreExplained holds deploy/prometheus/alerts.yml to docs/operations.md:
// the same alerts in both, and only metrics that exist.
func TestAlertsAreExplained(t *testing.T) {
	rules, page := readDocument(t, "deploy/prometheus/alerts.yml"), readDocument(t, "docs/operations.md")
	inRules := names(rules, `(?m)^      - alert: (\w+)$`)
	_, table, found := strings.Cut(page, "\n## Alerts\n")
	table, metrics, more := strings.Cut(table, "\n### Metrics\n")
	if !found || !more || len(inRules) < 20 {
		t.Fatalf("the page has lost its tables, or the file its rules: %d", len(inRules))
	}
	if inTable := names(table, "`(Stridelog\\w+)`(?:, `Stridelog\\w+`)? \\|", "`Stridelog\\w+`, `(Stridelog\\w+)` \\|"); !slices.Equal(inRules, inTable) {
		t.Errorf("rules\n  %v\nexplained\n  %v", inRules, inTable)
	}
	for _, name := range names(rules, `(stridelog_\w+)`) {
		name = regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
		if !strings.Contains(metrics, "`"+name+"`") {
			t.Errorf("a rule reads %s, which is not in the table of metrics", name)
		}
	}
}

// names are the first groups of patterns in a text, sorted, each once.
func names(text string, patterns ...string) (list []string) {
	for _, pattern := range patterns {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			list = append(list, m[1])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
