package poller

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/googlehealth"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// stretch is one row of the coverage.
type stretch struct{ from, to time.Time }

// covered is what was read of a person's account, in order.
func (w *world) covered(p person, account string) (list []stretch) {
	w.t.Helper()
	rows, err := w.db.Query(w.t.Context(), `SELECT covered_from, covered_to FROM poller.view_coverage_v1
		WHERE user_id = $1 AND provider = $2 AND provider_account_id = $3 AND kind = 'activity' ORDER BY 1`, p.user, cloudName, account)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s stretch
		if err := rows.Scan(&s.from, &s.to); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return list
}

// one fails unless the account was read without a gap from one instant to another.
func (w *world) one(p person, account string, from, to time.Time) {
	w.t.Helper()
	if got := w.covered(p, account); len(got) != 1 || !got[0].from.Equal(from) || !got[0].to.Equal(to) {
		w.t.Errorf("read %v, want one stretch from %s to %s", got, from, to)
	}
}

// consent activates a new connection with an account and gives its first sync's end.
func (w *world) consent(p *person, account string) *events.SyncFinished {
	w.t.Helper()
	p.connection = newPerson().connection
	id := events.NewID()
	w.publish(events.Event{ID: id, UserID: p.user, Data: &events.ConnectionActivated{
		ConnectionID: p.connection, UserID: p.user, Provider: cloudName, ProviderAccountID: account, ActivatedAt: w.clock.now(),
	}})
	return w.ended(events.SyncID(id))
}

// refuse makes a connection need a new consent.
func (w *world) refuse(p person) {
	w.t.Helper()
	w.publish(events.Event{UserID: p.user, Data: &events.ConnectionStatusChanged{
		ConnectionID: p.connection, UserID: p.user, Provider: cloudName, Status: events.StatusActionRequired, Since: w.clock.now(), Reason: "reauth_required",
	}})
	w.eventually("the connection is not read", func() bool { return w.standing(p) == "paused" })
}

// google serves the exercises of testdata/written-while-away.json once they are
// there, by the local start that a filter asks for.
type google struct {
	there atomic.Bool
	now   func() time.Time
	t     *testing.T
}

var (
	daysAgo = regexp.MustCompile(`@day-(\d+)@`)
	bounds  = regexp.MustCompile(`"([^"]+)"`)
)

func (g *google) points() (list []json.RawMessage) {
	text, err := os.ReadFile("testdata/written-while-away.json")
	if err != nil {
		g.t.Error(err)
	}
	text = daysAgo.ReplaceAllFunc(text, func(m []byte) []byte {
		var n int
		_, _ = fmt.Sscanf(string(m), "@day-%d@", &n)
		return []byte(g.now().AddDate(0, 0, -n).Format(time.DateOnly))
	})
	var file struct{ DataPoints []json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		g.t.Error(err)
	}
	return file.DataPoints
}

func (g *google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	answer := struct {
		DataPoints []json.RawMessage `json:"dataPoints"`
	}{[]json.RawMessage{}}
	if g.there.Load() && strings.HasSuffix(r.URL.Path, "/dataPoints") {
		asked := bounds.FindAllStringSubmatch(r.URL.Query().Get("filter"), -1)
		for _, point := range g.points() {
			var at struct {
				Exercise struct{ Interval struct{ StartTime time.Time } }
			}
			if err := json.Unmarshal(point, &at); err != nil {
				g.t.Error(err)
			}
			civil := at.Exercise.Interval.StartTime.Add(time.Hour).Format("2006-01-02T15:04:05") // all are an hour east of UTC
			if len(asked) == 2 && civil >= asked[0][1] && civil < asked[1][1] {
				answer.DataPoints = append(answer.DataPoints, point)
			}
		}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		g.t.Error(err)
	}
}

