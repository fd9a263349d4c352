package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// erasedSizes are how much there is to erase: the facts of one import in a row and their
// size in bytes, and the facts of another person that lie apart. The third has ten.
// STRIDELOG_ERASE=soak is the size that docs/decisions/0026 has figures of.
func erasedSizes() (row, size, apart int) {
	if os.Getenv("STRIDELOG_ERASE") == "soak" {
		return 264_000, 2200, 5000
	}
	return 250, 80_000, 60
}

// erasing is a person whose erasure is watched.
type erasing struct {
	name, user string
	facts      int
	took       time.Duration
	ID         string           `json:"erasure_id"`
	State      string           `json:"state"`
	Counts     map[string]int64 `json:"counts"`
	Left       *int64           `json:"messages_left"`
}

// Three people are erased at once: one with an import, one whose facts lie between other
// people's, one with ten. Who has few waits for nobody; the system is stopped in
// between and goes on; and then no file of the log, no copy of the files and no dump of the
// tables holds a word of them.
func TestManyFactsAreErasedBesideFew(t *testing.T) {
	row, size, apart := erasedSizes()
	dir := t.TempDir()
	server, err := natsserver.Start(natsserver.Options{StoreDir: dir, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w := &world{databaseURL: postgrestest.URL(t), natsURL: server.URL()}
	in, stop := w.startOnce(t)
	people := []*erasing{{name: "import", facts: row}, {name: "apart", facts: apart}, {name: "few", facts: 10}}
	other := w.somebody(t, in.Client, "other")
	for _, p := range people {
		p.user = w.somebody(t, in.Client, p.name)
	}
	b := w.bus(t)
	write := recorder(t, b)
	write(people[0].user, row, size)
	write(other, 2, 2000)
	for range apart {
		write(people[1].user, 1, 2000)
		write(other, 3, 2000)
	}
	write(people[2].user, 10, 2000)
	w.upload(t, in.Client, people[0].user)
	w.folded(t, row+apart+10+apart*3+2)
	before, copied := w.traces(t, dir), w.traces(t, cold(t, dir))
	for _, p := range append(people, &erasing{name: "other", user: other}) {
		if before(p.user) < 2 || copied(p.user) < 2 { // the log and the dump
			t.Fatalf("the control: the search finds %s in %d places, and in %d of the copy", p.name, before(p.user), copied(p.user))
		}
	}

	began := time.Now()
	for _, p := range people {
		if err := in.Client.Call(t.Context(), http.MethodDelete, "/users/"+p.user, nil, p); err != nil {
			t.Fatal(err)
		}
		_, err := in.Client.Workouts(t.Context(), p.user, nil)
		expectProblem(t, err, http.StatusNotFound)
	}
	many := people[0]
	watch(t, in.Client, began, people, func() bool { return many.Left != nil && *many.Left < int64(row) && *many.Left > 0 })
	stopping := time.Now()
	stop()
	stopped := time.Since(stopping)
	left := *many.Left
	in, stop = w.startOnce(t)
	watch(t, in.Client, began, people, func() bool {
		if many.Left != nil && *many.Left > left {
			t.Fatalf("after the restart %d messages are left, before it %d", *many.Left, left)
		}
		return people[0].State == "done" && people[1].State == "done" && people[2].State == "done"
	})
	for _, p := range people {
		t.Logf("%s: %d facts erased in %v", p.name, p.facts, p.took.Round(10*time.Millisecond))
		if p.Counts["poller.facts"] != int64(p.facts) {
			t.Errorf("%s: of %d facts %v were erased", p.name, p.facts, p.Counts)
		}
	}
	t.Logf("stopped in %v", stopped.Round(time.Millisecond))
	if people[2].took > people[0].took || people[2].took > people[1].took {
		t.Errorf("who has ten facts waited %v, the others %v and %v", people[2].took, people[0].took, people[1].took)
	}
	if stopped > time.Minute { // a turn's own limit; the whole erasure goes on after it
		t.Errorf("the system stopped within %v", stopped)
	}

	dumped := w.dumped(t)
	stop()
	server.Stop()
	for name, where := range map[string]string{"the log": dir, "a copy of it": cold(t, dir), "the dump": dumped} {
		for _, p := range people {
			if found := bustest.Files(t, where, []byte(p.user)); found != nil {
				t.Errorf("%s holds something of %s: %v", name, p.name, found)
			}
		}
		if found := bustest.Files(t, where, []byte(uploaded)); found != nil {
			t.Errorf("%s holds the upload: %v", name, found)
		}
		if bustest.Files(t, where, []byte(other)) == nil {
			t.Errorf("the control: %s holds nothing of somebody else", name)
		}
	}
}

// uploaded is what the upload says.
const uploaded = "this line stands in the archive of the person; "

// startOnce starts all services; they end with the test, or before by stop.
func (w *world) startOnce(t *testing.T, change ...func(*config.Config)) (in *installation.Installation, stop func()) {
	t.Helper()
	o := installation.Options{DatabaseURL: w.databaseURL, NATSURL: w.natsURL, Log: testLog(t)}
	if len(change) > 0 {
		o.Change = change[0]
	}
	in, err := installation.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := in.Stop(); err != nil {
			t.Errorf("the system did not end well: %v", err)
		}
	})
	t.Cleanup(stop)
	return in, stop
}

