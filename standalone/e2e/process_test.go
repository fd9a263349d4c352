package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// binary builds the command once for all tests of this package, with the tags of
// the Makefile: so both share what is compiled.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "stridelog-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "stridelog")
	out, err := exec.Command("go", "build", "-tags", "timetzdata", "-o", path, "github.com/stridelog/stridelog/standalone/cmd/stridelog").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
})

// process is a running stridelog command.
type process struct {
	cmd    *exec.Cmd
	out    *output
	exited chan struct{}
}

// output keeps what was written and wakes whoever waits for a line.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(p)
	close(o.changed)
	o.changed = make(chan struct{})
	return n, err
}

func (o *output) read() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.changed
}

// wherePostgresIs is for demos on a machine without PostgreSQL: they use the one
// that the tests downloaded.
func wherePostgresIs() []string {
	env := []string{"STRIDELOG_PG_BIN=" + os.Getenv("STRIDELOG_PG_BIN"), "npm_config_registry=" + launcher.Registry(os.LookupEnv)}
	if cache, err := os.UserCacheDir(); err == nil {
		env = append(env, "XDG_CACHE_HOME="+cache)
	}
	return env
}

func startProcess(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return startCommand(t, env, path, args...)
}

// startCommand starts any program; it is stopped with the test.
func startCommand(t *testing.T, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(path, args...), out: newOutput(), exited: make(chan struct{})}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, append(wherePostgresIs(), env...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is read from ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			text, _ := p.out.read()
			t.Logf("%s printed:\n%s", strings.Join(args, " "), text)
		}
	})
	return p
}

// stop ends the process as Ctrl-C does and checks that it ends well.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-p.exited:
	case <-time.After(waittest.Bound(t)):
		_ = p.cmd.Process.Kill()
		<-p.exited
		t.Error("the process does not end after SIGINT")
	}
}

// await waits until the process has printed a match and returns its groups.
func (p *process) await(t *testing.T, pattern string) []string {
	t.Helper()
	ctx, re := deadline(t), regexp.MustCompile(pattern)
	for {
		text, changed := p.out.read()
		if m := re.FindStringSubmatch(text); m != nil {
			return m
		}
		select {
		case <-changed:
		case <-p.exited:
			t.Fatalf("the process ended without printing %q; it printed:\n%s", pattern, text)
		case <-ctx.Done():
			t.Fatalf("the process never printed %q; it printed:\n%s", pattern, text)
		}
	}
}

func TestFourProcessesServeTheSame(t *testing.T) {
	w := newWorld(t)
	addr := porttest.Address(t)
	env := w.environment(t, addr)
	// The reverse order of the flow: no service may rely on another being there.
	for _, service := range []string{"gateway", "projector", "poller", "oauth"} {
		startProcess(t, env, service)
	}
	c := clientAt(addr)
	awaitProviders(t, c)
	user := w.connect(t, c, w.people[3])
	w.verify(t, c, user, w.people[3])
}

// awaitProviders waits until gateway and oauth answer.
func awaitProviders(t *testing.T, c *client.Client) {
	t.Helper()
	ctx := deadline(t)
	for {
		err := c.Call(ctx, http.MethodGet, "/oauth/providers", nil, nil)
		var problem *client.Problem
		switch {
		case err == nil:
			return
		case errors.As(err, &problem) && problem.Status < 500:
			t.Fatal(err)
		}
		wait(t, ctx, "providers: %v", err)
	}
}

// demoPrinted finds the workouts, the key, the user and the address in what a demo
// prints.
const demoPrinted = `(?s)with (\d+) workouts.*API key +(\S+).*demo user +(\S+).*\nexport URL=(\S+) KEY=`

// demoClient calls a demo by what it printed.
func demoClient(printed []string) *client.Client {
	return &client.Client{BaseURL: printed[4], Key: printed[2], HTTP: slowHTTP()}
}

