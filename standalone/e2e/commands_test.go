package e2e

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/visitor"
)

// commandRunner runs commands of ours one after the other and keeps what they printed.
type commandRunner struct {
	t    *testing.T
	path string
	env  []string
}

// run runs a command, wants an exit code and texts of its output, and returns its
// standard output.
func (w commandRunner) run(code int, args []string, says ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(deadline(w.t), w.path, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = w.env, &out, &errs
	_ = cmd.Run() // the exit code is compared
	w.t.Logf("$ stridelog %s\n%s%s(exit code %d)", strings.Join(args, " "), out.String(), errs.String(), cmd.ProcessState.ExitCode())
	if got := cmd.ProcessState.ExitCode(); got != code {
		w.t.Fatalf("stridelog %s exits with %d, want %d", strings.Join(args, " "), got, code)
	}
	for _, text := range says {
		if !strings.Contains(out.String()+errs.String(), text) {
			w.t.Errorf("stridelog %s does not say %q", strings.Join(args, " "), text)
		}
	}
	return out.String()
}

// A person is made, connected, read and disconnected by commands alone, which have
// nothing but the address of the API and a key.
func TestCommandsTakeAPersonFromTheFirstDayToTheLast(t *testing.T) {
	dir := dataDir(t)
	demo := startProcess(t, []string{"STRIDELOG_DATA_DIR=" + dir, "HTTP_ADDR=" + porttest.Address(t)}, "demo")
	c := demoClient(demo.await(t, demoPrinted))
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	w := commandRunner{t, path, []string{"URL=" + c.BaseURL, "KEY=" + c.Key, "HOME=" + t.TempDir()}}
	const ada = "Ada/Byron 1815" // as a client may name somebody

	made := w.run(0, []string{"users", "create", "--external-user-id", ada, "--email", "ada@example.org"}, "external id  "+ada, "ada@example.org")
	id := strings.Fields(made)[1]
	w.run(1, []string{"users", "create", "--external-user-id", ada}, "409")
	w.run(0, []string{"users", "list", "--search", "byron"}, id, ada)
	w.run(0, []string{"users", "list", "--json"}, `"external_user_id":"`+ada+`"`, `"external_user_id":"demo"`)
	w.run(0, []string{"users", "list", "--search", "nobody at all"}, "There are no such users.")
	w.run(0, []string{"users", "show", ada}, id, "There are no connections")
	w.run(2, []string{"users", "show", "somebody else"}, "404 not_found")

	w.run(2, []string{"connections", "authorize", ada, "strava"}, "404")
	address := strings.TrimSpace(w.run(0, []string{"connections", "authorize", ada, "fitbit"}, "give it to nobody else"))
	people, err := simulator.Roster(1, time.Now()) // as the demo's
	if err != nil {
		t.Fatal(err)
	}
	callback, err := visitor.Decide(t.Context(), c.HTTP, address, visitor.Decision{AccountID: people[1].AccountID()})
	if err != nil {
		t.Fatal(err)
	}
	if back, err := c.Return(t.Context(), callback); err != nil || back.Query().Get("error") != "" {
		t.Fatalf("the consent ended at %v: %v", back, err)
	}
	w.run(0, []string{"connections", "list", ada}, "fitbit", "active")

	w.run(0, []string{"sync", "start", ada, "fitbit", "--days", "60"}, "is queued", "at fitbit: success; records: ")
	later := strings.TrimSpace(w.run(0, []string{"sync", "start", "--no-wait", id, "fitbit", "--from", "2026-01-01", "--to", "2026-02-01"}))
	w.run(0, []string{"sync", "follow", ada, later, "--json"}, `"id":"`+later+`"`, `"status":"success"`)
	w.run(0, []string{"sync", "list", ada}, later, "backfill", "manual")
	w.run(2, []string{"sync", "start", ada, "fitbit", "--from", "yesterday"}, "start_date")

	w.run(0, []string{"connections", "disconnect", ada, "fitbit", "--yes"}, "is revoked; the workouts that were read stay.")
	w.run(0, []string{"connections", "list", ada, "--json"}, `"status":"revoked"`)
	w.run(1, []string{"sync", "start", ada, "fitbit"}, "409")

	here := commandRunner{t, path, []string{"STRIDELOG_DATA_DIR=" + dir, "HOME=" + t.TempDir()}}
	here.run(0, []string{"users", "list"}, id) // the demo of this machine needs neither URL nor KEY
	wrong := commandRunner{t, path, []string{"URL=" + c.BaseURL, "KEY=sk-wrong"}}
	wrong.run(1, []string{"users", "list"}, "401", "check KEY")
	away := commandRunner{t, path, []string{"URL=http://" + porttest.Address(t), "KEY=" + c.Key}}
	away.run(1, []string{"users", "list"}, "check that the gateway runs and that URL is its address")
}
