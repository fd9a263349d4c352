package poller

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/imports"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// upload puts a file into the bucket.
func (w *world) upload(user, text string) rpc.Upload {
	w.t.Helper()
	u, err := w.bus.Upload(w.t.Context(), user+"/"+events.NewID()+"/0", strings.NewReader(text))
	if err != nil {
		w.t.Fatal(err)
	}
	u.File = "../../takeout.zip"
	return u
}

func entriesText(t testing.TB, entries []entry) string {
	t.Helper()
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ask queues an import as the gateway does.
func (w *world) ask(user string, uploads ...rpc.Upload) (id string) {
	w.t.Helper()
	id = events.NewID()
	q := rpc.ImportRequest{ImportID: id, UserID: user, Kind: exportKind, Uploads: uploads}
	for range 2 { // asked twice, it is one
		got, err := bus.Call[rpc.ImportRequest, rpc.ImportResponse](w.t.Context(), w.bus, rpc.PollerImport, q)
		if err != nil {
			w.t.Fatal(err)
		}
		if got.Provider != cloudName || got.RequestedAt.IsZero() {
			w.t.Errorf("the answer is %+v", got)
		}
	}
	return id
}

// shown is an import as the gateway reads it.
type shown struct {
	status string
	report imports.Report
	code   string
}

func (w *world) shown(id string) (s shown) {
	w.t.Helper()
	err := w.db.QueryRow(w.t.Context(), "SELECT status, report, coalesce(error->>'code', '') FROM poller.view_imports_v1 WHERE import_id = $1", id).
		Scan(&s.status, &s.report, &s.code)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// imported waits until an import has ended and nothing is left of its upload.
func (w *world) imported(id string) (s shown) {
	w.t.Helper()
	w.eventually("the import ends and its upload is deleted", func() bool {
		s = w.shown(id)
		return s.status != "queued" && s.status != "running" && w.chunks() == 0 && len(w.files()) == 0
	})
	return s
}

// chunks is how many messages of uploads there are.
func (w *world) chunks() (n uint64) {
	w.t.Helper()
	s, err := w.bus.JetStream().Stream(w.t.Context(), "OBJ_"+events.BucketUploads)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := s.Info(w.t.Context(), jetstream.WithSubjectFilter("$O."+events.BucketUploads+".C.>"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, messages := range info.State.Subjects {
		n += messages
	}
	return n
}

// files are what lies in the folder of imports under way.
func (w *world) files() []string {
	w.t.Helper()
	epoch, err := w.bus.Epoch(w.t.Context(), events.StreamFacts)
	if err != nil {
		w.t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "stridelog-imports-"+epoch, "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// The zone that whoever asks states reaches the reader of the archive, from an upload
// and from the command, and is shown.
func TestAStatedZoneReachesTheReader(t *testing.T) {
	w := newWorld(t)
	c, x := w.importing()
	w.start(c, work.Hooks{})
	user := newPerson().user
	upload := w.upload(user, entriesText(t, w.history(1, day)))
	_, err := bus.Call[rpc.ImportRequest, rpc.ImportResponse](t.Context(), w.bus, rpc.PollerImport,
		rpc.ImportRequest{ImportID: events.NewID(), UserID: user, Kind: exportKind, TimeZone: "Asia/Tokyo", Uploads: []rpc.Upload{upload}})
	if err != nil {
		t.Fatal(err)
	}
	w.eventually("the upload is read", func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return len(x.said) == 1
	})
	other := newPerson().user
	if _, err := w.command(c).Import(t.Context(), Import{UserID: other, Kind: exportKind, Paths: []string{archive(t, nil)}, TimeZone: "Europe/Rome"}, nil); err != nil {
		t.Fatal(err)
	}
	if want := []provider.ImportOptions{{TimeZone: "Asia/Tokyo"}, {TimeZone: "Europe/Rome"}}; !slices.Equal(x.said, want) {
		t.Errorf("the readers were told %+v", x.said)
	}
	w.bringIn(c, newPerson().user, nil)
	var zones []string
	err = w.db.QueryRow(t.Context(), "SELECT array_agg(coalesce(time_zone, 'none') ORDER BY time_zone) FROM poller.view_imports_v1").Scan(&zones)
	if want := []string{"Asia/Tokyo", "Europe/Rome", "none"}; err != nil || !slices.Equal(zones, want) {
		t.Errorf("the view shows %v, %v", zones, err)
	}
}

func TestAnUploadIsImportedAndDeleted(t *testing.T) {
	w := newWorld(t)
	c, x := w.importing()
	registry := prometheus.NewRegistry()
	c.Registry = registry
	running := w.start(c, work.Hooks{})
	user, entries := newPerson().user, w.history(30, day)
	id := w.ask(user, w.upload(user, entriesText(t, entries[:20])), w.upload(user, entriesText(t, entries[20:])))
	got := w.imported(id)
	if want := (imports.Counts{Found: 30, Imported: 30}); got.status != "success" || got.report.Counts != want {
		t.Errorf("the import is %+v", got)
	}
	if p := got.report.Progress; p.BytesRead != p.BytesTotal || p.BytesTotal == 0 || p.RecordsPerSecond <= 0 {
		t.Errorf("the progress is %+v", p)
	}
	if len(x.opened) != 1 || len(x.opened[0]) != 2 || filepath.Base(x.opened[0][1]) != "1" || !strings.HasPrefix(x.opened[0][1], os.TempDir()) {
		t.Errorf("opened were %v", x.opened)
	}
	w.exactly(30)
	w.imported(w.ask(user, w.upload(user, "PK, or not")))
	w.eventually("the imports are counted", func() bool {
		return maps.Equal(counts(t, registry, "stridelog_poller_imports_total"), map[string]float64{
			"code= provider=cloud status=success": 1, "code=not_an_archive provider=cloud status=failed": 1,
		})
	})
	if got := counts(t, registry, "stridelog_poller_import_records_total"); got["provider=cloud result=imported"] != 30 || got["provider=cloud result=rejected"] != 0 {
		t.Errorf("the records are counted as %v", got)
	}
	if err := running.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(filepath.Dir(x.opened[0][0]))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of imports under way stays behind: %v", err)
	}
}

// counts are the values of a counter by its labels.
func counts(t *testing.T, r *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			if f.GetName() == name {
				values[strings.Join(labels, " ")] = m.GetCounter().GetValue()
			}
		}
	}
	return values
}

// keys is how many keys of a user's uploads are stored.
func (w *world) keys(user string) (n int) {
	w.t.Helper()
	err := w.db.QueryRow(w.t.Context(), "SELECT count(*) FROM poller.imports i, jsonb_array_elements(i.uploads) u WHERE i.user_id = $1 AND u->>'key' <> ''", user).Scan(&n)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// The key of an upload is in its import's row and goes with the upload: once it was
// used, when it could not be, and when the person is erased before.
func TestTheKeyOfAnUploadGoesWithIt(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	user, erased := newPerson().user, newPerson().user
	var atEnd int
	w.startImports(c, imports.Hooks{Finished: func() error { atEnd = w.keys(user); return nil }})
	for content, want := range map[string]string{entriesText(t, w.history(3, day)): "success", "PK, or not": "failed"} {
		if got := w.imported(w.ask(user, w.upload(user, content))); got.status != want {
			t.Errorf("the import ends %+v", got)
		}
		w.eventually("the key is forgotten", func() bool { return w.keys(user) == 0 })
		if atEnd != 1 {
			t.Fatalf("the control: there were %d keys when the import had ended", atEnd)
		}
	}
	waiting, err := json.Marshal([]rpc.Upload{w.upload(erased, "an archive")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Exec(t.Context(), `INSERT INTO poller.imports (id, user_id, provider, kind, dry_run, uploads, requested_at, not_before)
		VALUES ($1, $2, $3, $4, false, $5, now(), 'infinity')`, events.NewID(), erased, cloudName, exportKind, waiting); err != nil {
		t.Fatal(err)
	}
	if n := w.keys(erased); n != 1 {
		t.Fatalf("the control: %d keys wait with their imports", n)
	}
	w.erase(erased)
	if n := w.keys(erased); n != 0 || w.chunks() != 0 {
		t.Errorf("%d keys and %d chunks of an erased person stay", n, w.chunks())
	}
}

// A gateway of before encryption stored uploads in clear, and named no key.
func TestAnUploadOfBeforeEncryptionIsImported(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	w.start(c, work.Hooks{})
	user := newPerson().user
	content := entriesText(t, w.history(3, day))
	store, err := w.bus.JetStream().ObjectStore(t.Context(), events.BucketUploads)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutString(t.Context(), user+"/one/0/000000", content); err != nil {
		t.Fatal(err)
	}
	id := w.ask(user, rpc.Upload{Name: user + "/one/0", Pieces: 1, Bytes: int64(len(content))})
	if got := w.imported(id); got.status != "success" || got.report.Counts.Imported != 3 {
		t.Errorf("the import ends %+v", got)
	}
}

func TestWhatIsWrongWithAnUploadIsSaid(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	user := newPerson().user
	gone := w.upload(user, entriesText(t, w.history(3, day)))
	if err := w.bus.DeleteUpload(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	w.start(c, work.Hooks{})
	for want, upload := range map[string]func() rpc.Upload{
		"not_an_archive": func() rpc.Upload { return w.upload(user, "PK, or not") },
		"upload_gone":    func() rpc.Upload { return gone },
	} {
		if got := w.imported(w.ask(user, upload())); got.status != "failed" || got.code != want {
			t.Errorf("the import is %+v, want %s", got, want)
		}
	}
	for want, q := range map[string]rpc.ImportRequest{
		"kind":      {ImportID: events.NewID(), UserID: user, Kind: "diary", Uploads: []rpc.Upload{gone}},
		"user_id":   {ImportID: events.NewID(), UserID: "me", Kind: exportKind, Uploads: []rpc.Upload{gone}},
		"import_id": {ImportID: "it", UserID: user, Kind: exportKind, Uploads: []rpc.Upload{gone}},
		"uploads":   {ImportID: events.NewID(), UserID: user, Kind: exportKind},
		"timezone":  {ImportID: events.NewID(), UserID: user, Kind: exportKind, Uploads: []rpc.Upload{gone}, TimeZone: "Mars/Olympus_Mons"},
	} {
		var refused *rpc.Error
		_, err := bus.Call[rpc.ImportRequest, rpc.ImportResponse](t.Context(), w.bus, rpc.PollerImport, q)
		if !errors.As(err, &refused) || refused.Code != rpc.CodeInvalidArgument || refused.Field != want {
			t.Errorf("%+v answers %v, want %s", q, err, want)
		}
	}
	w.exactly(0)
}

// startImports runs a poller that dies where its hooks say.
func (w *world) startImports(c Config, hooks imports.Hooks) *running {
	w.t.Helper()
	return w.startWith(c, work.Hooks{}, hooks)
}

func TestACrashOfAnImportLosesAndDoublesNothing(t *testing.T) {
	for name, hooks := range map[string]imports.Hooks{
		"between two pages":      {Published: onCall(1)},
		"after the last page":    {Published: onCall(3)},
		"before the upload goes": {Finished: onCall(1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c, _ := w.importing()
			first := w.startImports(c, hooks)
			user := newPerson().user
			id := w.ask(user, w.upload(user, entriesText(t, w.history(2300, time.Hour))))
			if err := w.died(first); !errors.Is(err, errKilled) {
				t.Fatalf("the poller ended with %v", err)
			}
			if w.chunks() == 0 {
				t.Error("the upload is gone before anybody knows that it is done")
			}
			w.clock.advance(c.Lease + time.Second)
			w.start(c, work.Hooks{})
			got := w.imported(id)
			if want := (imports.Counts{Found: 2300, Imported: 2300}); got.status != "success" || got.report.Counts != want {
				t.Errorf("the import is %+v", got)
			}
			w.exactly(2300)
		})
	}
}

// A command that dies leaves what it published; its row says that it was
// interrupted once a worker looks, and a second run completes it.
func TestACommandThatDiesIsRunAgain(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	user, entries := newPerson().user, w.history(2300, time.Hour)
	s := w.command(c)
	s.importHooks = imports.Hooks{Published: onCall(2)}
	done, err := s.Import(t.Context(), Import{UserID: user, Kind: exportKind, Paths: []string{archive(t, entries)}}, nil)
	if !errors.Is(err, errKilled) {
		t.Fatalf("the import ended with %v", err)
	}
	if got := w.shown(done.ID); got.status != "running" {
		t.Errorf("the row of the dead command is %+v", got)
	}
	w.exactly(2000)
	if got := w.bringIn(c, user, entries); got.Counts.Imported != 300 || got.Counts.AlreadyThere != 2000 {
		t.Errorf("the second run counts %+v", got.Counts)
	}
	w.exactly(2300)
	w.clock.advance(c.Lease + time.Second)
	w.start(c, work.Hooks{})
	w.eventually("the row says that it was interrupted", func() bool {
		got := w.shown(done.ID)
		return got.status == "failed" && got.code == "interrupted"
	})
}

func TestAnErasureStopsAnImport(t *testing.T) {
	w := newWorld(t)
	c, x := w.importing()
	reached, open := make(chan struct{}), make(chan struct{})
	x.reach = func(n int) {
		if n == 2 { // one page is in the log, or soon will be
			close(reached)
			<-open
		}
	}
	w.start(c, work.Hooks{})
	user, large := newPerson().user, w.history(4, time.Hour)
	for i := range large {
		large[i].Version = strings.Repeat("x", 2<<20) // a page holds one of them
	}
	id := w.ask(user, w.upload(user, entriesText(t, large)))
	waits := w.ask(user, w.upload(user, entriesText(t, w.history(3, day))))
	w.wait("the import is under way", reached)
	w.eventually("the control: there is something to erase", func() bool { return w.messages(user) > 0 && w.chunks() > 0 })
	erased := make(chan rpc.EraseResponse, 1)
	go func() { erased <- w.erase(user) }()
	w.eventually("the erasure has stopped the imports", func() bool {
		var n int
		return w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.imports WHERE stopped").Scan(&n) == nil && n == 2
	})
	close(open)
	got := <-erased
	if got.Counts["poller_imports"] != 2 || got.Counts["facts"] < 1 || got.Counts["facts"] > 3 {
		t.Errorf("erased were %v", got.Counts)
	}
	w.eventually("nothing is left of the files", func() bool { return w.chunks() == 0 && len(w.files()) == 0 })
	var rows int
	if err := w.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.imports WHERE id IN ($1, $2)", id, waits).Scan(&rows); err != nil || rows != 0 || w.messages(user) != 0 {
		t.Errorf("%d rows and %d messages are left, %v", rows, w.messages(user), err)
	}
	var refused *rpc.Error
	_, err := bus.Call[rpc.ImportRequest, rpc.ImportResponse](t.Context(), w.bus, rpc.PollerImport,
		rpc.ImportRequest{ImportID: events.NewID(), UserID: user, Kind: exportKind, Uploads: []rpc.Upload{{Name: "x", Pieces: 1}}})
	if !errors.As(err, &refused) || refused.Code != rpc.CodeNotFound {
		t.Errorf("an import of the erased user answers %v", err)
	}
	if _, err := w.command(c).Import(t.Context(), Import{UserID: user, Kind: exportKind, Paths: []string{archive(t, w.history(3, day))}}, nil); err == nil {
		t.Error("the command imports for an erased user")
	}
}

func TestWhatACrashedWorkerLeftInTheFolderIsDeleted(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	epoch, err := w.bus.Epoch(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(os.TempDir(), "stridelog-imports-"+epoch, events.NewID(), "0")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "takeout.zip"), []byte("somebody's history"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start(c, work.Hooks{})
	w.eventually("the folder is empty", func() bool { return len(w.files()) == 0 })
}
