package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
)

// The variables that make this test binary a NATS server: one that can be killed.
const (
	natsDirVariable  = "STRIDELOG_E2E_NATS_DIR"
	natsAddrVariable = "STRIDELOG_E2E_NATS_ADDR"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(natsConfigVariable); config != "" {
		if err := serveNATS(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	dir := os.Getenv(natsDirVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	server, err := natsserver.Start(natsserver.Options{
		StoreDir: dir, Addr: os.Getenv(natsAddrVariable), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server.WaitForShutdown()
}

// natsProcess is a NATS server in a process of its own, always at the same address.
type natsProcess struct {
	addr string
	env  []string
	cmd  *exec.Cmd
}

func startNATS(t *testing.T) *natsProcess {
	t.Helper()
	addr := porttest.Address(t)
	n := &natsProcess{addr: addr, env: []string{natsDirVariable + "=" + t.TempDir(), natsAddrVariable + "=" + addr}}
	n.start(t)
	t.Cleanup(n.kill)
	return n
}

func (n *natsProcess) url() string { return "nats://" + n.addr }

func (n *natsProcess) start(t *testing.T) {
	t.Helper()
	n.cmd = exec.Command(os.Args[0])
	n.cmd.Env = n.env
	n.cmd.Stderr = t.Output()
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

func (n *natsProcess) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait() // it was killed
}

// postgresProcess is a durable cluster that can be killed. A restart takes another
// port; a forwarder in front of it keeps the address.
type postgresProcess struct {
	dir       string
	server    *launcher.Server
	forwarder *forwarder
}

func startPostgres(t *testing.T) *postgresProcess {
	t.Helper()
	p := &postgresProcess{dir: dataDir(t), forwarder: newForwarder(t)}
	p.start(t)
	t.Cleanup(func() {
		if err := p.server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *postgresProcess) start(t *testing.T) {
	t.Helper()
	p.server = startCluster(t, p.dir)
	p.forwarder.leadTo(p.address().Host)
}

// startCluster starts a durable Postgres in a folder. Whoever starts it stops it.
func startCluster(t *testing.T, dir string) *launcher.Server {
	t.Helper()
	server, err := launcher.Start(deadline(t), launcher.Options{
		Dir: dir, BinDir: os.Getenv("STRIDELOG_PG_BIN"), Download: &launcher.Download{Registry: launcher.Registry(os.LookupEnv)}, Log: testLog(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func (p *postgresProcess) address() *url.URL {
	u, err := url.Parse(p.server.URL())
	if err != nil {
		panic(err) // the launcher's own URL
	}
	return u
}

// url is the same for the whole life of the cluster.
func (p *postgresProcess) url() string {
	u := p.address()
	u.Host = p.forwarder.listener.Addr().String()
	return u.String()
}

// kill kills the postmaster; its children notice by themselves.
func (p *postgresProcess) kill(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "pg", "*", "data", "postmaster.pid"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the postmaster's pid file: %v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.server.Done()
	if err := p.server.Stop(t.Context()); err != nil { // gives the folder's lock back
		t.Fatal(err)
	}
}

// forwarder forwards TCP connections to an address that may change.
type forwarder struct {
	listener net.Listener
	mu       sync.Mutex
	target   string
}

func newForwarder(t *testing.T) *forwarder {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	d := &forwarder{listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.forward(c)
		}
	}()
	return d
}

func (d *forwarder) leadTo(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.target = address
}

func (d *forwarder) forward(client net.Conn) {
	defer client.Close()
	d.mu.Lock()
	target := d.target
	d.mu.Unlock()
	server, err := (&net.Dialer{Timeout: time.Minute}).DialContext(context.Background(), "tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	ended := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			ended <- struct{}{}
		}()
	}
	<-ended
}
