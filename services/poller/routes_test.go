package poller

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

const routeScope = "location"

// routing is a cloud that has a route for each record with bulk. Its fields are
// guarded by the cloud's lock.
type routing struct {
	*cloud
	routes *routes
}

type routes struct {
	asked  []string
	text   string                // of every route
	refuse func(id string) error // a failure to answer with; nil is none
}

func (r routing) Wants(record provider.Record) []string {
	if !bytes.Contains(record.Raw, []byte(`"bulk":"x`)) {
		return nil
	}
	return []string{"route"}
}

func (r routing) Attach(_ context.Context, _ provider.Secret, parent events.ParentRef, _ string) (provider.Record, []provider.Quota, error) {
	id := parent.ExternalID
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routes.asked = append(r.routes.asked, id)
	if r.routes.refuse != nil {
		if err := r.routes.refuse(id); err != nil {
			return provider.Record{}, nil, err
		}
	}
	return provider.Record{Format: "cloud.tcx.v1", Raw: []byte("<tcx>" + id + r.routes.text + "</tcx>\n")}, nil, nil
}

// routed is a world whose cloud has five records, of which r1 and r3 have routes.
type routed struct {
	*world
	routes *routes
	config Config
	person person
}

func newRouted(t *testing.T) *routed {
	t.Helper()
	w := newWorld(t)
	w.cloud.fill(5, w.clock.now(), day)
	w.cloud.change(func(c *cloud) { c.records[1].bulk, c.records[3].bulk = 1, 1 })
	x := &routed{world: w, routes: &routes{}, config: w.config(), person: newPerson()}
	x.config.Rescan = nil
	c := x.config.Connectors[cloudName]
	c.Sources = append(c.Sources, provider.Source{
		Name: "route", Kind: "route", Scopes: []string{routeScope}, Attach: routing{w.cloud, x.routes}, Attaches: "activity", HashVersion: 1,
	})
	return x
}

// consent activates the connection and waits for its first sync.
func (x *routed) consent(scopes ...string) {
	x.t.Helper()
	id := events.NewID()
	x.publish(events.Event{ID: id, UserID: x.person.user, Data: &events.ConnectionActivated{
		ConnectionID: x.person.connection, UserID: x.person.user, Provider: cloudName, ProviderAccountID: "acc", Scopes: scopes, ActivatedAt: x.clock.now(),
	}})
	if got := x.ended(events.SyncID(id)); got.Status != events.SyncSuccess {
		x.t.Fatalf("the sync ended with %+v", got)
	}
	x.rested()
}

// sync reads the last days again.
func (x *routed) sync() {
	x.t.Helper()
	x.ended(x.request(x.person, events.TriggerManual, x.clock.now().Add(-8*day), x.clock.now()))
	x.rested()
}

// later lets time pass.
func (x *routed) later(d time.Duration) {
	x.t.Helper()
	x.advance(d)
	x.rested()
}

// rested waits until nothing is due, and no route either.
func (x *routed) rested() {
	x.t.Helper()
	x.settled()
	x.eventually("no route is due", func() bool {
		var busy bool
		err := x.db.QueryRow(x.t.Context(), `SELECT EXISTS (SELECT FROM poller.targets
			WHERE lease_until > $1 OR status = 'active' AND greatest(routes_due_at, not_before) <= $1)`, x.clock.now()).Scan(&busy)
		if err != nil {
			x.t.Fatal(err)
		}
		return !busy
	})
}

// found are the routes in the log, as "id text".
func (x *routed) found() []string {
	x.t.Helper()
	var list []string
	for _, r := range read[*events.RouteFetched](x.world, events.StreamFacts, events.TypeSubjects(events.TypeRouteFetched)) {
		file, err := r.File()
		if err != nil {
			x.t.Fatal(err)
		}
		list = append(list, string(file))
	}
	slices.Sort(list)
	return list
}

func (x *routed) want(asked []string, found ...string) {
	x.t.Helper()
	x.cloud.change(func(*cloud) {
		slices.Sort(x.routes.asked)
		if !slices.Equal(x.routes.asked, asked) {
			x.t.Errorf("asked for %v, want %v", x.routes.asked, asked)
		}
		x.routes.asked = nil
	})
	for i := range found {
		found[i] = "<tcx>" + found[i] + "</tcx>\n"
	}
	slices.Sort(found)
	if got := x.found(); !slices.Equal(got, found) {
		x.t.Errorf("the log has %q, want %q", got, found)
	}
}