func (w *world) somebody(t *testing.T, c *client.Client, name string) string {
	t.Helper()
	user, err := c.EnsureUser(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return user.ID
}

// upload sends an archive that is none: its import fails, and it is deleted.
func (w *world) upload(t *testing.T, c *client.Client, user string) {
	t.Helper()
	i, err := c.Import(t.Context(), user, "fitbit-export", false, client.Upload{Name: "a.zip", Write: func(to io.Writer) error {
		_, err := io.WriteString(to, strings.Repeat(uploaded, 10_000))
		return err
	}})
	if err == nil {
		i, err = c.AwaitImport(deadline(t), i.ID)
	}
	if err != nil || i.Status != "failed" {
		t.Fatalf("the import ended %+v: %v", i, err)
	}
}

// recorder publishes facts of runs that name their person in every part, one after the other.
func recorder(t *testing.T, b *bus.Bus) (write func(user string, n, size int)) {
	hasher, err := provider.NewHasher(fitbit.Volatile())
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	begin := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)
	return func(user string, n, size int) {
		t.Helper()
		var page []events.Event
		for i := range n {
			next++
			id, words := strconv.Itoa(1_000_000+next), strings.Repeat("what "+user+" did; ", size/50+1)
			start := begin.Add(time.Duration(next) * 20 * time.Minute)
			raw := fmt.Sprintf(`{"logId":%s,"activityName":"Run","activityTypeId":90009,"startTime":"%s","activeDuration":600000,"duration":600000,"note":%q}`,
				id, start.Format("2006-01-02T15:04:05.000-07:00"), words)
			page = append(page, events.Event{
				ID: events.NewID(), Source: "stridelog/test", About: id, Time: start, Provider: fitbit.Name, UserID: user,
				Data: &events.ActivityFetched{
					UserID: user, Provider: fitbit.Name, ExternalID: id, Format: fitbit.FormatActivityList, Raw: events.Raw(raw),
					ContentHash: hasher.Import([]byte(raw), events.ActivityContext{}), HashVersion: fitbit.HashVersion, Origin: events.OriginImport, FetchedAt: start,
				},
			})
			if len(page)*size < 4<<20 && len(page) < 500 && i < n-1 {
				continue
			}
			if err := b.PublishAll(t.Context(), page); err != nil {
				t.Fatal(err)
			}
			page = page[:0]
		}
	}
}

// folded waits until there are as many workouts.
func (w *world) folded(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	db, err := pgx.Connect(ctx, w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	for {
		var have int
		if err := db.QueryRow(ctx, "SELECT count(*) FROM projector.view_workouts_v1").Scan(&have); err != nil {
			t.Fatal(err)
		}
		if have == n {
			return
		}
		if pauseFor(ctx, 50*time.Millisecond+time.Duration(n)*5*time.Microsecond) != nil { // counting takes its time, too
			t.Fatalf("waited too long: %d of %d workouts are there", have, n)
		}
	}
}

// traces searches a folder and a dump of the tables.
func (w *world) traces(t *testing.T, dir string) (files func(user string) int) {
	t.Helper()
	dump := w.dumped(t)
	return func(user string) int {
		if _, err := uuid.Parse(user); err != nil {
			t.Fatal(err)
		}
		return min(len(bustest.Files(t, dir, []byte("what "+user+" did"))), 1) + len(bustest.Files(t, dump, []byte(user)))
	}
}

// dumped is a folder with a dump of the tables, as docs/operations.md makes one.
func (w *world) dumped(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	out, err := exec.CommandContext(t.Context(), "pg_dump", "--file", filepath.Join(dir, "tables.sql"), w.databaseURL).CombinedOutput()
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, out)
	}
	return dir
}

// cold is a copy of the store's files.
func cold(t *testing.T, dir string) (copied string) {
	t.Helper()
	copied = filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

// watch looks at the erasures until it is enough, and notes when each was done.
func watch(t *testing.T, c *client.Client, began time.Time, people []*erasing, enough func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	for {
		for _, p := range people {
			if p.State == "done" {
				continue
			}
			if err := c.Call(ctx, http.MethodGet, "/erasures/"+p.ID, nil, p); err != nil {
				t.Fatal(err)
			}
			if p.State == "done" {
				p.took = time.Since(began)
			}
		}
		if enough() {
			return
		}
		wait(t, ctx, "the erasures are %s, %s and %s", people[0].State, people[1].State, people[2].State)
	}
}
