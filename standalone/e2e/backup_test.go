package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/backup"
	"github.com/stridelog/stridelog/standalone/internal/command"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// onStores runs a command of the operator on stores, and checks its exit code and a word.
func onStores(t *testing.T, databaseURL, natsURL, list string, code int, says string, args ...string) string {
	t.Helper()
	return operate(t, map[string]string{"DATABASE_URL": databaseURL, "NATS_URL": natsURL, "STRIDELOG_ERASURES_FILE": list}, code, says, args...)
}

// operate is onStores with an environment.
func operate(t *testing.T, env map[string]string, code int, says string, args ...string) string {
	t.Helper()
	env["STRIDELOG_PG_BIN"], env["LOG_LEVEL"] = os.Getenv("STRIDELOG_PG_BIN"), "warn"
	var out bytes.Buffer
	got := command.Run(t.Context(), args, command.Process{Name: "stridelog", Stdout: &out, Stderr: &out, Env: func(name string) (string, bool) {
		v := env[name]
		return v, v != ""
	}})
	if got != code || !strings.Contains(out.String(), says) {
		t.Errorf("stridelog %v: exit %d, want %d and %q:\n%s", args, got, code, says, out.String())
	}
	return out.String()
}

// writing writes records of somebody, a few at a time, until stop is called, which says
// how many they were.
func writing(t *testing.T, write func(user string, n, size int), user string) (stop func() int) {
	t.Helper()
	var written atomic.Int64
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			default:
				write(user, 5, 500)
				written.Add(5)
			}
		}
	}()
	waittest.Until(t, "records are written", func() bool { return written.Load() > 0 })
	return func() int {
		close(quit)
		<-ended
		return int(written.Load())
	}
}

// A system is backed up while records come in, somebody is erased after that, and the
// backup is restored into empty stores: nobody is back, and tables and log agree.
func TestABackupUnderLoadIsRestoredWithoutWhomWasErased(t *testing.T) {
	dir, list, folder := t.TempDir(), filepath.Join(t.TempDir(), "erasures.jsonl"), filepath.Join(t.TempDir(), "backup")
	keep := func(c *config.Config) { c.ErasuresFile = list }
	w := &world{databaseURL: postgrestest.URL(t)}
	w.openLog(t, dir)
	in, stop := w.startOnce(t, keep)
	gone, stays := w.somebody(t, in.Client, "gone"), w.somebody(t, in.Client, "stays")
	write := recorder(t, w.bus(t))
	write(gone, 20, 2000)
	write(stays, 20, 2000)
	w.folded(t, 40)

	finish := writing(t, write, stays)
	said := onStores(t, w.databaseURL, w.natsURL, list, 0, "Backed up ", "backup", folder)
	if written := finish(); written < 10 {
		t.Fatalf("the control: only %d records came meanwhile", written)
	}
	t.Log(said)
	m, err := backup.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	if found := bustest.Files(t, folder, []byte("what "+gone+" did")); m.Database.HighWater == 0 || len(m.Streams) != 4 || len(found) > 0 {
		t.Errorf("the backup holds %+v, in clear %v", m, found) // NATS compresses what it sends
	}
	p := &erasing{user: gone}
	if err := in.Client.Call(t.Context(), http.MethodDelete, "/users/"+gone, nil, p); err != nil {
		t.Fatal(err)
	}
	w.awaitErasure(t, in.Client, p.ID)
	stop()

	target := &world{databaseURL: postgrestest.URL(t)}
	newDir := t.TempDir()
	shut := target.openLog(t, newDir)
	refuseBroken(t, target, list, folder)
	onStores(t, target.databaseURL, target.natsURL, list+".old", 1, "name the file that there is", "restore", folder)
	said = onStores(t, target.databaseURL, target.natsURL, list, 0, "Erased again, of those whom the backup brought back: 1.", "restore", folder)
	if !strings.Contains(said, "There are no differences.") {
		t.Errorf("the restore says\n%s", said)
	}
	t.Log(said)
	onStores(t, target.databaseURL, target.natsURL, list, 1, "the database is not empty", "restore", folder)
	in, stop = target.startOnce(t, keep)
	_, err = in.Client.Workouts(t.Context(), gone, nil)
	expectProblem(t, err, http.StatusNotFound)
	rows, err := in.Client.Workouts(t.Context(), stays, nil)
	if err != nil || len(rows) < 20 {
		t.Errorf("somebody else has %d workouts: %v", len(rows), err)
	}
	target.awaitErasure(t, in.Client, p.ID)
	dumped := target.dumped(t)
	stop()
	shut()
	for name, where := range map[string]string{"the log": newDir, "the dump": dumped} {
		if found := bustest.Files(t, where, []byte(gone)); found != nil {
			t.Errorf("%s holds something of the person: %v", name, found)
		}
		if bustest.Files(t, where, []byte(stays)) == nil {
			t.Errorf("the control: %s holds nothing of somebody else", name)
		}
	}
}

