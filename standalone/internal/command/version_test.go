package command

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/telemetry"
)

func TestVersionSaysWhatTheProgramWasBuiltFrom(t *testing.T) {
	build := telemetry.Build{Version: "1.2.3", Commit: "abc", Time: "2026-11-30T22:00:00Z", Go: "go1.26.8", Modified: true}
	called := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Run(t.Context(), append([]string{"version"}, args...), Process{
			Stdout: &out, Stderr: &errs, Build: build,
			Env: func(name string) (string, bool) { return "nonsense", name == "LOG_LEVEL" }, // no reason to be silent
		})
		return code, out.String(), errs.String()
	}
	want := "version  1.2.3\ncommit   abc, with changes\nbuilt    2026-11-30T22:00:00Z\ngo       go1.26.8\n"
	if code, out, _ := called(); code != exitOK || out != want {
		t.Errorf("exit %d:\n%s", code, out)
	}
	code, out, _ := called("--json")
	var read telemetry.Build
	if err := json.Unmarshal([]byte(out), &read); err != nil || code != exitOK || read != build {
		t.Errorf("exit %d, %v:\n%s", code, err, out)
	}
	if code, _, said := called("now"); code != exitUsage || !strings.Contains(said, "stridelog version [--json]") {
		t.Errorf("exit %d: %s", code, said)
	}
}

// A build without a repository, as in a container, has its version of an argument. The
// image's -trimpath is left out: with it Go would compile every package once more.
func TestBuildArgumentsReachTheProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "stridelog")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-tags", "timetzdata",
		"-ldflags", "-s -w -X main.version=9.8.7 -X main.commit=def -X main.built=2026-12-01T00:00:00Z", "-o", program, "../../cmd/stridelog")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	out, err := exec.CommandContext(t.Context(), program, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "version  9.8.7\ncommit   def\nbuilt    2026-12-01T00:00:00Z\ngo       go") {
		t.Errorf("%v:\n%s", err, out)
	}
}
