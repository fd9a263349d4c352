//go:build older

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// This test needs the project's history in git, so it is built by `make older` alone.

// olderCommit is the program before kinds: its poller knows activities and routes.
const olderCommit = "48baf5c"

// buildOlder compiles the program of an earlier commit out of the history.
func buildOlder(t *testing.T, commit string) string {
	t.Helper()
	top, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Fatalf("this test compiles the program of commit %s and needs git and a clone of the project: %v", commit, err)
	}
	root, dir := strings.TrimSpace(string(top)), t.TempDir()
	archive := filepath.Join(dir, "older.tar")
	if out, err := exec.Command("git", "-C", root, "archive", "-o", archive, commit).CombinedOutput(); err != nil {
		t.Fatalf("this test needs commit %s: fetch the whole history (git fetch --unshallow): %v: %s", commit, err, out)
	}
	if out, err := exec.Command("tar", "-x", "-f", archive, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("unpack commit %s: %v: %s", commit, err, out)
	}
	path := filepath.Join(dir, "bin", "older")
	// Without the paths in it, what was compiled in another folder is taken from the cache.
	build := exec.Command("go", "build", "-trimpath", "-tags", "timetzdata", "-o", path, "github.com/stridelog/stridelog/standalone/cmd/stridelog")
	build.Dir, build.Env = dir, append(os.Environ(), "GOWORK="+filepath.Join(dir, "go.work"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compile commit %s: %v: %s", commit, err, out)
	}
	return path
}

// besides is a system in which an older poller and this program's work on the same
// database and log.
type besides struct {
	*twoProcesses
	program string // the older one
	env     []string
	sites   [2]*httptest.Server // the cloud as the older and as this program's poller reach it
}

func newBesides(t *testing.T, people int) *besides {
	t.Helper()
	w := &besides{twoProcesses: &twoProcesses{world: newStores(t)}, program: buildOlder(t, olderCommit)}
	w.populate(t, people, fitbit.Options{MaxPage: 5})
	addr := porttest.Address(t)
	w.env = append(w.environment(t, addr), "POLL_RESCAN=15d@1m", "POLL_INITIAL_DAYS=15", "POLL_JITTER=1s", "REMOVAL_CONFIRM=1s")
	for i := range w.sites {
		w.sites[i] = httptest.NewServer(w.watched(i))
		t.Cleanup(w.sites[i].Close)
		w.clients[i] = clientAt(addr)
	}
	w.waitForNobody()
	return w
}

// waitForNobody lets a poller read alone.
func (w *besides) waitForNobody() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked, w.both = [2]map[string]bool{{"": true}, {"": true}}, make(chan struct{})
	close(w.both)
}

func (w *besides) older(t *testing.T) *process {
	t.Helper()
	return startCommand(t, append(slices.Clone(w.env), "FITBIT_API_BASE_URL="+w.sites[0].URL), w.program, "poller")
}

func (w *besides) newer(t *testing.T) *process {
	t.Helper()
	return startProcess(t, append(slices.Clone(w.env), "FITBIT_API_BASE_URL="+w.sites[1].URL), "poller")
}

// TestAnOlderPollerBesideANewerOne upgrades the poller as a rolling update does: this
// program's migrates the schema under the running older one, then both work, then the
// older ends. Consents, syncs, imports, edits and removals happen all the while.
func TestAnOlderPollerBesideANewerOne(t *testing.T) {
	const people, before = 16, 4
	w := newBesides(t, people)
	older := w.older(t)
	for _, service := range []string{"oauth", "projector", "gateway"} {
		startProcess(t, w.env, service)
	}
	c := w.clients[0]
	awaitProviders(t, c)
	changed := newChanges(w.world)
	users := make([]client.User, people)
	for i := range before {
		users[i] = join(deadline(t), t, c, w.people[i])
		w.sync(t, c, users[i])
	}
	changed.change(t, w.people[:before])

	w.waitForBoth()
	w.newer(t)
	for i := before; i < people; i++ {
		users[i] = join(deadline(t), t, c, w.people[i])
	}
	imported := w.importAll(t, c, 4)
	w.readTogether(t, c, users, changed)
	changed.change(t, w.people)
	w.readTogether(t, c, users, changed)

	older.stop(t)
	w.waitForNobody()
	changed.change(t, w.people)
	for _, user := range users {
		w.sync(t, c, user)
	}
	for i, user := range users {
		changed.await(t, c, user, w.people[i])
	}
	for user, records := range imported {
		rows(t, c, user, records)
	}
	w.nothingTwiceAndNothingDead(t)
	runCommand(t, w.env, "verify") // it fails when tables, index and log differ
}