func TestARouteIsAskedForOncePerVersion(t *testing.T) {
	x := newRouted(t)
	x.start(x.config, work.Hooks{})
	x.consent(routeScope)
	x.want([]string{"r1", "r3"}, "r1", "r3")
	for _, r := range read[*events.RouteFetched](x.world, events.StreamFacts, events.TypeSubjects(events.TypeRouteFetched)) {
		d, err := x.bus.Get(t.Context(), events.StreamFacts, r.ActivitySequence)
		if err != nil {
			t.Fatal(err)
		}
		if a, ok := d.Event.Data.(*events.ActivityFetched); !ok || a.ExternalID != r.ExternalID || r.Format != "cloud.tcx.v1" || r.ConnectionID != x.person.connection {
			t.Errorf("the route %+v belongs to %+v", r, d.Event.Data)
		}
	}
	x.sync()
	x.want(nil, "r1", "r3")
	x.cloud.edit("r1", "B") // the same route again is no new fact
	x.sync()
	x.want([]string{"r1"}, "r1", "r3")
	x.cloud.edit("r3", "B")
	x.cloud.change(func(*cloud) { x.routes.text = " longer" })
	x.sync()
	x.want([]string{"r3"}, "r1", "r3", "r3 longer")
}

func TestWithoutTheScopeNoRouteIsAskedFor(t *testing.T) {
	x := newRouted(t)
	x.start(x.config, work.Hooks{})
	x.consent("activity")
	x.want(nil)
	x.consent("activity", routeScope)
	x.want([]string{"r1", "r3"}, "r1", "r3")
}

func TestARefusedRouteWaitsForTheNextConsent(t *testing.T) {
	x := newRouted(t)
	x.routes.refuse = func(string) error {
		return &provider.Error{Provider: cloudName, Op: "get route", Class: provider.ClassInsufficientScope, Status: 403}
	}
	x.start(x.config, work.Hooks{})
	x.consent(routeScope)
	x.later(day)
	x.want([]string{"r1"})
	if len(x.rejected) != 0 {
		t.Errorf("the connection was blamed: %+v", x.rejected)
	}
	x.cloud.change(func(*cloud) { x.routes.refuse = nil })
	x.consent(routeScope)
	x.want([]string{"r1", "r3"}, "r1", "r3")
}

func TestARouteThatFailsIsTriedAgainAndBlocksNothing(t *testing.T) {
	for class, want := range map[provider.Class]struct {
		asked []string // within three days
		found []string // after it works again
	}{
		provider.ClassUnavailable:     {[]string{"r1", "r1"}, []string{"r1", "r3"}},
		provider.ClassInvalidResponse: {[]string{"r1", "r1"}, []string{"r1", "r3"}},
		provider.ClassRateLimited:     {[]string{"r1", "r1"}, []string{"r1", "r3"}},
		provider.ClassNotFound:        {[]string{"r1"}, []string{"r3"}},
		provider.ClassTooLarge:        {[]string{"r1"}, []string{"r3"}},
	} {
		t.Run(string(class), func(t *testing.T) {
			x := newRouted(t)
			failed := false
			x.routes.refuse = func(id string) error {
				if id != "r1" || failed {
					return nil
				}
				failed = true
				return &provider.Error{Provider: cloudName, Op: "get route", Class: class}
			}
			x.start(x.config, work.Hooks{})
			x.consent(routeScope)
			if class != provider.ClassRateLimited { // that is the account's limit
				x.sync() // it ends although routes wait
			}
			x.later(time.Hour)
			x.want(append(want.asked, "r3"), want.found...)
			if len(x.told) != 0 {
				t.Errorf("the connection was called troubled: %+v", x.told)
			}
		})
	}
}

func TestRoutesKeepWithinTheBudget(t *testing.T) {
	x := newRouted(t)
	x.config.Connectors[cloudName].Budgets = []provider.Budget{{Requests: 2, Per: time.Minute}}
	x.start(x.config, work.Hooks{})
	x.consent(routeScope)
	x.want([]string{"r1"}, "r1") // the list took the other request
	x.later(2 * time.Minute)
	x.want([]string{"r3"}, "r1", "r3")
}

