package store

import (
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

func TestFindTakesWhatIsConfiguredBeforeWhatRuns(t *testing.T) {
	c := announced(t, os.Getpid())
	for _, want := range []Stores{
		{DatabaseURL: "postgres://embedded", NATSURL: "nats://embedded"},
		{DatabaseURL: "postgres://mine", NATSURL: "nats://embedded"},
		{DatabaseURL: "postgres://embedded", NATSURL: "nats://mine"},
		{DatabaseURL: "postgres://mine", NATSURL: "nats://mine"},
	} {
		given := c
		for _, url := range []string{want.DatabaseURL, want.NATSURL} {
			switch url {
			case "postgres://mine":
				given.DatabaseURL = url
			case "nats://mine":
				given.NATSURL = url
			}
		}
		got, err := Find(given)
		if err != nil || *got != want {
			t.Errorf("found %+v, %v; want %+v", got, err, want)
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