// A person comes back after two months: what was recorded meanwhile is read, 5, 28,
// 35 and 50 days ago, although a first consent reads 30 days.
func TestAReconnectReadsOnWhereTheAccountWasReadLast(t *testing.T) {
	w := newWorld(t)
	g := &google{now: w.clock.now, t: t}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	connector := googlehealth.New(googlehealth.Config{ClientID: "id", ClientSecret: "secret", APIBaseURL: server.URL, Now: w.clock.now})
	connector.Name = cloudName // the harness's word for its provider
	c := w.config()
	c.Connectors = provider.Connectors{cloudName: connector}
	w.start(c, work.Hooks{})
	p, began := newPerson(), w.clock.now()
	w.consent(&p, "99887766")
	w.settled()
	w.one(p, "99887766", began.AddDate(0, 0, -30), began)
	w.refuse(p)
	w.advance(60 * day)
	g.there.Store(true)
	got := w.consent(&p, "99887766")
	if want := began.Add(-7 * day); !got.Window.From.Equal(want) || !got.Window.To.Equal(w.clock.now()) {
		t.Errorf("the sync read %v, want a week before the last reading, %s, until now", got.Window, want)
	}
	if got.Status != events.SyncSuccess || got.Counts.New != 4 {
		t.Errorf("the report is %+v", got)
	}
	ids := map[string]bool{}
	for _, f := range w.facts() {
		ids[f.ExternalID] = true
	}
	for _, id := range []string{"9905", "9928", "9935", "9950"} {
		if !ids[id] {
			t.Errorf("exercise %s was not read", id)
		}
	}
	w.settled()
	w.one(p, "99887766", began.AddDate(0, 0, -30), w.clock.now())
}

func TestEachAccountHasItsOwnCoverage(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	c.Rescan = nil
	w.start(c, work.Hooks{})
	p, began := newPerson(), w.clock.now()
	w.consent(&p, "first")
	w.advance(60 * day)
	if got := w.consent(&p, "second"); got.Window.To.Sub(got.Window.From) != 30*day {
		t.Errorf("a new account is read over %v", got.Window)
	}
	w.advance(day)
	if got := w.consent(&p, "first"); !got.Window.From.Equal(began.Add(-7 * day)) {
		t.Errorf("the first account is read over %v", got.Window)
	}
	w.settled()
	w.one(p, "first", began.Add(-30*day), w.clock.now())
	w.one(p, "second", w.clock.now().Add(-31*day), w.clock.now().Add(-day))
	// Without an account's name only the same connection is known to be the same.
	w.consent(&p, "")
	w.advance(60 * day)
	if got := w.consent(&p, ""); got.Window.To.Sub(got.Window.From) != 30*day {
		t.Errorf("an unknown account is read over %v", got.Window)
	}
}

// Requested syncs may come first and read only some of the time.
func TestAnInstallationThatStoodStillClosesItsGap(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	first := w.start(c, work.Hooks{})
	p, began := newPerson(), w.clock.now()
	account := "acc-" + p.user
	w.ended(w.activate(p))
	w.settled()
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(100 * day)
	w.cloud.fill(50, w.clock.now(), 2*day) // all since
	now := w.clock.now()
	today := w.request(p, events.TriggerManual, now.Add(-day), now)
	history := w.request(p, events.TriggerBackfill, began.Add(-900*day), began.Add(-800*day))
	w.start(c, work.Hooks{})
	w.ended(today)
	w.ended(history)
	w.settled()
	w.exactly(50)
	want := []stretch{{began.Add(-900 * day), began.Add(-800 * day)}, {began.Add(-30 * day), now}}
	got := w.covered(p, account)
	if len(got) != 2 || !got[0].from.Equal(want[0].from) || !got[0].to.Equal(want[0].to) || !got[1].from.Equal(want[1].from) || !got[1].to.Equal(want[1].to) {
		t.Errorf("read %v, want %v", got, want)
	}
	// The next scan is as narrow as ever.
	before := len(w.cloud.requests())
	w.advance(20 * time.Minute)
	w.eventually("a scan", func() bool { return len(w.cloud.requests()) > before })
	w.settled()
	if r := w.cloud.requests()[before]; r.Window.To.Sub(r.Window.From) != 2*day {
		t.Errorf("the next scan reads %v", r.Window)
	}
}