// refuseBroken tries folders that are not as the backup wrote them on stores that stay
// empty.
func refuseBroken(t *testing.T, w *world, list, folder string) {
	t.Helper()
	for _, c := range []struct {
		says  string
		spoil func(dir string) error
	}{
		{"no finished backup", func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }},
		{"STRIDELOG_FACTS.snapshot is missing", func(dir string) error { return os.Remove(filepath.Join(dir, "STRIDELOG_FACTS.snapshot")) }},
		{"STRIDELOG_FACTS.snapshot has ", func(dir string) error { return os.Truncate(filepath.Join(dir, "STRIDELOG_FACTS.snapshot"), 100) }},
		{"tables.dump has another checksum", func(dir string) error { return flip(filepath.Join(dir, "tables.dump"), 500) }},
		{"manifest.json has not the checksum", func(dir string) error { return replaced(dir, `"erasures": 0`, `"erasures": 1`, false) }},
		{"the folder has format 2", func(dir string) error { return replaced(dir, `"format": 1`, `"format": 2`, true) }},
		{"its schema oauth has version 90", func(dir string) error { return replaced(dir, `"oauth": `, `"oauth": 90`, true) }},
		{"the tables of this backup were not made from its log", func(dir string) error { return replaced(dir, `"log_epoch": "`, `"log_epoch": "another `, true) }},
	} {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		if err := c.spoil(dir); err != nil {
			t.Fatal(err)
		}
		onStores(t, w.databaseURL, w.natsURL, list, 1, c.says, "restore", dir)
	}
}

func flip(path string, at int) error {
	text, err := os.ReadFile(path)
	if err == nil {
		text[at] ^= 1
		err = os.WriteFile(path, text, 0o600)
	}
	return err
}

