package oauth_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/services/oauth"
)

// The environment of a test binary that is to be a service and no test.
const (
	childCloud    = "STORM_CHILD_CLOUD"
	childDatabase = "STORM_CHILD_DATABASE"
	childNATS     = "STORM_CHILD_NATS"
	childKey      = "STORM_CHILD_KEY"
	childName     = "STORM_CHILD_NAME"
	childNumber   = "STORM_CHILD_NUMBER"
)

// The refresh times of the storm: a lease that outlasts a slow machine's call,
// and short enough to see what a dead process leaves behind.
const (
	stormCall  = 8 * time.Second
	stormLease = 9 * time.Second
)

// TestMain lets the test binary be the service, so that a test can kill it as
// only a process can be killed.
func TestMain(m *testing.M) {
	if os.Getenv(childCloud) == "" {
		os.Exit(m.Run())
	}
	if err := serveChild(); err != nil {
		fmt.Fprintln(os.Stderr, "storm child:", err)
		os.Exit(1)
	}
}

func serveChild() error {
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	db, err := postgres.Open(ctx, os.Getenv(childDatabase), postgres.Options{ApplicationName: os.Getenv(childName), MaxConns: 8})
	if err != nil {
		return err
	}
	nc, err := bus.Connect(ctx, os.Getenv(childNATS), os.Getenv(childName), log)
	if err != nil {
		return err
	}
	b, err := bus.New(nc, log)
	if err != nil {
		return err
	}
	service, err := oauth.New(oauth.Config{
		Log: log, DB: db, Bus: b, Connectors: provider.Connectors{fitbit.Name: stormConnector(os.Getenv(childCloud))},
		Catalog: []provider.Descriptor{fitbit.Descriptor()}, RedirectURIs: map[string]string{fitbit.Name: fitbitCallback},
		SealingKey: os.Getenv(childKey), RedirectAllowlist: []string{"http://localhost:*"},
		RefreshTimeout: stormCall, RefreshLease: stormLease,
	})
	if err != nil {
		return err
	}
	return service.Run(ctx, func() { fmt.Println("ready") })
}

func stormConnector(cloud string) *provider.Connector {
	return fitbit.New(fitbit.Config{ClientID: "app", ClientSecret: "hush", AuthorizeURL: cloud + "/oauth2/authorize", APIBaseURL: cloud,
		HTTPClient: &http.Client{Transport: signed(os.Getenv(childNumber))}})
}

// headerNumber tells the cloud which process asks: a request can reach it after
// its process has died.
const headerNumber = "X-Storm-Process"

type signed string

// RoundTrip implements http.RoundTripper.
func (s signed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(headerNumber, string(s))
	return http.DefaultTransport.RoundTrip(r)
}

// child is one place for a service process; after a kill another one takes it.
type child struct {
	t   *testing.T
	env []string

	mu      sync.Mutex
	number  int // of the process that runs, or ran last
	command *exec.Cmd
	ended   chan struct{}
}

// start runs the process and waits until it answers requests.
func (c *child) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd := exec.Command(os.Args[0]) //nolint:gosec // the test binary itself
	c.number++
	cmd.Env = append(os.Environ(), append(c.env, childNumber+"="+strconv.Itoa(c.number))...)
	cmd.Stderr = c.t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.t.Errorf("start a service process: %v", err)
		return
	}
	ready, ended := make(chan string, 1), make(chan struct{})
	go func() {
		line := make([]byte, len("ready"))
		n, _ := out.Read(line) // nothing when it dies
		ready <- string(line[:n])
		_ = cmd.Wait() // killed: an exit status is no news
		close(ended)
	}()
	select {
	case word := <-ready:
		if !strings.HasPrefix(word, "ready") {
			c.t.Errorf("a service process ended before it was ready")
		}
	case <-time.After(waittest.Bound(c.t)):
		c.t.Error("a service process is not ready")
	}
	c.command, c.ended = cmd, ended
}

// kill ends the process at once and returns when it is gone.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.command == nil {
		return
	}
	_ = c.command.Process.Kill() // it may be gone already
	<-c.ended
	c.command = nil
}
