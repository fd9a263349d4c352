package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/porttest"
)

// A system that keeps its own stores ends when its log was replaced. The command
// that its last words name must work all the same.
func TestRebuildRepairsASystemThatRefusesToStart(t *testing.T) {
	dir := dataDir(t)
	env := []string{"STRIDELOG_DATA_DIR=" + dir, "HTTP_ADDR=" + porttest.Address(t)}
	demo := startProcess(t, env, "demo")
	first := demo.await(t, demoPrinted)
	demo.stop(t)
	if err := os.RemoveAll(filepath.Join(dir, "nats")); err != nil {
		t.Fatal(err)
	}

	refused := startProcess(t, env, "demo")
	refused.await(t, `the log was restored: run stridelog rebuild --accept-log`)
	<-refused.exited
	if code := refused.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("the refused demo ended with code %d, want 1", code)
	}
	rebuild := exec.Command(refused.cmd.Path, "rebuild", "--accept-log")
	rebuild.Env = refused.cmd.Env
	if out, err := rebuild.CombinedOutput(); err != nil || !strings.Contains(string(out), "Rebuilt 0 workouts") {
		t.Fatalf("rebuild with nothing running: %v\n%s", err, out)
	}
	// The log is empty and the connection stands: a sync reads it all again.
	startProcess(t, env, "demo")
	c := demoClient(first)
	ctx := deadline(t)
	id, err := c.Historical(ctx, first[3], "fitbit", historyDays)
	for ; err != nil; id, err = c.Historical(ctx, first[3], "fitbit", historyDays) {
		wait(t, ctx, "the demo answers: %v", err)
	}
	if sync, err := c.AwaitSync(ctx, first[3], id); err != nil || sync.Status != "success" {
		t.Fatalf("after the rebuild a sync ended %+v, %v", sync, err)
	}
	for served := 0; served < 30; served = len(demoWorkouts(t, first)) {
		wait(t, ctx, "workouts: %d", served)
	}
}
