package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// keptStores are the stores that an earlier program left, see testdata/stores.
type keptStores struct {
	*world
	sealingKey string
	served     map[string]keptPerson
}

// keptPerson is what the earlier program served of somebody.
type keptPerson struct {
	UserID   string            `json:"user_id"`
	Workouts []json.RawMessage `json:"workouts"`
	Routes   []string          `json:"routes"`
	Syncs    int               `json:"syncs"`
}

// restore starts stores on what an earlier program left.
func restore(t *testing.T, dir string) *keptStores {
	t.Helper()
	streams := t.TempDir()
	unpack(t, filepath.Join(dir, "streams.tar.gz"), streams)
	server, err := natsserver.Start(natsserver.Options{StoreDir: streams, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	k := &keptStores{world: &world{databaseURL: postgrestest.URL(t), natsURL: server.URL()}}
	k.conformAtTheEnd(t) // also what the earlier program wrote
	conn, err := pgx.Connect(t.Context(), k.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), string(unzip(t, filepath.Join(dir, "tables.sql.gz"))), pgx.QueryExecModeSimpleProtocol)
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "sealing_key"))
	if err != nil {
		t.Fatal(err)
	}
	k.sealingKey = strings.TrimSpace(string(key))
	if err := json.Unmarshal(unzip(t, filepath.Join(dir, "served.json.gz")), &k.served); err != nil {
		t.Fatal(err)
	}
	return k
}

func unzip(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if text, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return text
}

func unpack(t *testing.T, path, to string) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(unzip(t, path)))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(to, filepath.FromSlash(h.Name))
		text, err := io.ReadAll(r)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(file), 0o700)
		}
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// start runs this program on the stores. The providers are configured, and no longer
// there.
func (k *keptStores) start(t *testing.T) *installation.Installation {
	t.Helper()
	nowhere := "http://" + porttest.Address(t)
	settings := func(name, id string, addresses ...string) provider.Values {
		v := provider.Values{"CLIENT_ID": provider.Secret(id), "CLIENT_SECRET": "made-up", "REDIRECT_URI": provider.Secret(installation.CallbackURL(name))}
		for _, a := range addresses {
			v[a] = provider.Secret(nowhere)
		}
		return v
	}
	k.fitbit = settings("fitbit", "FITBIT", "AUTHORIZE_URL", "API_BASE_URL")
	return k.startWith(t, installation.Options{
		Log: testLog(t), Change: func(c *config.Config) { c.SealingKey = k.sealingKey },
		Providers: map[string]provider.Values{google: settings(google, "GOOGLE", "AUTHORIZE_URL", "TOKEN_URL", "REVOKE_URL", "API_BASE_URL")},
	})
}

// TestStoresOfEarlierPrograms starts this program on what earlier ones left: it serves
// the old data at once, rebuilds by itself, and then serves the same workouts, and
// tables and log agree.
func TestStoresOfEarlierPrograms(t *testing.T) {
	dirs, err := filepath.Glob("testdata/stores/*/tables.sql.gz")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no stores are kept: %v", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			k := restore(t, dir)
			release := k.holdRebuild(t)
			announced := k.announced(t, "STRIDELOG_WORKOUTS")
			in := k.start(t)
			k.sameAnnouncements(t, announced)
			k.sameWorkouts(t, in.Client)
			k.saysReady(t, in, "a rebuild for layout")
			release()
			k.awaitLayout(t)
			k.sameWorkouts(t, in.Client)
			k.saysReady(t, in, "ok")
			k.clean(t, in)
		})
	}
}

