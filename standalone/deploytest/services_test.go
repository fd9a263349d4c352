package deploytest

import (
	"bytes"
	"debug/elf"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// image builds the binary with the command of the Dockerfile, once for all tests.
var image = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return "", err
	}
	line := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*)$`).FindSubmatch(text)
	if line == nil {
		return "", errors.New("the Dockerfile has no line that builds a static binary")
	}
	dir, err := os.MkdirTemp("", "stridelog-image-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "stridelog")
	build := exec.Command("sh", "-c", strings.Replace(string(line[1]), "/out/stridelog", path, 1)) //nolint:noctx // it is for all tests
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

// The last stage of the image has no loader and no libraries.
func TestTheImagesBinaryIsStatic(t *testing.T) {
	path, err := image()
	if err != nil {
		t.Fatal(err)
	}
	if needs(t, path) {
		t.Error("the image's binary needs a loader")
	}
	if shell, err := exec.LookPath("sh"); err != nil || !needs(t, shell) {
		t.Errorf("the control, %s, needs none: %v", shell, err)
	}
}

func needs(t *testing.T, path string) bool {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return true
		}
	}
	return false
}

// compose runs services of docker-compose.yml as processes.
type compose struct {
	*installation
	project   project
	simulator string                     // where the simulated cloud listens
	listening map[string]string          // by service
	printed   map[string]*synchronized   // by service
	processes map[string]*exec.Cmd       // by service
	exited    map[string]<-chan struct{} // by service
}

// synchronized keeps what a process prints.
type synchronized struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *synchronized) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *synchronized) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func newCompose(t *testing.T) *compose {
	t.Helper()
	i := newInstallation(t)
	i.startPostgres(t)
	return &compose{
		installation: i, project: mustLoad(t, demoEnvironment(t)), simulator: porttest.Address(t),
		listening: map[string]string{}, printed: map[string]*synchronized{},
		processes: map[string]*exec.Cmd{}, exited: map[string]<-chan struct{}{},
	}
}

// command is a service's container as a process: its environment, with the mounted
// secrets and the network where they are here.
func (c *compose) command(t *testing.T, service string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := image()
	if err != nil {
		t.Fatal(err)
	}
	s, ok := c.project.Services[service]
	if !ok {
		t.Fatalf("docker-compose.yml has no service %s", service)
	}
	if c.listening[service] == "" {
		c.listening[service] = porttest.Address(t)
		if service == "simulator" {
			c.listening[service] = c.simulator
		}
	}
	here := strings.NewReplacer(mounted, c.secrets+"/", "http://simulator:8090", "http://"+c.simulator, "http://localhost:8090", "http://"+c.simulator,
		"0.0.0.0:8000", c.listening[service], "0.0.0.0:8001", c.listening[service], "0.0.0.0:8090", c.listening[service])
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = []string{"HOME=/", "STRIDELOG_DATA_DIR=/data"} // as the Dockerfile says
	for name, value := range s.Environment {
		if value != nil {
			cmd.Env = append(cmd.Env, name+"="+here.Replace(*value))
		}
	}
	return cmd
}

// run is `docker compose run --rm service args`.
func (c *compose) run(t *testing.T, service string, args ...string) (string, error) {
	t.Helper()
	out, err := c.command(t, service, args...).CombinedOutput()
	return string(out), err
}

func (c *compose) start(t *testing.T, service string) {
	t.Helper()
	cmd := c.command(t, service, c.project.Services[service].Command...)
	printed, exited := &synchronized{}, make(chan struct{})
	cmd.Stdout, cmd.Stderr = printed, printed
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // as `docker stop` does
	cmd.WaitDelay = waittest.Bound(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // the exit code is read from ProcessState
		close(exited)
	}()
	c.printed[service], c.processes[service], c.exited[service] = printed, cmd, exited
	t.Cleanup(func() { // its context has ended
		<-exited
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s ended with %d after SIGTERM", service, code)
		}
		if t.Failed() {
			t.Logf("%s printed:\n%s", service, printed)
		}
	})
}

// awaitHealth is depends_on with service_healthy: the image's own health check.
func (c *compose) awaitHealth(t *testing.T, service string) {
	t.Helper()
	ctx := waittest.Context(t)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := c.run(t, service, "health")
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-c.exited[service]:
			t.Fatalf("%s ended; it printed:\n%s", service, c.printed[service])
		case <-ctx.Done():
			t.Fatalf("%s does not become healthy: %s", service, out)
		}
	}
}

// up is `docker compose --profile demo up`, in the order of depends_on.
func (c *compose) up(t *testing.T) *client.Client {
	t.Helper()
	if out, err := c.run(t, "streams", c.project.Services["streams"].Command...); err != nil {
		t.Fatalf("streams: %v\n%s", err, out)
	}
	c.start(t, "simulator")
	for _, service := range []string{"oauth", "poller", "projector"} {
		c.start(t, service)
	}
	if out, err := c.run(t, "gateway", "health"); err == nil {
		t.Errorf("a service that does not run is healthy: %s", out)
	}
	for _, service := range []string{"oauth", "poller", "projector"} {
		c.awaitHealth(t, service)
	}
	c.start(t, "gateway")
	c.awaitHealth(t, "gateway")
	return &client.Client{
		BaseURL: "http://" + c.listening["gateway"], Key: c.secret(t, "admin_key"), HTTP: &http.Client{Timeout: waittest.Bound(t)},
	}
}
