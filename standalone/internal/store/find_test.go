package store

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/config"
)

// announced writes what an embedded system of a process would leave in a new
// data directory.
func announced(t *testing.T, pid int) config.Config {
	t.Helper()
	c := config.Config{DataDir: t.TempDir(), DataDirChosen: true}
	if err := makeDirs(c.DataDir); err != nil {
		t.Fatal(err)
	}
	text := []byte(`{"database_url":"postgres://embedded","nats_url":"nats://embedded","pid":` + strconv.Itoa(pid) + `}`)
	if err := os.WriteFile(runFile(c.DataDir), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFindTakesBothStoresFromOnePlace(t *testing.T) {
	c := announced(t, os.Getpid())
	mine, embedded := [2]string{"postgres://mine", "nats://mine"}, [2]string{"postgres://embedded", "nats://embedded"}
	for given, want := range map[[2]string][2]string{{}: embedded, mine: mine} {
		c.DatabaseURL, c.NATSURL = given[0], given[1]
		got, err := Find(c)
		if err != nil || got.DatabaseURL != want[0] || got.NATSURL != want[1] {
			t.Errorf("given %v it found %+v, %v; want %v", given, got, err, want)
		}
	}
	for _, half := range [][2]string{{mine[0], ""}, {"", mine[1]}} {
		c.DatabaseURL, c.NATSURL = half[0], half[1]
		if got, err := Find(c); !errors.Is(err, ErrHalf) {
			t.Errorf("given %v it found %+v, %v", half, got, err)
		}
	}
}

// A process that was killed leaves its addresses behind; nobody answers there.
func TestFindIgnoresASystemThatWasKilled(t *testing.T) {
	gone := exec.Command(os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	_, err := Find(announced(t, gone.Process.Pid))
	if err == nil || !strings.Contains(err.Error(), "no running system") {
		t.Errorf("got %v", err)
	}
}