// sync reads what the schedule reads and wants success.
func (w *besides) sync(t *testing.T, c *client.Client, user client.User) {
	t.Helper()
	ctx := deadline(t)
	id, err := c.Historical(ctx, user.ID, "fitbit", faultDays+1)
	if err != nil {
		t.Fatal(err)
	}
	if sync, err := c.AwaitSync(ctx, user.ID, id); err != nil || sync.Status != "success" {
		t.Fatalf("the sync of %s ended %+v: %v", user.ID, sync, err)
	}
}

// readTogether reads everybody until both pollers have asked for lists since it began,
// and waits for the truth.
func (w *besides) readTogether(t *testing.T, c *client.Client, users []client.User, changed *changes) {
	t.Helper()
	w.waitForBoth()
	ctx := deadline(t)
	ids := make([]string, len(users))
	for i, user := range users {
		var err error
		if ids[i], err = c.Historical(ctx, user.ID, "fitbit", faultDays+1); err != nil {
			t.Fatal(err)
		}
	}
	for i, user := range users {
		if sync, err := c.AwaitSync(ctx, user.ID, ids[i]); err != nil || sync.Status != "success" {
			t.Fatalf("the sync of person %d ended %+v: %v", i, sync, err)
		}
	}
	for i, user := range users {
		changed.await(t, c, user, w.people[i])
	}
}

// importAll brings archives of some people in, for users without a connection.
func (w *besides) importAll(t *testing.T, c *client.Client, n int) map[client.User]int {
	t.Helper()
	imports := &importWorld{world: w.world, now: time.Now().Truncate(time.Second), days: faultDays}
	all := map[client.User]int{}
	for i, person := range w.people[:n] {
		a := imports.archive(t, person, export.Options{})
		user := newUser(t, c, fmt.Sprintf("owner of archive %d", i))
		bringIn(t, c, user, a, "zip")
		all[user] = len(a.Records())
	}
	return all
}

// nothingTwiceAndNothingDead reads all streams.
func (w *besides) nothingTwiceAndNothingDead(t *testing.T) {
	t.Helper()
	ids, ends := map[string]bool{}, map[string]int{}
	for _, stream := range []string{"STRIDELOG_FACTS", "STRIDELOG_SYNCS", "STRIDELOG_CHANGES"} {
		w.eachMessage(t, stream, func(m jetstream.Msg) {
			id, kind := m.Headers().Get("ce-id"), m.Headers().Get("ce-type")
			if id == "" || ids[id] {
				t.Errorf("%s: event %q of type %s is there twice", stream, id, kind)
			}
			ids[id] = true
			if kind != "stridelog.sync.finished.v1" {
				return
			}
			var end struct {
				SyncID string `json:"sync_id"`
				Status string `json:"status"`
			}
			if err := json.Unmarshal(m.Data(), &end); err != nil {
				t.Error(err)
			}
			if end.Status != "deferred" {
				ends[end.SyncID]++
			}
		})
	}
	for id, n := range ends {
		if n != 1 {
			t.Errorf("sync %s ended %d times", id, n)
		}
	}
	w.eachMessage(t, "STRIDELOG_DEAD_LETTERS", func(m jetstream.Msg) {
		t.Errorf("a dead letter of %s: %s", m.Headers().Get("Dead-Letter-Service"), m.Headers().Get("Dead-Letter-Reason"))
	})
}

// changes are what has happened to the people's records since they were made.
type changes struct {
	*world
	rounds   int
	versions map[string]int
	gone     map[string]bool
}

func newChanges(w *world) *changes {
	return &changes{world: w, versions: map[string]int{}, gone: map[string]bool{}}
}

// change edits a record of each person and takes another away.
func (c *changes) change(t *testing.T, people []*simulator.Person) {
	t.Helper()
	c.rounds++
	for _, person := range people {
		account := person.AccountID()
		truths := c.cloud.Truth(account)
		edited, removed := truths[0].ExternalID, truths[len(truths)/2].ExternalID
		err := c.cloud.Edit(account, edited, func(h *simulator.Truth) { h.Duration += time.Duration(c.rounds) * time.Minute })
		if err == nil {
			err = c.cloud.Delete(account, removed)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.versions[edited]++
		c.gone[removed] = true
	}
}

// await waits until log and tables equal what happened.
func (c *changes) await(t *testing.T, at *client.Client, user client.User, person *simulator.Person) {
	t.Helper()
	a, err := awaitAudit(deadline(t), at, c.jetStream(t), user.ID, func(facts []factLine, rows []json.RawMessage) audit {
		return inspect(facts, rows, user.ID, c.cloud.Truth(person.AccountID()), c.versions, c.gone, nil)
	})
	if err != nil || !a.clean() {
		t.Fatalf("%s: %v; error: %v", person.Name(), a, err)
	}
}
