//go:build clients

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/client"
)

// These tests need Node.js and the packages that `make clients` installs, so they are
// built by it alone.

// generators is the folder that make clients installs them in.
const generators = root + "/bin/clients"

// servedDocument writes the document of a running system into a folder.
func servedDocument(t *testing.T, c *client.Client, dir string) string {
	t.Helper()
	resp, err := http.Get(c.BaseURL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "openapi.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tool runs a program in a folder and gives what it printed.
func tool(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(generators, name))
	if err != nil {
		t.Fatal(err)
	}
	if name == "node" {
		path = name
	}
	bin, err := filepath.Abs(generators + "/python/bin") // the generator for Python calls ruff
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(deadline(t), path, args...)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true"), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v (make clients installs it); it printed\n%s%s", name, args, err, out.Bytes(), errs.Bytes())
	}
	return out.String()
}

// workplace is a folder beside the packages of Node.js, which looks for them upwards.
func workplace(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(generators+"/typescript", "test")
	if err != nil {
		t.Fatalf("make clients makes the folder: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if dir, err = filepath.Abs(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestValidatorsFindNothingInTheDocument(t *testing.T) {
	dir := workplace(t)
	document := servedDocument(t, newWorld(t).start(t).Client, dir)
	tool(t, dir, nil, "python/bin/python", "-W", "error", "-m", "openapi_spec_validator", "--errors", "all", document)

	var report struct {
		Totals struct{ Errors, Warnings, Ignored *int }
	}
	lint := tool(t, dir, nil, "typescript/node_modules/.bin/redocly", "lint", "--extends", "recommended", "--format", "json", document)
	if err := json.Unmarshal([]byte(lint), &report); err != nil {
		t.Fatalf("redocly printed %s: %v", lint, err)
	}
	for _, n := range []*int{report.Totals.Errors, report.Totals.Warnings, report.Totals.Ignored} {
		if n == nil || *n != 0 {
			t.Errorf("redocly finds %s", lint)
		}
	}
}

// TestGeneratedClientsReadWhatIsServed makes both clients of the document that a running
// system serves, and compares what programs in their languages read by them.
func TestGeneratedClientsReadWhatIsServed(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	user := w.connect(t, c, w.people[0])
	w.workouts(t, c, user, w.people[0])
	list, err := c.Workouts(deadline(t), user.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	type outcome struct {
		Workouts []string
		Seconds  int
		Full     string
		Statuses []string
		Refused  string
		Erasure  string
	}
	var want outcome
	for _, raw := range list {
		var workout struct {
			ID      string
			Seconds int `json:"duration_seconds"`
		}
		if err := json.Unmarshal(raw, &workout); err != nil {
			t.Fatal(err)
		}
		want.Workouts, want.Seconds = append(want.Workouts, workout.ID), want.Seconds+workout.Seconds
	}
	env := []string{"URL=" + c.BaseURL, "KEY=" + c.Key, "USER_ID=" + user.ID}
	for language, generate := range map[string]func(t *testing.T) string{
		"TypeScript": func(t *testing.T) string {
			t.Helper()
			dir := workplace(t)
			const packages = "typescript/node_modules/.bin/"
			tool(t, dir, nil, packages+"openapi-typescript", servedDocument(t, c, dir), "--output", "api.ts")
			for _, name := range []string{"main.ts", "tsconfig.json", "package.json"} {
				copyExample(t, "typescript-client/"+name, filepath.Join(dir, name))
			}
			tool(t, dir, nil, packages+"tsc", "--project", ".")
			return tool(t, dir, env, "node", "built/main.js")
		},
		"Python": func(t *testing.T) string {
			t.Helper()
			dir := t.TempDir()
			copyExample(t, "python-client/main.py", filepath.Join(dir, "main.py"))
			copyExample(t, "python-client/config.yaml", filepath.Join(dir, "config.yaml"))
			tool(t, dir, nil, "python/bin/openapi-python-client", "generate", "--fail-on-warning", "--meta", "none",
				"--config", "config.yaml", "--path", servedDocument(t, c, dir), "--output-path", "stridelog_client")
			return tool(t, dir, env, "python/bin/python", "main.py")
		},
	} {
		t.Run(language, func(t *testing.T) {
			printed := generate(t)
			var got outcome
			if err := json.Unmarshal([]byte(printed), &got); err != nil {
				t.Fatalf("it printed %s: %v", printed, err)
			}
			if len(want.Workouts) < 20 || !slices.Equal(got.Workouts, want.Workouts) || got.Seconds != want.Seconds || got.Full != want.Workouts[0] {
				t.Errorf("it reads %+v, want %+v", got, want)
			}
			if !slices.Equal(got.Statuses, []string{"active"}) || got.Refused != "conflict" || got.Erasure == "" {
				t.Errorf("of connections, a taken id and an erasure it reads %+v", got)
			}
		})
	}
}

func copyExample(t *testing.T, name, to string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../examples", name))
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