func TestDemoKeepsItsStateOverARestart(t *testing.T) {
	dir := dataDir(t)
	env := []string{"STRIDELOG_DATA_DIR=" + dir, "HTTP_ADDR=" + porttest.Address(t)}
	elsewhere := append(slices.Clone(env), "DATABASE_URL=postgres://nobody@127.0.0.1:1/none", "NATS_URL=nats://127.0.0.1:1") // it has stores of its own
	demo := startProcess(t, elsewhere, "demo")
	first := demo.await(t, demoPrinted)
	stores := readStores(t, dir)
	before := demoWorkouts(t, first)
	if len(before) < 30 {
		t.Errorf("the demo serves only %d workouts", len(before))
	}

	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	rebuild := exec.Command(path, "rebuild")
	rebuild.Env = slices.DeleteFunc(slices.Clone(demo.cmd.Env), func(pair string) bool {
		return strings.HasPrefix(pair, "DATABASE_URL=") || strings.HasPrefix(pair, "NATS_URL=")
	})
	if out, err := rebuild.CombinedOutput(); err != nil || !strings.Contains(string(out), "The poller knows ") {
		t.Errorf("rebuild beside the demo: %v\n%s", err, out)
	}
	verify := exec.Command(path, "verify")
	verify.Env = rebuild.Env
	if out, err := verify.CombinedOutput(); err != nil || !strings.Contains(string(out), "There are no differences.") {
		t.Errorf("verify beside the demo: %v\n%s", err, out)
	}
	if n := conformsAt(t, demo.await(t, `(?m)^ *NATS +(nats://\S+)$`)[1]); n < 100 {
		t.Errorf("the log of the demo holds only %d events", n)
	}
	demo.stop(t)
	if code := demo.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the demo ended with code %d", code)
	}

	second := startProcess(t, env, "demo").await(t, demoPrinted)
	if now := readStores(t, dir); now.DatabaseURL != stores.DatabaseURL || now.NATSURL != stores.NATSURL {
		t.Error("the restart moved the stores to other addresses")
	}
	if second[2] != first[2] || second[3] != first[3] {
		t.Error("the restart made another key or another user")
	}
	after := demoWorkouts(t, second)
	for id, workout := range before {
		if string(after[id]) != string(workout) {
			t.Errorf("workout %s\n  was %s\n  now %s", id, workout, after[id])
		}
	}
}

func demoWorkouts(t *testing.T, printed []string) map[string][]byte {
	t.Helper()
	list, err := demoClient(printed).Workouts(deadline(t), printed[3], nil)
	if err != nil {
		t.Fatal(err)
	}
	return byExternalID(t, list)
}

func TestEveryFaultOfTheEnvironmentIsReportedAtOnce(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	const secret = "do-not-show-this-secret"
	cmd := exec.Command(path, "serve")
	cmd.Env = []string{
		"HOME=" + t.TempDir(), "POLL_INITIAL_DAYS=many", "POLL_RESCAN=2d", "POLL_DEEP_RESCAN=400d", "POLL_LEASE=soon", "STRIDELOG_ADMIN_KEY=short",
		"FITBIT_CLIENT_SECRET=" + secret, "FITBIT_API_BASE_URL=::", "LOG_LEVEL=loud",
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("ended with %v, want exit code 2", err)
	}
	for _, name := range []string{
		"DATABASE_URL", "NATS_URL", "STRIDELOG_SEALING_KEY", "POLL_INITIAL_DAYS", "POLL_RESCAN", "POLL_DEEP_RESCAN", "POLL_LEASE",
		"STRIDELOG_ADMIN_KEY", "FITBIT_CLIENT_ID", "FITBIT_API_BASE_URL", "LOG_LEVEL",
	} {
		if !hasLine(out, name) {
			t.Errorf("%s is not reported in\n%s", name, out)
		}
	}
	if bytes.Contains(out, []byte(secret)) {
		t.Error("the report shows a secret")
	}
}

func hasLine(text []byte, word string) bool {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if strings.Contains(lines.Text(), word) {
			return true
		}
	}
	return false
}

// dataDir is a folder that an unprivileged Postgres can reach: the test's own
// temporary folder is closed to other users.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "stridelog-e2e-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