// A first sync that failed is made good by the timetable.
func TestAScanReadsWhatTheFirstSyncCouldNot(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(5, w.clock.now(), 5*day)
	w.cloud.change(func(c *cloud) {
		c.answer = func(int, provider.ListRequest) error {
			return &provider.Error{Provider: cloudName, Op: "list activities", Class: provider.ClassBadRequest, Status: 400}
		}
	})
	w.start(w.config(), work.Hooks{})
	p := newPerson()
	if got := w.ended(w.activate(p)); got.Status != events.SyncFailed {
		t.Fatalf("the report is %+v", got)
	}
	w.settled()
	if got := w.covered(p, "acc-"+p.user); len(got) != 0 {
		t.Fatalf("a sync that failed has read %v", got)
	}
	w.cloud.change(func(c *cloud) { c.answer = nil })
	w.advance(16 * time.Minute)
	w.eventually("a scan covers", func() bool { return len(w.covered(p, "acc-"+p.user)) > 0 })
	w.settled()
	w.exactly(5)
	w.one(p, "acc-"+p.user, w.clock.now().Add(-30*day), w.clock.now())
}

// An empty list once is no proof that nothing was there.
func TestAListThatLeftTooManyOutDoesNotCover(t *testing.T) {
	w, p := seasoned(t, 25, day, quiet)
	before := w.covered(p, "acc-"+p.user)
	w.advance(time.Hour)
	w.cloud.change(func(c *cloud) {
		c.hidden = map[string]bool{}
		for _, r := range c.records {
			c.hidden[r.id] = true
		}
	})
	if got := w.look(p, 20); got.Status != events.SyncPartial {
		t.Fatalf("the report is %+v", got)
	}
	w.settled()
	if got := w.covered(p, "acc-"+p.user); len(got) != 1 || len(before) != 1 || !got[0].to.Equal(before[0].to) {
		t.Errorf("read %v, before %v", got, before)
	}
}

func TestACrashBetweenAPageAndItsCoverage(t *testing.T) {
	for name, x := range map[string]struct {
		hooks work.Hooks
		rows  int // after the crash
	}{
		"a page is read":              {work.Hooks{Fetched: onCall(3)}, 0},
		"the last page is in the log": {work.Hooks{Published: onCall(3)}, 0},
		"the page before is stored":   {work.Hooks{Committed: onCall(2)}, 0},
		"the last page is stored":     {work.Hooks{Committed: onCall(3)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cloud.fill(25, w.clock.now(), day) // three pages
			first := w.start(w.config(), x.hooks)
			p, began := newPerson(), w.clock.now()
			id := w.activate(p)
			if err := w.died(first); !errors.Is(err, errKilled) {
				t.Fatalf("the poller ended with %v", err)
			}
			if got := w.covered(p, "acc-"+p.user); len(got) != x.rows {
				t.Fatalf("after the crash %v is covered", got)
			}
			w.clock.advance(w.config().Lease + time.Second)
			w.start(w.config(), work.Hooks{})
			if got := w.ended(id); got.Status != events.SyncSuccess {
				t.Errorf("the report is %+v", got)
			}
			w.settled()
			w.exactly(25)
			// The next scan may have come in already: it reads on from there.
			got := w.covered(p, "acc-"+p.user)
			if len(got) != 1 || !got[0].from.Equal(began.Add(-30*day)) || got[0].to.Before(began) || got[0].to.After(w.clock.now()) {
				t.Errorf("read %v, want one stretch from %v to %v, or to now", got, began.Add(-30*day), began)
			}
		})
	}
}
