package e2e

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fault"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

const (
	diskVariable = "STRIDELOG_E2E_FULL_DISK" // makes the test run in this process
	diskRecords  = 3000
	diskDays     = diskRecords / 3
	// diskPatience only ends what hangs: publishes to a full log are given up after
	// half a minute each.
	diskPatience = 8 * time.Minute
)

// limitFiles makes the kernel refuse every write of this process beyond the first
// byte of a file, as a full disk would; the function that it returns ends that.
// Unlike a small file system it needs no permission anywhere; a small one is tried in
// platform/natsserver.
func limitFiles(t *testing.T) (free func()) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1, Max: before.Max}); err != nil {
		t.Error(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
	}
}

// get gives the status and the text of an answer for operators.
func get(ctx context.Context, t *testing.T, c *client.Client, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.BaseURL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// The disk of the embedded NATS is full in the middle of a sync of 3,000 workouts and
// has space again later: readiness says so, and the sync goes on by itself.
//
// It runs in a child, whose files may be limited without harm to those of go test.
func TestASyncGoesOnOnceAFullDiskHasSpace(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), diskPatience)
	defer cancel()
	if os.Getenv(diskVariable) == "" {
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), diskVariable+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w := &world{databaseURL: postgrestest.URL(t), natsURL: server.URL()}
	person, err := simulator.NewPerson(7, "full", "Europe/Berlin", simulator.Options{Since: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	w.people = []*simulator.Person{person}
	w.openCloud(t, fitbit.Options{})
	out := newOutput()
	in := w.startWith(t, installation.Options{Log: slog.New(slog.NewTextHandler(out, nil)), NATS: server})
	user := join(ctx, t, in.Client, person)
	for i := range diskRecords {
		_, err := w.cloud.Upload(person.AccountID(), simulator.Truth{
			Type: "running", Start: time.Now().Add(-time.Duration(i+1) * 8 * time.Hour).In(time.FixedZone("", 3600)), Duration: 5 * time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var pages atomic.Int64
	full := make(chan func(), 1)
	w.cloud.SetFault(func(call *fault.Call) *fault.Fault {
		if call.Endpoint == fitbit.EndpointActivities && pages.Add(1) == 6 {
			full <- limitFiles(t)
		}
		return nil
	})
	syncID, err := in.Client.Historical(ctx, user.ID, "fitbit", diskDays+1)
	if err != nil {
		t.Fatal(err)
	}
	free := <-full
	defer free()
	for {
		status, text := get(ctx, t, in.Client, "/readyz")
		if status == http.StatusServiceUnavailable {
			if !strings.Contains(text, "takes no writes since") || !strings.Contains(text, "free disk space") || !strings.Contains(text, "starts again by itself") {
				t.Errorf("not ready: %s", text)
			}
			break
		}
		wait(t, ctx, "readiness tells of the full disk: %d", status)
	}
	for {
		if _, text := get(ctx, t, in.Client, "/metrics"); strings.Contains(text, `stridelog_stream_refuses_writes{service="poller",stream="STRIDELOG_FACTS"} 1`) {
			if !strings.Contains(text, `stridelog_check_ok{check="disk"} 0`) || !strings.Contains(text, `stridelog_check_ok{check="database"} 1`) {
				t.Error("the metric of readiness does not tell of the disk alone")
			}
			break
		}
		wait(t, ctx, "the metric tells of the full disk")
	}
	free()
	sync, err := in.Client.AwaitSync(ctx, user.ID, syncID)
	if err != nil || sync.Status != "success" {
		t.Fatalf("the sync ended %+v (%v)", sync, err)
	}
	got := w.workouts(t, in.Client, user, person)
	for _, one := range w.cloud.Truth(person.AccountID()) {
		if got[one.ExternalID] == nil {
			t.Errorf("workout %s is lost", one.ExternalID)
		}
	}
	if len(got) != diskRecords {
		t.Errorf("%d workouts of %d", len(got), diskRecords)
	}
	(&keptStores{}).clean(t, in)
	if status, text := get(ctx, t, in.Client, "/readyz"); status != http.StatusOK {
		t.Errorf("ready again: %d %s", status, text)
	}
	if _, text := get(ctx, t, in.Client, "/metrics"); strings.Contains(text, "stridelog_stream_refuses_writes{") {
		t.Error("a stream still counts as refusing")
	} else if !strings.Contains(text, `stridelog_check_ok{check="disk"} 1`) {
		t.Error("the metric of readiness does not tell that there is space again")
	}
	said, _ := out.read()
	for _, want := range []string{"a stream takes no writes; free disk space", `msg="not ready"`, "disk takes no writes since", `msg="ready again"`} {
		if !strings.Contains(said, want) {
			t.Errorf("the log does not have %s", want)
		}
	}
}