// replaced changes the manifest, and its checksum where it is told.
func replaced(dir, was, is string, sum bool) error {
	path := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed := bytes.Replace(text, []byte(was), []byte(is), 1)
	if bytes.Equal(changed, text) {
		return fmt.Errorf("the control: the manifest has no %s", was)
	}
	if sum {
		hash := sha256.Sum256(changed)
		if err := os.WriteFile(path+".sha256", []byte(hex.EncodeToString(hash[:])), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(path, changed, 0o600)
}

// The tables of a backup were made from another log. They are restored only when that is
// accepted, and are then made anew from the log. Nothing runs on stores whose restore has
// not ended, and a backup that was interrupted is none.
func TestABackupOfTwoLogsAndAnInterruptedOne(t *testing.T) {
	w, folder := newStores(t), filepath.Join(t.TempDir(), "backup")
	in, stop := w.startOnce(t)
	user := w.somebody(t, in.Client, "stays")
	recorder(t, w.bus(t))(user, 20, 500)
	w.folded(t, 20)
	stop()
	onStores(t, w.databaseURL, w.natsURL, "", 0, "Backed up ", "backup", folder)
	if err := replaced(folder, `"log_epoch": "`, `"log_epoch": "another `, true); err != nil {
		t.Fatal(err)
	}
	target := newStores(t)
	onStores(t, target.databaseURL, target.natsURL, "", 1, "--accept-log", "restore", folder)
	onStores(t, target.databaseURL, target.natsURL, "", 0, "There are no differences.", "restore", folder, "--accept-log", "--no-owner")
	db := openPool(t, target.databaseURL)
	if err := system.BeginRestore(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"streams"}, {"verify"}, {"rebuild"}, {"backup", filepath.Join(t.TempDir(), "none")}, {"restore", folder}, {"projector"}} {
		onStores(t, target.databaseURL, target.natsURL, "", 1, "a restore into this database has not ended", args...)
	}
	if err := system.EndRestore(t.Context(), db); err != nil {
		t.Fatal(err)
	}

	died, cut := errors.New("the process died"), filepath.Join(t.TempDir(), "cut")
	source := backup.Source{DatabaseURL: w.databaseURL, DB: openPool(t, w.databaseURL), Bus: w.bus(t), PGBin: os.Getenv("STRIDELOG_PG_BIN"), Tell: t.Logf, Between: func() error { return died }}
	if _, err := source.Take(t.Context(), cut); !errors.Is(err, died) {
		t.Fatal(err)
	}
	if _, err := backup.Read(cut); !errors.Is(err, backup.ErrUnfinished) {
		t.Errorf("half a backup: %v", err)
	}
	onStores(t, w.databaseURL, w.natsURL, "", 1, "is not empty", "backup", cut)
	if said := onStores(t, w.databaseURL, w.natsURL, "", 1, "a backup overwrites nothing", "backup", folder); strings.Contains(said, "remove") {
		t.Errorf("it says of a whole backup\n%s", said)
	}
}

// Embedded stores are made from a backup in a folder that has none. A restore that fails
// takes away what it made, and one over stores that exist is refused.
func TestABackupIsRestoredIntoEmbeddedStores(t *testing.T) {
	w, folder, dir := newStores(t), filepath.Join(t.TempDir(), "backup"), filepath.Join(dataDir(t), "restored")
	in, stop := w.startOnce(t)
	user := w.somebody(t, in.Client, "stays")
	recorder(t, w.bus(t))(user, 20, 500)
	w.folded(t, 20)
	stop()
	onStores(t, w.databaseURL, w.natsURL, "", 0, "Backed up ", "backup", folder)

	embedded := map[string]string{"STRIDELOG_DATA_DIR": dir}
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := errors.Join(os.CopyFS(foreign, os.DirFS(folder)), replaced(foreign, `"log_epoch": "`, `"log_epoch": "another `, true)); err != nil {
		t.Fatal(err)
	}
	operate(t, embedded, 1, "the tables of this backup were not made from its log", "restore", foreign)
	if err := store.CheckNew(dir); err != nil {
		t.Errorf("after a restore that failed: %v", err)
	}
	said := operate(t, embedded, 0, "There are no differences.", "restore", folder)
	if alone := "0 erasures are known, from the backup alone."; !strings.Contains(said, alone) {
		t.Errorf("it does not say %q:\n%s", alone, said)
	}
	if key := "sealing.json is not there. Put the sealing key there before the first start"; !strings.Contains(said, key) {
		t.Errorf("it does not say %q:\n%s", key, said)
	}
	operate(t, embedded, 1, "name another STRIDELOG_DATA_DIR, or remove pg and nats there", "restore", folder)

	again := filepath.Join(t.TempDir(), "again")
	operate(t, embedded, 0, "Backed up ", "backup", again)
	first, err := backup.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	second, err := backup.Read(again)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range first.Streams {
		if r := second.Streams[i]; r.Name != s.Name || r.Epoch != s.Epoch || r.Messages != s.Messages || r.LastSequence != s.LastSequence {
			t.Errorf("stream %s was %+v and is %+v", s.Name, s.SnapshotState, r.SnapshotState)
		}
	}
}

func openPool(t *testing.T, databaseURL string) *pgxpool.Pool {
	t.Helper()
	db, err := pgxpool.New(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}
