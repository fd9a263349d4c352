package poller

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/simulator"
	simulated "github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// fitness is a world whose provider is the simulated Fitbit cloud, reached by the
// real connector.
type fitness struct {
	*world
	fake    *simulated.Cloud
	account string
	config  Config
	person  person
}

// newFitness makes a cloud with one person without workouts, and connects it.
func newFitness(t *testing.T, o simulated.Options) *fitness {
	t.Helper()
	w := newWorld(t)
	one, err := simulator.NewPerson(11, "Ada", "Europe/Berlin", simulator.Options{Since: w.clock.now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	const callback = "http://localhost:8000/callback"
	o.ClientID, o.ClientSecret, o.RedirectURIs = "23BKXP", "secret", []string{callback}
	o.People, o.Now, o.AccessTokenTTL = []*simulator.Person{one}, w.clock.now, 10000*time.Hour
	fake, err := simulated.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake.Handler())
	t.Cleanup(server.Close)
	connector := fitbit.New(fitbit.Config{
		ClientID: o.ClientID, ClientSecret: provider.Secret(o.ClientSecret), AuthorizeURL: server.URL + "/oauth2/authorize", APIBaseURL: server.URL,
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second},
		Now:        w.clock.now,
	})
	const verifier = "a-verifier-of-the-poller-test-with-43-characters"
	sum := sha256.Sum256([]byte(verifier))
	to, err := simulated.Decide(t.Context(), http.DefaultClient, connector.Authorizer.AuthorizeURL(provider.AuthorizeRequest{
		RedirectURI: callback, State: "s", CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:]), Scopes: connector.DefaultScopes,
	}), simulated.Decision{AccountID: one.AccountID()})
	if err != nil {
		t.Fatal(err)
	}
	grant, err := connector.Authorizer.Exchange(t.Context(), provider.Secret(to.Query().Get("code")), verifier, callback)
	if err != nil {
		t.Fatal(err)
	}
	w.access = grant.AccessToken.Reveal()
	connector.Name = cloudName // the harness's word for its provider
	c := w.config()
	c.Rescan, c.Connectors = nil, provider.Connectors{cloudName: connector}
	return &fitness{world: w, fake: fake, account: grant.AccountID, config: c, person: newPerson()}
}

// upload adds n runs, one every step back from now.
func (f *fitness) upload(n int, step time.Duration) []string {
	f.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		id, err := f.fake.Upload(f.account, simulator.Truth{
			Type: "running", Start: f.clock.now().Add(-time.Duration(i+1) * step).In(time.FixedZone("", 2*60*60)), Duration: 5 * time.Minute,
		})
		if err != nil {
			f.t.Fatal(err)
		}
		ids[i] = id
	}
	return ids
}

func (f *fitness) known() []string {
	f.t.Helper()
	at := map[string]bool{}
	for _, fact := range f.facts() {
		at[fact.ExternalID] = true
	}
	for _, id := range f.removed() {
		delete(at, id)
	}
	var ids []string
	for id := range at {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// true fails unless the log tells of exactly what the cloud holds.
func (f *fitness) truth() {
	f.t.Helper()
	var want []string
	for _, one := range f.fake.Truth(f.account) {
		want = append(want, one.ExternalID)
	}
	slices.Sort(want)
	if got := f.known(); !slices.Equal(got, want) {
		f.t.Errorf("the log knows %d records, the cloud has %d", len(got), len(want))
	}
}

// A deletion between two pages makes an offset list move up: the record that
// slips onto the page before must not be lost, and nothing may be suspected for it.
func TestARecordDeletedBetweenTwoPagesHidesNoNeighbour(t *testing.T) {
	for name, step := range map[string]time.Duration{"a day's records fit a page": 3 * time.Hour, "they do not": 4 * time.Minute} {
		for when, first := range map[string]bool{"first reading": true, "known before": false} {
			t.Run(fmt.Sprintf("%s, %s", name, when), func(t *testing.T) {
				f := newFitness(t, simulated.Options{})
				ids := f.upload(map[bool]int{true: 230, false: 330}[step > time.Hour], step) // three pages at least
				f.start(f.config, work.Hooks{})
				if !first {
					f.ended(f.activate(f.person))
					f.settled()
				}
				var deleted sync.Once
				pages := 0
				f.fake.SetFault(func(c *simulated.Call) *simulated.Fault {
					if c.Endpoint != simulated.EndpointActivities {
						return nil
					}
					// Where a page holds some days, pages are asked for by date; else by
					// an offset, once the date leads no further.
					if pages++; pages == 2 && step > time.Hour || c.Form.Get("offset") != "0" {
						deleted.Do(func() {
							if err := f.fake.Delete(f.account, ids[95]); err != nil {
								t.Error(err)
							}
						})
					}
					return nil
				})
				if first {
					f.ended(f.activate(f.person))
				} else {
					f.look(f.person, 30)
				}
				f.settled()
				f.fake.SetFault(nil)
				known := f.known()
				for i, id := range ids {
					if i != 95 && !slices.Contains(known, id) {
						t.Errorf("record %d, which exists, is not known", i)
					}
				}
				var neighbours int
				if err := f.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.suspects WHERE external_id <> $1", ids[95]).Scan(&neighbours); err != nil || neighbours > 0 {
					t.Errorf("%d records that exist are suspects: %v", neighbours, err)
				}
				f.later(15 * time.Hour) // away from the window's end
				for range 3 {
					f.look(f.person, 30)
					f.later(61 * time.Minute)
				}
				f.truth()
				if got := f.removed(); len(got) != 1 || got[0] != ids[95] {
					t.Errorf("removed %v", got)
				}
			})
		}
	}
}
