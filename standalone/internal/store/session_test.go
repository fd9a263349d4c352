package store

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/config"
)

func keepSession(t *testing.T, s Session) (c config.Config, end func()) {
	t.Helper()
	c = config.Config{DataDir: t.TempDir(), DataDirChosen: true}
	if err := makeDirs(c.DataDir); err != nil {
		t.Fatal(err)
	}
	end, err := s.Keep(c.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	return c, end
}

func TestASessionIsFoundWhileItsDemoRuns(t *testing.T) {
	var asked http.Header
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.Header.Clone() }))
	want := Session{URL: api.URL, Key: "sl_secret", UserID: "u", NATSURL: "nats://t@127.0.0.1:1", PID: os.Getpid()}
	c, end := keepSession(t, want)
	if info, err := os.Stat(sessionFile(c.DataDir)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to others: %v, %v", info, err)
	}
	if got, err := FindSession(t.Context(), c); err != nil || got != want {
		t.Errorf("found %+v, %v", got, err)
	}
	for name, values := range asked {
		if strings.Contains(strings.Join(values, ""), want.Key) {
			t.Errorf("whoever listens there was sent the key in %s", name)
		}
	}
	api.Close() // the process of that id may be another one by now
	if _, err := FindSession(t.Context(), c); !errors.Is(err, ErrNoDemo) || strings.Contains(err.Error(), want.Key) {
		t.Errorf("while nothing answers: %v", err)
	}
	end()
	if _, err := FindSession(t.Context(), c); !errors.Is(err, ErrNoDemo) || !strings.Contains(err.Error(), "stridelog demo") {
		t.Errorf("after it: %v", err)
	}
}

func TestTheSessionOfAKilledDemoIsTold(t *testing.T) {
	gone := exec.Command(os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	c, _ := keepSession(t, Session{URL: "http://127.0.0.1:1", PID: gone.Process.Pid})
	if _, err := FindSession(t.Context(), c); !errors.Is(err, ErrNoDemo) || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("got %v", err)
	}
}

// A shell gets back every value as it was.
func TestExportsSurviveAShell(t *testing.T) {
	s := Session{URL: "http://localhost:8000", Key: "sl_a-b_c", UserID: "it's", NATSURL: "nats://$HOME`id`\"@127.0.0.1:1", DataDir: "/tmp/with a space; and 'more'"}
	script := "export " + strings.Join(s.Exports(), " ") + "\nprintf '%s\\n' \"$URL\" \"$KEY\" \"$USER_ID\" \"$NATS_URL\" \"$STRIDELOG_DATA_DIR\""
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput()
	if want := strings.Join([]string{s.URL, s.Key, s.UserID, s.NATSURL, s.DataDir}, "\n") + "\n"; err != nil || string(out) != want {
		t.Errorf("the shell has\n%swant\n%s%v", out, want, err)
	}
	if n := len((Session{}).Exports()); n != 4 {
		t.Errorf("without a chosen data directory there are %d variables", n)
	}
}
