package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// openLog starts a server on the files of a log and points the world to it.
func (w *world) openLog(t *testing.T, dir string) (shut func()) {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{StoreDir: dir, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w.natsURL = server.URL()
	return server.Stop
}

// A backup of before an erasure is restored after it: with the list of erasures, which
// was kept apart, the person is unknown from the first answer on, and then no store holds
// a word of them.
func TestARestoredBackupBringsNobodyBack(t *testing.T) {
	dir, list, dump := t.TempDir(), filepath.Join(t.TempDir(), "erasures.jsonl"), filepath.Join(t.TempDir(), "tables.dump")
	keep := func(c *config.Config) { c.ErasuresFile = list }
	w := &world{databaseURL: postgrestest.URL(t)}
	shut := w.openLog(t, dir)
	in, stop := w.startOnce(t, keep)
	gone, stays := w.somebody(t, in.Client, "gone"), w.somebody(t, in.Client, "stays")
	write := recorder(t, w.bus(t))
	write(gone, 20, 2000)
	write(stays, 20, 2000)
	write(gone, 5, 2000)
	w.folded(t, 45)
	stop()
	if out, err := exec.CommandContext(t.Context(), "pg_dump", "--format", "custom", "--file", dump, w.databaseURL).CombinedOutput(); err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, out)
	}
	shut()
	backup := cold(t, dir)
	if bustest.Files(t, backup, []byte("what "+gone+" did")) == nil {
		t.Fatal("the control: the backup does not hold the person")
	}

	shut = w.openLog(t, dir)
	in, stop = w.startOnce(t, keep)
	p := &erasing{user: gone}
	if err := in.Client.Call(t.Context(), http.MethodDelete, "/users/"+gone, nil, p); err != nil {
		t.Fatal(err)
	}
	w.awaitErasure(t, in.Client, p.ID)
	stop()
	shut()

	w = &world{databaseURL: postgrestest.URL(t)}
	if out, err := exec.CommandContext(t.Context(), "pg_restore", "--dbname", w.databaseURL, "--exit-on-error", dump).CombinedOutput(); err != nil {
		t.Fatalf("pg_restore: %v\n%s", err, out)
	}
	shut = w.openLog(t, backup)
	in, stop = w.startOnce(t, keep)
	_, err := in.Client.Workouts(t.Context(), gone, nil)
	expectProblem(t, err, http.StatusNotFound)
	w.awaitErasure(t, in.Client, p.ID)
	if rows, err := in.Client.Workouts(t.Context(), stays, nil); err != nil || len(rows) != 20 {
		t.Errorf("somebody else has %d workouts: %v", len(rows), err)
	}
	dumped := w.dumped(t)
	stop()
	shut()
	for name, where := range map[string]string{"the log": backup, "the dump": dumped} {
		if found := bustest.Files(t, where, []byte(gone)); found != nil {
			t.Errorf("%s holds something of the person: %v", name, found)
		}
		if bustest.Files(t, where, []byte(stays)) == nil {
			t.Errorf("the control: %s holds nothing of somebody else", name)
		}
	}
}