// announced are the events of a stream, by sequence.
func (k *keptStores) announced(t *testing.T, stream string) map[uint64]jetstream.Msg {
	t.Helper()
	all := map[uint64]jetstream.Msg{}
	if err := readAll(deadline(t), k.jetStream(t), stream, ">", func(m jetstream.Msg) error {
		meta, err := m.Metadata()
		if err == nil {
			all[meta.Sequence.Stream] = m
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// sameAnnouncements checks that the earlier program's announcements have moved. They
// live for 30 days, so kept stores have none once they are older.
func (k *keptStores) sameAnnouncements(t *testing.T, was map[uint64]jetstream.Msg) {
	t.Helper()
	t.Logf("the earlier program left %d announcements", len(was))
	now := k.announced(t, "STRIDELOG_CHANGES")
	for sequence, m := range was {
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		got := now[sequence]
		if got == nil && time.Since(meta.Timestamp) > 30*24*time.Hour {
			continue
		}
		if got == nil || got.Subject() != m.Subject() || got.Headers().Get("ce-id") != m.Headers().Get("ce-id") || !bytes.Equal(got.Data(), m.Data()) {
			t.Errorf("announcement %d, %s, is not in the new stream", sequence, m.Subject())
		}
	}
	if _, err := k.jetStream(t).Stream(t.Context(), "STRIDELOG_WORKOUTS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the earlier stream: %v, want that it is gone", err)
	}
}

// holdRebuild keeps every rebuild waiting until release, as a running one does.
func (k *keptStores) holdRebuild(t *testing.T) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), k.databaseURL)
	if err == nil {
		_, err = conn.Exec(t.Context(), "SELECT pg_advisory_lock(hashtextextended('stridelog projector rebuild', 0))")
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		_, err := conn.Exec(t.Context(), "SELECT pg_advisory_unlock(hashtextextended('stridelog projector rebuild', 0))")
		if err := errors.Join(err, conn.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitLayout waits until the tables that serve are this program's.
func (k *keptStores) awaitLayout(t *testing.T) {
	t.Helper()
	ctx := deadline(t)
	conn, err := pgx.Connect(ctx, k.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for {
		var generation, layout int
		if err := conn.QueryRow(ctx, "SELECT generation, layout FROM projector.serving").Scan(&generation, &layout); err != nil {
			t.Fatal(err)
		}
		if generation > 1 && layout > 0 {
			return
		}
		wait(t, ctx, "generation %d with layout %d serves", generation, layout)
	}
}

// saysReady waits until /readyz answers 200 and has some words on the tables.
func (k *keptStores) saysReady(t *testing.T, in *installation.Installation, words string) {
	t.Helper()
	ctx := deadline(t)
	for {
		status, body := fetch(t, in.Client.BaseURL+"/readyz?verbose")
		var report struct {
			Checks map[string]string `json:"checks"`
		}
		if err := json.Unmarshal([]byte(body), &report); err != nil || status != http.StatusOK {
			t.Fatalf("/readyz answers %d %s: %v", status, body, err)
		}
		says := report.Checks["workout tables"]
		if strings.Contains(says, words) {
			return
		}
		wait(t, ctx, "/readyz says of the tables %q, want %q", says, words)
	}
}

// sameWorkouts compares what is served with what was: the same workouts with the same
// ids and versions, and the same routes and syncs.
func (k *keptStores) sameWorkouts(t *testing.T, c *client.Client) {
	t.Helper()
	ctx := deadline(t)
	for name, kept := range k.served {
		list, err := c.Workouts(ctx, kept.UserID, everyRecord())
		if err != nil {
			t.Fatal(err)
		}
		if len(kept.Workouts) == 0 || len(list) != len(kept.Workouts) {
			t.Errorf("%s: %d workouts are served, there were %d", name, len(list), len(kept.Workouts))
		}
		now := identities(t, list)
		for id, was := range identities(t, kept.Workouts) {
			if now[id] != was {
				t.Errorf("%s: workout %s is %+v, and was %+v", name, id, now[id], was)
			}
		}
		for _, id := range kept.Routes {
			if err := c.Call(ctx, "GET", "/workouts/"+id+"/tcx", nil, new([]byte)); err != nil {
				t.Errorf("%s: the route of %s: %v", name, id, err)
			}
		}
		syncs, err := c.Syncs(ctx, kept.UserID)
		if err != nil || len(syncs) < kept.Syncs {
			t.Errorf("%s: %d syncs are served, there were %d: %v", name, len(syncs), kept.Syncs, err)
		}
	}
}

// identity is what no later rule may change of a workout.
type identity struct {
	Source struct {
		Provider string `json:"provider"`
	} `json:"source"`
	ExternalID string `json:"external_id"`
	Version    uint64 `json:"version"`
	StartTime  string `json:"start_time"`
}

func identities(t *testing.T, list []json.RawMessage) map[string]identity {
	t.Helper()
	all := map[string]identity{}
	for _, text := range list {
		var one struct {
			ID string `json:"id"`
			identity
		}
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatal(err)
		}
		all[one.ID] = one.identity
	}
	return all
}

// clean checks that verify finds nothing.
func (k *keptStores) clean(t *testing.T, in *installation.Installation) {
	t.Helper()
	done, err := in.System.Verify(deadline(t), func(d system.Difference) { t.Errorf("%s %d: %s", d.Where, d.Sequence, d.What) }, func(system.VerifyProgress) {})
	if err != nil {
		t.Fatal(err)
	}
	if done.Facts == 0 || done.Tables+done.Index+done.Damaged > 0 {
		t.Errorf("verify says %+v", done)
	}
}
