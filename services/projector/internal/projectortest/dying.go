package projectortest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
)

const (
	dyingPart     = "PROJECTOR_TEST_PART"
	dyingDatabase = "PROJECTOR_TEST_DATABASE"
	dyingBus      = "PROJECTOR_TEST_NATS"
)

// Part is what a process does until Kill ends it.
type Part func(ctx context.Context, db *pgxpool.Pool, b *bus.Bus) error

// Main is the TestMain of a package whose tests kill processes. A process that Killed
// started does its part, by name; any other runs the tests.
func Main(m *testing.M, parts map[string]Part) {
	name := os.Getenv(dyingPart)
	if name == "" {
		os.Exit(m.Run())
	}
	err := fmt.Errorf("there is no part %q", name)
	if part := parts[name]; part != nil {
		err = die(context.Background(), part)
	}
	fmt.Fprintf(os.Stderr, "the part %s was to be killed and ended: %v\n", name, err)
	os.Exit(1)
}

func die(ctx context.Context, part Part) error {
	db, err := postgres.Open(ctx, os.Getenv(dyingDatabase), postgres.Options{ApplicationName: "dying"})
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	nc, err := bus.Connect(ctx, os.Getenv(dyingBus), "dying", log)
	if err != nil {
		return err
	}
	b, err := bus.New(nc, log)
	if err != nil {
		return err
	}
	return part(ctx, db, b)
}

// Kill ends this process as kill -9 does.
func Kill() error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) }

// Killed does a part in a process of its own, on these stores, and fails the test when
// that was not killed.
func Killed(t testing.TB, dbURL, busURL, part string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), program)
	child.Env = append(os.Environ(), dyingPart+"="+part, dyingDatabase+"="+dbURL, dyingBus+"="+busURL)
	out, err := child.CombinedOutput()
	if state, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || state.Signal() != syscall.SIGKILL {
		t.Fatalf("the part %s was not killed: %v\n%s", part, err, out)
	}
}
