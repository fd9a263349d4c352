package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/porttest"
)

// TestADemoIsReachedFromAnotherTerminal does what a newcomer does: takes the demo's
// variables into a shell, uses them, starts a second demo by mistake, and begins anew.
func TestADemoIsReachedFromAnotherTerminal(t *testing.T) {
	dir, addr := dataDir(t), porttest.Address(t)
	env := []string{"STRIDELOG_DATA_DIR=" + dir, "HTTP_ADDR=" + addr}
	demo := startProcess(t, env, "demo")
	first := demo.await(t, demoPrinted+`.*To begin anew: `)
	terminal := &otherTerminal{t: t, env: []string{"STRIDELOG_DATA_DIR=" + dir}}

	exported := demo.await(t, `(?m)^(export URL=.*)$`)[1]
	show := "\nprintf '%s ' \"$URL\" \"$KEY\" \"$USER_ID\" \"$NATS_URL\""
	terminal.works(`eval "$(stridelog env)"`+show, first[4]+" "+first[2]+" "+first[3]+" nats://")
	bare := &otherTerminal{t: t} // it does not know where the data is
	bare.works(exported+show, first[4]+" "+first[2]+" "+first[3]+" nats://")
	// With what was pasted alone, commands find the stores and tail its NATS.
	bare.works(exported+`
curl -fsS -H "Authorization: Bearer $KEY" "$URL/api/v1/users/$USER_ID/events/workouts?limit=1"
stridelog rebuild
unset STRIDELOG_DATA_DIR
stridelog tail --kind workout --user "$USER_ID" --all --count 1`, `"data":[{`, "Rebuilt ", "stridelog.workout.recorded.")

	terminal.fails("stridelog demo", 1, "the demo runs already, on "+first[4], "env)")
	terminal.fails("stridelog demo --reset", 1, "the demo runs already")
	elsewhere := dataDir(t)
	fresh := &otherTerminal{t: t, env: []string{"STRIDELOG_DATA_DIR=" + elsewhere, "HTTP_ADDR=" + addr}}
	fresh.fails("stridelog demo", 2, "HTTP_ADDR: cannot listen on "+addr, "HTTP_ADDR=127.0.0.1:", "make demo")
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Errorf("the demo that found its port taken made %v, %v", left, err)
	}

	if err := demo.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-demo.exited
	terminal.fails(`stridelog env`, 1, "no demo is running", "was killed")
	second := startProcess(t, env, "demo", "--reset").await(t, demoPrinted)
	if second[3] == first[3] || second[2] == first[2] {
		t.Error("after the reset the demo has the key or the user of before")
	}
	if _, err := os.Stat(filepath.Join(dir, "run", "demo.json")); err != nil {
		t.Errorf("the demo that began anew left no variables: %v", err)
	}
}

// otherTerminal runs lines of a shell that knows stridelog by its name.
type otherTerminal struct {
	t   *testing.T
	env []string
}

func (o *otherTerminal) run(line string) (printed string, code int) {
	o.t.Helper()
	path, err := binary()
	if err != nil {
		o.t.Fatal(err)
	}
	dir := o.t.TempDir()
	if err := os.Symlink(path, filepath.Join(dir, "stridelog")); err != nil {
		o.t.Fatal(err)
	}
	shell := exec.CommandContext(deadline(o.t), "bash", "-c", "set -eu\n"+line)
	shell.Env = append([]string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + o.t.TempDir()}, append(wherePostgresIs(), o.env...)...)
	out, err := shell.CombinedOutput()
	if shell.ProcessState == nil {
		o.t.Fatal(err)
	}
	return string(out), shell.ProcessState.ExitCode()
}

func (o *otherTerminal) works(line string, says ...string) {
	o.t.Helper()
	o.fails(line, 0, says...)
}

func (o *otherTerminal) fails(line string, code int, says ...string) {
	o.t.Helper()
	printed, got := o.run(line)
	if got != code {
		o.t.Errorf("%s\nended with %d, want %d:\n%s", line, got, code, printed)
	}
	for _, part := range says {
		if !strings.Contains(printed, part) {
			o.t.Errorf("%s\ndoes not say %q, but\n%s", line, part, printed)
		}
	}
}
