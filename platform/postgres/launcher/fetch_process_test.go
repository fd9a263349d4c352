//go:build unix

package launcher

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/waittest"
)

// With this variable the test binary downloads a planted package and says where
// its programs are: the process that other tests kill, or run twice at once.
const fetcherOf = "LAUNCHER_TEST_FETCHER_OF"

func beFetcher(args string) {
	var dir, registry, file string
	if _, err := fmt.Sscan(args, &dir, &registry, &file); err != nil {
		println(err.Error())
		os.Exit(1)
	}
	pkg, err := os.ReadFile(file)
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	c := cache{dir: dir, log: slog.New(slog.NewTextHandler(os.Stdout, nil)), stall: time.Hour}
	p, err := c.fetch(context.Background(), pin(pkg), Download{Registry: registry})
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	fmt.Println("fetched", p.dir)
	os.Exit(0)
}

// fetcher is such a process.
type fetcher struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startFetcher(t *testing.T, c cache, r *registry, pkg []byte, env ...string) *fetcher {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pkg.tgz")
	if err := os.WriteFile(file, pkg, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(waittest.Context(t), self)
	cmd.Env = append(os.Environ(), append(env, fmt.Sprintf("%s=%s %s %s", fetcherOf, c.dir, r.download().Registry, file))...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &fetcher{cmd: cmd, lines: bufio.NewScanner(out)}
}

// await reads until a line has the words.
func (f *fetcher) await(t *testing.T, words string) {
	t.Helper()
	for f.lines.Scan() {
		if strings.Contains(f.lines.Text(), words) {
			return
		}
	}
	t.Fatalf("the process ended without saying %q: %v", words, f.lines.Err())
}

func (f *fetcher) kill(t *testing.T) {
	t.Helper()
	if err := f.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := f.cmd.Wait(); err == nil {
		t.Fatal("the process ended well though it was killed")
	}
}

func TestTwoProcessesAtOnceDownloadOnce(t *testing.T) {
	pkg := pack(t, wholePackage())
	asked, go1 := make(chan struct{}), make(chan struct{})
	r := newRegistry(t, func(w http.ResponseWriter, req *http.Request) {
		close(asked)
		<-go1
		sends(pkg, len(pkg))(w, req)
	})
	c := newCache(t)
	first := startFetcher(t, c, r, pkg)
	<-asked
	second := startFetcher(t, c, r, pkg)
	second.await(t, "waiting for it")
	close(go1)
	for _, f := range []*fetcher{first, second} {
		f.await(t, "fetched "+c.dir)
		if err := f.cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

func TestAKillInTheMiddleOfADownloadIsNoObstacle(t *testing.T) {
	pkg := pack(t, wholePackage())
	half := make(chan struct{})
	r := newRegistry(t, func(w http.ResponseWriter, req *http.Request) {
		_, _ = w.Write(pkg[:len(pkg)/2])
		w.(http.Flusher).Flush()
		close(half)
		<-req.Context().Done()
	})
	c := newCache(t)
	f := startFetcher(t, c, r, pkg)
	<-half
	awaitBytes(t, c, len(pkg)/2)
	f.kill(t)
	fetchAfterKill(t, c, pkg)
}

// awaitBytes waits until a download has written n bytes.
func awaitBytes(t *testing.T, c cache, n int) {
	t.Helper()
	for ctx := waittest.Context(t); ; {
		for _, name := range left(t, c) {
			if info, err := os.Stat(filepath.Join(c.dir, name)); err == nil && info.Size() == int64(n) {
				return
			}
		}
		if !pause(ctx, time.Millisecond) {
			t.Fatalf("the download never wrote %d bytes", n)
		}
	}
}

// The programs are unpacked and being tried; the folder has no name yet.
func TestAKillAfterUnpackingIsNoObstacle(t *testing.T) {
	entries := wholePackage()
	entries[2].text += "[ -z \"$GATE\" ] || { echo reached >\"$GATE\"; cat \"$GATE\"; }\n"
	pkg := pack(t, entries)
	r, c := newRegistry(t, sends(pkg, len(pkg))), newCache(t)
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	f := startFetcher(t, c, r, pkg, "GATE="+gate)
	if b, err := os.ReadFile(gate); err != nil || string(b) != "reached\n" {
		t.Fatalf("the gate says %q, %v", b, err)
	}
	f.kill(t)
	if err := os.WriteFile(gate, nil, 0o600); err != nil { // the script ends
		t.Fatal(err)
	}
	fetchAfterKill(t, c, pkg)
}

// fetchAfterKill wants nothing of the killed process used, and nothing left.
func fetchAfterKill(t *testing.T, c cache, pkg []byte) {
	t.Helper()
	if got := left(t, c); len(got) == 0 || slices.Contains(got, pin(pkg).name()) {
		t.Fatalf("the killed process left %v, want something half done", got)
	}
	if _, there := c.find(waittest.Context(t), pin(pkg)); there {
		t.Error("a half-done build is taken for a whole one")
	}
	r := newRegistry(t, sends(pkg, len(pkg)))
	if _, err := c.fetch(waittest.Context(t), pin(pkg), r.download()); err != nil {
		t.Fatal(err)
	}
	if got := left(t, c); !slices.Equal(got, []string{pin(pkg).name()}) || r.asked.Load() != 1 {
		t.Errorf("the cache holds %v after %d downloads, want the build alone after 1", got, r.asked.Load())
	}
}
