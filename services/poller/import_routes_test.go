package poller

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/services/poller/internal/imports"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// tracked are n records, each with a file that says where it went.
func (w *world) tracked(n int) []entry {
	entries := w.history(n, day)
	for i := range entries {
		entries[i].Track = fmt.Sprintf("<tcx id=\"%s\">\r\n\u2028</tcx>\n", entries[i].ID)
	}
	return entries
}

// noise is text that hardly compresses.
func noise(bytes int) string {
	random := make([]byte, bytes)
	_, _ = rand.NewChaCha8([32]byte{byte(bytes)}).Read(random) // it never fails
	return base64.StdEncoding.EncodeToString(random)[:bytes]
}

func (w *world) routeFacts() []*events.RouteFetched {
	w.t.Helper()
	return read[*events.RouteFetched](w, events.StreamFacts, events.TypeSubjects(events.TypeRouteFetched))
}

// routesAre insists on the log's routes, by external id, with none twice.
func (w *world) routesAre(want map[string]string) {
	w.t.Helper()
	facts, got := w.routeFacts(), map[string]string{}
	for _, f := range facts {
		file, err := f.File()
		if err != nil {
			w.t.Fatal(err)
		}
		got[f.ExternalID] = string(file)
	}
	if !maps.Equal(got, want) || len(facts) != len(want) {
		w.t.Errorf("%d routes of %v are in the log, want %v", len(facts), slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// tracksOf are the files of records, by id.
func tracksOf(entries ...entry) map[string]string {
	all := map[string]string{}
	for _, e := range entries {
		all[e.ID] = e.Track
	}
	return all
}

// tracks is the report's row of routes, which has one empty track always.
func tracks(t *testing.T, r imports.Report) imports.File {
	t.Helper()
	at := slices.IndexFunc(r.Files, func(f imports.File) bool { return f.Name == tracksRow })
	if at < 0 {
		t.Fatalf("no row counts the routes: %+v", r.Files)
	}
	row := r.Files[at]
	skipped := 0
	for _, n := range row.Skipped {
		skipped += n
	}
	if row.Found != row.Imported+row.AlreadyThere+skipped || row.Skipped["empty"] != 1 || row.Kind != "tcx" {
		t.Errorf("the row of routes does not add up: %+v", row)
	}
	return row
}

func TestAnImportKeepsWhereActivitiesWent(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	user, entries := newPerson().user, w.tracked(4)
	entries[2].Track = ""
	unknown := entry{ID: "nobody's", OnlyTrack: true, Track: "<tcx/>"}
	got := w.bringIn(c, user, append(entries, unknown))
	if want := (imports.Counts{Found: 4, Imported: 4}); got.Counts != want {
		t.Errorf("routes are counted as records: %+v", got.Counts)
	}
	if row := tracks(t, got.ImportReport); row.Imported != 3 || row.Skipped["no_activity"] != 1 {
		t.Errorf("the row of routes is %+v", row)
	}
	w.routesAre(tracksOf(entries[0], entries[1], entries[3]))
	for _, f := range w.routeFacts() {
		if f.UserID != user || f.ConnectionID != "" || f.Origin != events.OriginImport || f.Format != "cloud.export_tcx.v1" {
			t.Errorf("a route is %+v", f)
		}
		d, err := w.bus.Get(t.Context(), events.StreamFacts, f.ActivitySequence)
		if a, ok := d.Event.Data.(*events.ActivityFetched); err != nil || !ok || a.ExternalID != f.ExternalID {
			t.Errorf("the route of %s belongs to %+v, %v", f.ExternalID, d.Event.Data, err)
		}
	}
	if found := w.verify(nil); len(found) != 0 {
		t.Errorf("the log differs: %q", found)
	}

	if row := tracks(t, w.bringIn(c, user, entries).ImportReport); row.AlreadyThere != 3 || row.Imported != 0 {
		t.Errorf("again the row is %+v", row)
	}
	w.routesAre(tracksOf(entries[0], entries[1], entries[3]))
}

// Exports that tell two routes of one activity add one fact each, however often and
// in which order they come.
func TestEachTrackOfAnActivityIsKeptOnce(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	user, one := newPerson().user, w.tracked(2)
	other := slices.Clone(one)
	other[1].Track = "<another/>"
	for i, entries := range [][]entry{one, other, one, other} {
		if row := tracks(t, w.bringIn(c, user, entries).ImportReport); row.Imported != []int{2, 1, 0, 0}[i] {
			t.Errorf("import %d: %+v", i, row)
		}
	}
	if facts := w.routeFacts(); len(facts) != 3 || facts[2].ContentHash != events.RouteHash([]byte("<another/>")) {
		t.Errorf("%d routes are in the log", len(facts))
	}
}

// A route that was cut out of positions follows neither a file that is one by itself
// nor a cut of more points, so that any order of archives ends with the same route.
func TestTheBestRouteStandsInAnyOrder(t *testing.T) {
	whole := entry{ID: "r0", Track: "<whole/>"}
	short, long := entry{ID: "r0", Track: "2 points", Points: 2}, entry{ID: "r0", Track: "3 points", Points: 3}
	for _, order := range [][]entry{
		{whole, short, long}, {short, long, whole}, {long, whole, short}, {short, long}, {long, short}, {short, short},
	} {
		w := newWorld(t)
		c, _ := w.importing()
		user, base := newPerson().user, w.history(1, day)[0]
		want := order[0].Track
		for _, one := range order {
			next := base
			next.Track, next.Points = one.Track, one.Points
			w.bringIn(c, user, []entry{next})
			if one == whole || one == long && want == short.Track {
				want = one.Track
			}
		}
		facts := w.routeFacts()
		last, err := facts[len(facts)-1].File()
		if err != nil || string(last) != want {
			t.Errorf("%v ends with %q, want %q", order, last, want)
		}
		for _, one := range order { // again they add nothing
			next := base
			next.Track, next.Points = one.Track, one.Points
			if row := tracks(t, w.bringIn(c, user, []entry{next}).ImportReport); row.Imported != 0 || row.AlreadyThere != 1 {
				t.Errorf("%v again: %+v", order, row)
			}
		}
	}
}

func TestADryRunPublishesNoRoute(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	got, err := w.command(c).Import(t.Context(), Import{UserID: newPerson().user, Kind: exportKind, Paths: []string{archive(t, w.tracked(3))}, DryRun: true}, nil)
	if err != nil || tracks(t, got.ImportReport).Imported != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	w.routesAre(nil)
	w.exactly(0)
}

func TestARouteTooLargeForTheLogIsSkipped(t *testing.T) {
	b, _ := bustest.With(t, natsserver.Options{StoreDir: t.TempDir(), MaxPayload: 64 << 10})
	w := newWorldOn(t, b)
	c, _ := w.importing()
	entries := w.tracked(4)
	entries[1].Track, entries[2].Track, entries[3].Track = noise(100<<10), noise(60<<10), noise(40<<10)
	got, err := w.command(c).Import(t.Context(), Import{UserID: newPerson().user, Kind: exportKind, Paths: []string{archive(t, entries)}}, nil)
	if err != nil || got.Counts.Imported != 4 || got.Status != "partial" || got.Code != "files_unreadable" {
		t.Errorf("%+v, %v", got, err)
	}
	if row := tracks(t, got.ImportReport); row.Imported != 2 || row.Skipped["too_large"] != 2 {
		t.Errorf("the row of routes is %+v", row)
	}
	w.routesAre(tracksOf(entries[0], entries[3]))
}

// apiRoute publishes a route as a poller does.
func (w *world) apiRoute(user, id, file string) {
	w.t.Helper()
	data := &events.RouteFetched{UserID: user, Provider: cloudName, ConnectionID: events.NewID(), ExternalID: id,
		Format: "cloud.tcx.v1", ContentHash: events.RouteHash([]byte(file)), ActivitySequence: 1, FetchedAt: w.clock.now()}
	if err := data.Compress([]byte(file)); err != nil {
		w.t.Fatal(err)
	}
	w.publish(events.Event{UserID: user, Data: data})
}

// The latest route counts, so that none of an import may follow one of the API: not
// one that was there before, and not one that comes while the import is under way.
func TestARouteOfTheAPIIsNotReplaced(t *testing.T) {
	w := newWorld(t)
	c, x := w.importing()
	user, entries := newPerson().user, w.tracked(3)
	w.apiRoute(user, "r0", "<api 0/>")
	x.track = func(id string) {
		if id == "r2" { // the others wait for it, to be published at once
			w.apiRoute(user, "r1", "<api 1/>")
		}
	}
	if row := tracks(t, w.bringIn(c, user, entries).ImportReport); row.Imported != 1 || row.AlreadyThere != 2 {
		t.Errorf("the row of routes is %+v", row)
	}
	x.track = nil
	want := map[string]string{"r0": "<api 0/>", "r1": "<api 1/>", "r2": entries[2].Track}
	w.routesAre(want)
	if row := tracks(t, w.bringIn(c, user, entries).ImportReport); row.AlreadyThere != 3 {
		t.Errorf("again the row of routes is %+v", row)
	}
	w.routesAre(want)
}

// A route goes with its activity: a removed one has none, and one that comes again
// gets its route again.
func TestARemovalEndsTheRoutesOfImports(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	user, entries := newPerson().user, w.tracked(1)
	w.bringIn(c, user, entries)
	w.publish(events.Event{UserID: user, Data: &events.ActivityRemoved{
		UserID: user, Provider: cloudName, ExternalID: "r0", Origin: events.OriginAPI, Proof: events.RemovedNotFound, RemovedAt: w.clock.now(),
	}})
	if row := tracks(t, w.bringIn(c, user, entries).ImportReport); row.Skipped["no_activity"] != 1 || row.Imported != 0 {
		t.Errorf("removed, the row of routes is %+v", row)
	}
	w.publish(events.Event{UserID: user, Data: &events.ActivityFetched{
		UserID: user, Provider: cloudName, ExternalID: "r0", Format: "cloud.v1", ContentHash: "again", HashVersion: 1,
		Origin: events.OriginAPI, FetchedAt: w.clock.now(), Raw: events.Raw("{}"),
	}})
	for i, want := range []int{1, 0} {
		if row := tracks(t, w.bringIn(c, user, entries).ImportReport); row.Imported != want {
			t.Errorf("import %d after it came again: %+v", i, row)
		}
	}
}

// Two routes of 1.9 MB compressed fill a page: the records come first, then two pages
// of routes.
func TestACrashBetweenRoutesLosesAndDoublesNothing(t *testing.T) {
	for name, hooks := range map[string]imports.Hooks{
		"before the routes":       {Published: onCall(1)},
		"between pages of routes": {Published: onCall(2)},
		"after the last page":     {Published: onCall(3)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c, _ := w.importing()
			entries := w.tracked(3)
			for i := range entries {
				entries[i].Track = noise(2_500_000 + i)
			}
			first := w.startImports(c, hooks)
			user := newPerson().user
			id := w.ask(user, w.upload(user, entriesText(t, entries)))
			if err := w.died(first); !errors.Is(err, errKilled) {
				t.Fatalf("the poller ended with %v", err)
			}
			w.clock.advance(c.Lease + time.Second)
			w.start(c, work.Hooks{})
			got := w.imported(id)
			if row := tracks(t, got.report); got.status != "success" || row.Imported != 3 {
				t.Errorf("the import ended %s, and the row of routes is %+v", got.status, row)
			}
			w.exactly(3)
			w.routesAre(tracksOf(entries...))
		})
	}
}

// A poller goes on behind routes of imports, for a provider with routes and for one
// without, and still asks for those that the API tells of.
func TestThePollerGoesOnBehindRoutesOfImports(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	w.cloud.fill(3, w.clock.now(), day)
	p := newPerson()
	w.bringIn(c, p.user, w.tracked(3))
	w.start(c, work.Hooks{})
	if got := w.ended(w.activate(p)); got.Status != events.SyncSuccess || got.Counts.Changed != 3 {
		t.Errorf("the sync is %+v", got)
	}

	x := newRouted(t)
	brought := &events.RouteFetched{UserID: x.person.user, Provider: cloudName, ExternalID: "r1", Format: "cloud.export_tcx.v1",
		ContentHash: events.RouteHash([]byte("<tcx>brought</tcx>\n")), ActivitySequence: 1 << 40, Origin: events.OriginImport, FetchedAt: x.clock.now()}
	if err := brought.Compress([]byte("<tcx>brought</tcx>\n")); err != nil {
		t.Fatal(err)
	}
	x.publish(events.Event{UserID: x.person.user, Data: brought})
	x.start(x.config, work.Hooks{})
	x.consent(routeScope)
	x.want([]string{"r1", "r3"}, "brought", "r1", "r3")
}
