package poller

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

const (
	exportKind = cloudName + "-export"
	tracksRow  = "*.tcx" // of a report; one of the tracks is always empty
)

// entry is a record of the cloud's export. An archive is a JSON file of them.
type entry struct {
	ID        string    `json:"id"`
	Version   string    `json:"version"`
	Start     time.Time `json:"start"`
	Minutes   int       `json:"minutes"`
	Edited    time.Time `json:"edited"`
	Companion string    `json:"companion,omitempty"`
	Foreign   bool      `json:"foreign,omitempty"`
	Problem   string    `json:"problem,omitempty"`
	Track     string    `json:"track,omitempty"` // the file that says where it went
	OnlyTrack bool      `json:"only_track,omitempty"`
	Points    int       `json:"points,omitempty"` // of the track, where it is cut out of a file of positions
}

// exporter reads such archives.
type exporter struct {
	mu     sync.Mutex
	reach  func(n int)     // called before the n-th record is handed over; may wait
	track  func(id string) // called before the track of a record is handed over
	opened [][]string
	said   []provider.ImportOptions
}

func (x *exporter) Open(_ context.Context, paths []string, o provider.ImportOptions) (provider.Export, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opened, x.said = append(x.opened, paths), append(x.said, o)
	e := &export{exporter: x}
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, &provider.ArchiveError{Code: provider.ArchiveMissing, Part: i + 1}
		}
		var one []entry
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, &provider.ArchiveError{Code: provider.ArchiveNotOne, Part: i + 1}
		}
		e.entries, e.size = append(e.entries, one...), e.size+int64(len(text))
	}
	return e, nil
}

type export struct {
	*exporter
	entries []entry
	size    int64
}

func (e *export) Provider() string { return cloudName }
func (e *export) Size() int64      { return e.size }
func (e *export) Close() error     { return nil }