func TestACrashAfterARouteWasPublishedDoublesNothing(t *testing.T) {
	for call := range 2 {
		t.Run("route "+strconv.Itoa(call+1), func(t *testing.T) {
			x := newRouted(t)
			first := x.start(x.config, work.Hooks{Published: onCall(2 + call)}) // the page is the first
			x.activateRouted()
			if err := x.died(first); !errors.Is(err, errKilled) {
				t.Fatalf("the poller ended with %v", err)
			}
			x.clock.advance(x.config.Lease + time.Second)
			x.start(x.config, work.Hooks{})
			x.rested()
			x.want([]string{"r1", "r3"}, "r1", "r3")
		})
	}
}

// activateRouted is consent that waits for nothing.
func (x *routed) activateRouted() {
	x.t.Helper()
	x.publish(events.Event{UserID: x.person.user, Data: &events.ConnectionActivated{
		ConnectionID: x.person.connection, UserID: x.person.user, Provider: cloudName, Scopes: []string{routeScope}, ActivatedAt: x.clock.now(),
	}})
}

func TestTheRouteOfARemovedActivityIsAskedForAgainWhenItComesBack(t *testing.T) {
	x := newRouted(t)
	x.start(x.config, work.Hooks{})
	x.consent(routeScope)
	x.publish(events.Event{UserID: x.person.user, Data: &events.ActivityRemoved{
		UserID: x.person.user, Provider: cloudName, ExternalID: "r1", Origin: events.OriginAPI, Proof: events.RemovedNotFound, RemovedAt: x.clock.now(),
	}})
	x.cloud.edit("r2", "ride") // what somebody else wrote to the log is seen before something is published
	x.sync()
	x.want([]string{"r1", "r1", "r3"}, "r1", "r1", "r3")
}

func TestReindexingKeepsRoutes(t *testing.T) {
	x := newRouted(t)
	x.start(x.config, work.Hooks{})
	x.consent(routeScope)
	if _, err := x.db.Exec(t.Context(), "UPDATE poller.routes SET state = 'wanted', content_hash = '' WHERE external_id = 'r1'; DELETE FROM poller.routes WHERE external_id = 'r3'"); err != nil {
		t.Fatal(err)
	}
	s, err := New(x.config)
	if err != nil {
		t.Fatal(err)
	}
	s.now = x.clock.now
	if _, err := s.Reindex(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.sync()
	x.want([]string{"r1", "r3"}, "r1", "r3")
}

func TestAnErasureCoversRoutes(t *testing.T) {
	x := newRouted(t)
	x.start(x.config, work.Hooks{})
	x.consent(routeScope)
	if n := len(x.found()); n != 2 {
		t.Fatalf("%d routes to erase", n)
	}
	if got := x.erase(x.person.user); got.Counts["poller_routes"] != 2 || got.Counts["facts"] != 8 { // a consent, five records, two routes
		t.Errorf("counts are %v", got.Counts)
	}
	var rows int
	if err := x.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.routes").Scan(&rows); err != nil || rows != 0 || len(x.found()) != 0 {
		t.Errorf("%d rows and %d routes are left, %v", rows, len(x.found()), err)
	}
}

func TestADamagedRouteIsFound(t *testing.T) {
	x := newRouted(t)
	x.start(x.config, work.Hooks{})
	x.consent(routeScope)
	if found := x.verify(nil); len(found) != 0 {
		t.Fatalf("a sound log differs: %q", found)
	}
	damaged := &events.RouteFetched{
		UserID: x.person.user, Provider: cloudName, ConnectionID: x.person.connection, ExternalID: "r3", Format: "cloud.tcx.v1",
		ContentHash: events.RouteHash([]byte("<a/>")), ActivitySequence: 3, FetchedAt: x.clock.now(),
	}
	if err := damaged.Compress([]byte("<b/>")); err != nil {
		t.Fatal(err)
	}
	at := x.publish(events.Event{UserID: x.person.user, Data: damaged}).Sequence
	want := []string{strconv.FormatUint(at, 10) + " r3 the route in the log does not have the hash that its fact says"}
	if found := x.verify(nil); !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}
