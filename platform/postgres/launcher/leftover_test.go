//go:build unix

package launcher

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/waittest"
)

// killedParent is a server whose parent process was killed with SIGKILL.
func killedParent(t *testing.T, dir string) (pid int, url string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), parentOf+"="+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the parent process said nothing: %v", err)
	}
	words := strings.Fields(line)
	if pid, err = strconv.Atoi(words[0]); err != nil {
		t.Fatal(err)
	}
	exec1(t, words[1], "CREATE TABLE IF NOT EXISTS kept (n int); INSERT INTO kept VALUES (7)")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the parent ended well though it was killed")
	}
	return pid, words[1]
}

func lives(t *testing.T, pid int, dir string) bool {
	t.Helper()
	data, err := filepath.Glob(filepath.Join(dir, "pg", "*", dataName))
	if err != nil || len(data) != 1 {
		t.Fatal(data, err)
	}
	yes, err := serves(pid, data[0])
	if err != nil {
		t.Fatal(err)
	}
	return yes
}

func TestKillingTheParentStopsTheServerAndTheDataIsThere(t *testing.T) {
	dir := folder(t)
	pid, _ := killedParent(t, dir)
	if runtime.GOOS == "linux" { // elsewhere the next start stops it
		for ctx := waittest.Context(t); lives(t, pid, dir); {
			if !pause(ctx, lookEvery) {
				t.Fatalf("the server %d lives on after its parent was killed", pid)
			}
		}
	}
	s := start(t, dir)
	if n := query[int](t, s.URL(), "SELECT n FROM kept"); n != 7 {
		t.Errorf("the row says %d, want 7", n)
	}
}

func TestAServerThatWasLeftBehindIsStopped(t *testing.T) {
	dir := folder(t)
	s := start(t, dir)
	exec1(t, s.URL(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
	// As after kill -9 where there is no parent-death signal: the lock is free
	// and the server lives.
	if err := s.lock.release(); err != nil {
		t.Fatal(err)
	}
	again := start(t, dir)
	select {
	case <-s.Done():
	case <-waittest.Context(t).Done():
		t.Fatal("the server that was left behind still runs")
	}
	if n := query[int](t, again.URL(), "SELECT n FROM kept"); n != 7 {
		t.Errorf("the row says %d, want 7", n)
	}
}

func TestAPidFileOfAnUnrelatedProcessIsNoObstacle(t *testing.T) {
	dir := folder(t)
	s := start(t, dir)
	file, err := filepath.Glob(filepath.Join(dir, "pg", "*", dataName))
	if err != nil || len(file) != 1 {
		t.Fatal(file, err)
	}
	path := filepath.Join(file[0], "postmaster.pid")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	_, rest, _ := strings.Cut(string(content), "\n")
	forged := strconv.Itoa(os.Getpid()) + "\n" + rest
	if err := os.WriteFile(path, []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, start(t, dir).URL(), "SELECT 1"); n != 1 {
		t.Error("the server does not answer")
	}
}

func TestAHalfMadeDatabaseIsMadeAnew(t *testing.T) {
	dir := folder(t)
	half := filepath.Join(dir, "pg", halfMade+"interrupted", dataName)
	if err := os.MkdirAll(half, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, dir)
	if n := query[int](t, s.URL(), "SELECT 1"); n != 1 {
		t.Error("the server does not answer")
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half-made database is still there (%v)", err)
	}
}

// Somebody takes the port between our look and the server's: the next one will do.
func TestAPortThatWasTakenIsNotTheEnd(t *testing.T) {
	dir := folder(t)
	stop(t, start(t, dir))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	account, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	places, err := newSearch(Options{Download: fromNPM()}, account)
	if err != nil {
		t.Fatal(err)
	}
	programs, err := places.find(waittest.Context(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	c := &cluster{
		dir: filepath.Join(dir, "pg", programs.majorName()), account: account, programs: programs, log: slog.New(slog.DiscardHandler),
		port: func(ctx context.Context) (int, error) {
			if asked++; asked == 1 {
				return taken.Addr().(*net.TCPAddr).Port, nil
			}
			return freePort(ctx)
		},
	}
	s, err := c.start(waittest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	s.lock = &lock{}
	defer stop(t, s)
	if n := query[int](t, s.URL(), "SELECT 1"); n != 1 || asked != 2 {
		t.Errorf("SELECT 1 is %d after %d ports, want 1 after 2", n, asked)
	}
}

func TestAForeignPasswordIsToldAndDoesNotHang(t *testing.T) {
	dir := folder(t)
	stop(t, start(t, dir))
	path, err := filepath.Glob(filepath.Join(dir, "pg", "*", passwdName))
	if err != nil || len(path) != 1 {
		t.Fatal(path, err)
	}
	if err := os.WriteFile(path[0], []byte("other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Start(waittest.Context(t), Options{Dir: dir, Download: fromNPM()})
	wantWords(t, err, "password", "backup")
	if strings.Contains(err.Error(), "other") {
		t.Errorf("the error shows the password: %v", err)
	}
}

// startAndForget keeps nothing of the Server but its process, to stop it.
func startAndForget(t *testing.T, parent string) *process {
	t.Helper()
	s, err := Start(waittest.Context(t), Options{Dir: parent, Throwaway: true, Download: fromNPM()})
	if err != nil {
		t.Fatal(err)
	}
	return s.process
}

func TestAServerThatNobodyKeepsIsNotTakenForALeftover(t *testing.T) {
	parent := folder(t)
	p := startAndForget(t, parent)
	t.Cleanup(func() {
		if err := p.stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for range 3 { // a file is closed some collections after it was last used
		runtime.GC()
	}
	sweep(waittest.Context(t), parent, slog.New(slog.DiscardHandler))
	if got := throwaways(t, parent); len(got) != 1 || p.ended() {
		t.Errorf("after the sweep there is %v, and the server has ended: %v", got, p.ended())
	}
}