func (e *export) Activities(ctx context.Context, yield func(provider.ImportedActivity) error) error {
	for i, one := range e.entries {
		if one.OnlyTrack {
			continue
		}
		e.mu.Lock()
		reach := e.reach
		e.mu.Unlock()
		if reach != nil {
			reach(i)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		raw, err := json.Marshal(map[string]any{"id": one.ID, "version": one.Version, "start": one.Start, "minutes": one.Minutes})
		if err != nil {
			return err
		}
		a := provider.Record{ExternalID: one.ID, Format: "cloud.export.v1", Raw: raw, StartedAt: &one.Start, Problem: one.Problem}
		a.Context.Companion = one.Companion
		if !one.Edited.IsZero() {
			a.ModifiedAt = &one.Edited
		}
		hasher, err := provider.NewHasher(nil)
		if err != nil {
			return err
		}
		err = yield(provider.ImportedActivity{
			Record: a, ContentHash: hasher.Import(a.Raw, a.Context), HashVersion: 1, File: "records.json", Duration: time.Duration(one.Minutes) * time.Minute,
			Read: e.size * int64(i+1) / int64(len(e.entries)), ForeignID: one.Foreign,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Alone knows no companion as a record.
func (e *export) Alone(string) (provider.Companion, bool) { return provider.Companion{}, false }

func (e *export) Contexts() []provider.ImportedContext { return nil }

func (e *export) Finish(a *provider.ImportedActivity) {
	hasher, err := provider.NewHasher(nil)
	if err != nil {
		panic(err)
	}
	var said struct {
		Start time.Time `json:"start"`
	}
	if err := json.Unmarshal(a.Raw, &said); err == nil {
		a.StartedAt = &said.Start
	}
	a.ContentHash, a.HashVersion = hasher.Import(a.Raw, a.Context), 1
}

func (e *export) Routes(ctx context.Context, yield func(provider.ImportedRoute) error) error {
	var room []byte
	for _, one := range e.entries {
		if one.Track == "" {
			continue
		}
		e.mu.Lock()
		track := e.track
		e.mu.Unlock()
		if track != nil {
			track(one.ID)
		}
		room = append(room[:0], one.Track...) // the next one takes its place, as the contract says
		err := yield(provider.ImportedRoute{ExternalID: one.ID, Format: "cloud.export_tcx.v1", File: tracksRow, Raw: room, Points: one.Points, Read: e.size})
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
	}
	return nil
}

func (e *export) Report() provider.ExportReport {
	r := provider.ExportReport{Files: []provider.ExportFile{{Name: "records.json", Kind: "exercise", Records: len(e.entries)}}, Unknown: []string{"poems.txt"}}
	if slices.ContainsFunc(e.entries, func(one entry) bool { return one.Track != "" }) {
		r.Files = append(r.Files, provider.ExportFile{Name: tracksRow, Kind: provider.KindRoutes, Skipped: map[string]int{provider.SkipEmpty: 1}})
	}
	return r
}

// lengths is a normalizer that knows when a record starts and ends.
type lengths struct{}

func (lengths) Version() int { return 1 }

func (lengths) Normalize(r provider.Record) (w events.Workout, err error) {
	var said struct {
		Start   time.Time `json:"start"`
		Minutes int       `json:"minutes"`
	}
	err = json.Unmarshal(r.Raw, &said)
	w.StartTime, w.EndTime = said.Start, said.Start.Add(time.Duration(cmp.Or(said.Minutes, 30))*time.Minute)
	return w, err
}

// importing is a poller's configuration with an importer.
func (w *world) importing() (Config, *exporter) {
	c, x := w.config(), &exporter{}
	c.Importers = provider.Importers{exportKind: x}
	c.Normalizers = provider.Normalizers{"cloud.v1": lengths{}, "cloud.export.v1": lengths{}}
	return c, x
}

// history are n records as an export has them, one every step back from the
// cloud's present.
func (w *world) history(n int, step time.Duration) []entry {
	var all []entry
	for i := range n {
		all = append(all, entry{ID: "r" + strconv.Itoa(i), Version: "A", Start: w.clock.now().Add(-time.Duration(i+1) * step).UTC(), Minutes: 30})
	}
	return all
}

// archive writes a file of entries.
func archive(t testing.TB, entries []entry) string {
	t.Helper()
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "archive.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// command makes a service that runs imports by itself, at a time of its own.
func (w *world) command(c Config) *Service {
	w.t.Helper()
	w.clock.advance(time.Second)
	s, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	s.now = w.clock.now
	return s
}

// bringIn imports entries as the command does, to a good end.
func (w *world) bringIn(c Config, user string, entries []entry) Imported {
	w.t.Helper()
	got, err := w.command(c).Import(w.t.Context(), Import{UserID: user, Kind: exportKind, Paths: []string{archive(w.t, entries)}}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if got.Status != "success" {
		w.t.Fatalf("the import ended as %s: %s %s", got.Status, got.Code, got.Message)
	}
	return got
}

// winner is the version of an activity that workouts are made of.
type winner struct {
	origin   events.Origin
	hash     string
	removed  bool
	sequence uint64
}

// winners folds the log of a user as the projector does.
func (w *world) winners(user string) map[string]winner {
	w.t.Helper()
	won := map[string]winner{}
	put := func(id string, v winner) {
		if have, ok := won[id]; !ok || have.origin.Rank() <= v.origin.Rank() {
			won[id] = v
		}
	}
	_, err := w.bus.Read(w.t.Context(), events.StreamFacts, []string{events.ActivitySubjects(cloudName, user)}, 1, func(d bus.Delivery) error {
		switch data := d.Event.Data.(type) {
		case *events.ActivityFetched:
			put(data.ExternalID, winner{data.Origin, data.ContentHash, false, d.Sequence})
		case *events.ActivityRemoved:
			put(data.ExternalID, winner{data.Origin, "", true, d.Sequence})
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return won
}

// live are the ids of the activities that are not removed, with the origin of each.
func (w *world) live(user string) map[string]events.Origin {
	ids := map[string]events.Origin{}
	for id, v := range w.winners(user) {
		if !v.removed {
			ids[id] = v.origin
		}
	}
	return ids
}
