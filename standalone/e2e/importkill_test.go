package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// killedExercises are many pages of an import, so that a kill finds it at work.
const killedExercises = 6_000

// large is an archive with so many exercises that a kill finds its import at work.
func (w *importWorld) large(t *testing.T) *export.Archive {
	t.Helper()
	a, err := export.New(w.people[0], export.Options{At: w.now, Exercises: killedExercises})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// awaitFacts waits until a user has so many facts at least, and gives how many.
func (w *importWorld) awaitFacts(ctx context.Context, t *testing.T, user client.User, least uint64) uint64 {
	t.Helper()
	stream, err := w.jetStream(t).Stream(ctx, "STRIDELOG_FACTS")
	if err != nil {
		t.Fatal(err)
	}
	subject := "stridelog.activity.fetched.fitbit." + user.ID
	for {
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(subject))
		if err != nil {
			t.Fatal(err)
		}
		if n := info.State.Subjects[subject]; n >= least {
			return n
		}
		wait(t, ctx, "the import has not published %d facts", least)
	}
}

// TestAnUploadSurvivesAKilledPoller kills the poller again and again in the middle
// of an import; whoever takes it over goes on.
func TestAnUploadSurvivesAKilledPoller(t *testing.T) {
	w := newImportWorld(t, importDays)
	a := w.large(t)
	addr := porttest.Address(t)
	env := append(w.environment(t, addr), "POLL_LEASE=2s")
	for _, service := range []string{"oauth", "projector", "gateway"} {
		startProcess(t, env, service)
	}
	poller := startProcess(t, env, "poller")
	c := clientAt(addr)
	awaitProviders(t, c)
	user := newUser(t, c, "killed")
	ctx := deadline(t)
	begun, err := c.Import(ctx, user.ID, "fitbit-export", false, uploads(t, a, "zip")...)
	if err != nil {
		t.Fatal(err)
	}
	interrupted := 0
	for _, least := range []uint64{1, killedExercises / 2} {
		had := w.awaitFacts(ctx, t, user, least)
		if had < uint64(len(a.Records())) {
			interrupted++
		}
		poller.kill(t)
		poller = startProcess(t, env, "poller")
	}
	if interrupted == 0 {
		t.Fatal("every kill came after the import: it needs more exercises")
	}
	i, err := c.AwaitImport(ctx, begun.ID)
	if err != nil || i.Status != "success" || i.Counts.Imported != len(a.Records()) {
		t.Errorf("the import ended %s with %+v of %d records: %v", i.Status, i.Counts, len(a.Records()), err)
	}
	fetched, removed := w.facts(t, user)
	w.once(t, a, fetched, removed)
	awaitRecords(t, c, user, len(a.Records()))
	w.noUploads(t)
}

// once wants one fact of each record.
func (w *importWorld) once(t *testing.T, a *export.Archive, fetched, removed map[string]int) {
	t.Helper()
	if len(fetched) != len(a.Records()) || len(removed) != 0 {
		t.Errorf("%d records have facts, want %d; %d are removed", len(fetched), len(a.Records()), len(removed))
	}
	for id, n := range fetched {
		if n != 1 {
			t.Errorf("%s has %d facts", id, n)
		}
	}
}

// awaitRecords waits until so many records of a user are served. Exercises of so
// dense an archive touch, so some are duplicates of others.
func awaitRecords(t *testing.T, c *client.Client, user client.User, want int) {
	t.Helper()
	ctx := deadline(t)
	for {
		list, err := c.Workouts(ctx, user.ID, everyRecord())
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == want {
			return
		}
		wait(t, ctx, "%d records are served, want %d", len(list), want)
	}
}

// kill ends the process as kill -9 does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.exited
}

// TestTheCommandImportsAndGoesOnAfterAKill runs the command beside a running
// system, as a person at a terminal does.
func TestTheCommandImportsAndGoesOnAfterAKill(t *testing.T) {
	w := newImportWorld(t, importDays)
	c := w.start(t).Client
	a := w.large(t)
	path := filepath.Join(t.TempDir(), "takeout.tgz")
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	user := newUser(t, c, "at a terminal")
	env := []string{"DATABASE_URL=" + w.databaseURL, "NATS_URL=" + w.natsURL}
	first := startProcess(t, env, "import", "fitbit-export", path, "--user", "at a terminal")
	had := w.awaitFacts(deadline(t), t, user, 1)
	first.kill(t)
	if had >= uint64(len(a.Records())) {
		t.Fatalf("the kill came after all %d records: the import needs more exercises", had)
	}
	out := w.command(t, env, "import", "fitbit-export", path, "--user", user.ID)
	for _, says := range []string{"records/s", " were already there", "from 20"} {
		if !strings.Contains(out, says) {
			t.Errorf("the report does not say %q:\n%s", says, out)
		}
	}
	fetched, removed := w.facts(t, user)
	w.once(t, a, fetched, removed)
	awaitRecords(t, c, user, len(a.Records()))
	if out := w.command(t, env, "import", "fitbit-export", "--dry-run", "--user", "external:at a terminal", path); !strings.Contains(out, "would import 0 of") {
		t.Errorf("a dry run of the same archive prints:\n%s", out)
	}
}

// command runs a command to its end and gives what it printed.
func (w *importWorld) command(t *testing.T, env []string, args ...string) string {
	t.Helper()
	return runCommand(t, env, args...)
}

func runCommand(t *testing.T, env []string, args ...string) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(deadline(t), path, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestTheDemoImportsTenYears types what the demo prints, after the line to paste.
func TestTheDemoImportsTenYears(t *testing.T) {
	demo := startProcess(t, []string{"STRIDELOG_DATA_DIR=" + dataDir(t), "HTTP_ADDR=" + porttest.Address(t)}, "demo")
	exported := demo.await(t, `(?m)^(export URL=.*)$`)[1]
	printed := demo.await(t, `(?s)# ten years of the same person[^\n]*\n(.*?import fitbit-export [^\n]*)\n( *curl [^\n]*)\n`)
	folder := t.TempDir()
	run := func(line string) string {
		t.Helper()
		cmd := exec.CommandContext(deadline(t), "sh", "-c", exported+"\n"+line)
		cmd.Dir, cmd.Env = folder, demo.cmd.Env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return string(out)
	}
	if out := run(printed[1]); !strings.Contains(out, "Imported ") || !strings.Contains(out, " were already there") {
		t.Errorf("the import prints:\n%s", out)
	}
	ctx := deadline(t)
	for !strings.Contains(run(printed[2]), `"total_count":`) || strings.Contains(run(printed[2]), `"data":[]`) {
		wait(t, ctx, "the month is empty")
	}
}
