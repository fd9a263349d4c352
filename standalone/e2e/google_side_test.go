package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fault"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// googleSide is Google Health.
type googleSide struct {
	*googlehealth.Cloud
	halting *sync.Map // accounts whose lists have an empty page before every page
}

// newGoogleFaultWorld is newFaultWorld at Google Health, with the limits of a
// verified project on both sides.
func newGoogleFaultWorld(t *testing.T, size int) *faultWorld {
	t.Helper()
	g := &googleWorld{world: newStores(t)}
	g.addPeople(t, size, func(p *simulator.Person) bool {
		asked, now := 0, time.Now() // what a manual sync reads has two pages
		for _, truth := range p.History(now) {
			if truth.Start.After(now.Add(-10*day)) && truth.Start.Before(now.Add(-2*day)) {
				asked++
			}
		}
		return asked > 2*googlePage
	})
	g.openCloud(t, fitbit.Options{})
	g.openGoogle(t, googlehealth.Options{MaxPage: googlePage, RetryAfter: true, Verified: true})
	g.google["DEFAULT_SCOPE"] = "activity_and_fitness.readonly settings.readonly" // no routes
	g.google["REQUESTS_PER_MINUTE"], g.google["APP_REQUESTS_PER_MINUTE"] = provider.Secret(strconv.Itoa(googlePerMinute)), "120000"
	side := googleSide{g.health, &sync.Map{}}
	g.health.SetEmptyPages(func(account string, _ int) bool {
		_, halting := side.halting.Load(account)
		return halting
	})
	for _, p := range g.people {
		if err := side.makeFinal(side.account(p)); err != nil {
			t.Fatal(err)
		}
	}
	w := &faultWorld{world: g.world, side: side}
	w.run(t, map[string]provider.Values{google: g.google}, nil)
	return w
}

const (
	googlePage      = 3 // records of a page, at most
	googlePerMinute = 300
)

// makeFinal makes an account's records final and gives it the quota that the system is
// configured for. Google rewrites some records hours later, which is a version more
// that no fault makes.
func (s googleSide) makeFinal(account string) error {
	for _, r := range s.Records(account) {
		if err := s.EditRecord(account, r.ExternalID, func(*googlehealth.Record) {}); err != nil {
			return err
		}
	}
	return s.SetQuota(account, googlePerMinute, time.Minute)
}

func (googleSide) provider() string                   { return google }
func (googleSide) account(p *simulator.Person) string { return googlehealth.HealthUserID(p) }
func (googleSide) expired() *fault.Fault              { return googlehealth.Expired() }

func (googleSide) consent(ctx context.Context, c *client.Client, userID, account string) error {
	back, err := c.ConnectAt(ctx, userID, google, appURL, googlehealth.Decision{AccountID: account})
	if err == nil && back.Query().Get("status") != "active" {
		err = fmt.Errorf("the person came back to %s", back)
	}
	return err
}

func (googleSide) endpoint(call *fault.Call) faultEndpoint {
	switch call.Endpoint {
	case googlehealth.EndpointList:
		return endpointList
	case googlehealth.EndpointGet:
		return endpointGet
	case googlehealth.EndpointToken:
		return endpointToken
	default:
		return 0
	}
}

func (googleSide) firstPage(list *fault.Call) bool { return list.URL.Query().Get("pageToken") == "" }

// civilBounds are the bounds of a filter.
var civilBounds = regexp.MustCompile(`>= "([^"]+)" AND .* < "([^"]+)"`)

// asked goes by the length of what is read, which no scan has. A list without a
// filter does not say it.
func (googleSide) asked(list *fault.Call) bool {
	bounds := civilBounds.FindStringSubmatch(list.URL.Query().Get("filter"))
	if bounds == nil {
		return false
	}
	const form = "2006-01-02T15:04:05"
	from, wrongFrom := time.Parse(form, bounds[1])
	to, wrongTo := time.Parse(form, bounds[2])
	length := to.Sub(from)
	return wrongFrom == nil && wrongTo == nil && length > 9*day && length < (faultDays-1)*day
}

func (s googleSide) differ(userID, account string) func(json.RawMessage, simulator.Truth) []string {
	records := map[string]googlehealth.Record{}
	for _, r := range s.Records(account) {
		records[r.ExternalID] = r
	}
	return func(row json.RawMessage, truth simulator.Truth) []string {
		return googleDifferences(row, userID, records[truth.ExternalID])
	}
}

func (s googleSide) editField(account, externalID string, field int) error {
	if of := measureEdits(); field < len(of) {
		return s.Edit(account, externalID, of[field])
	}
	return s.EditRecord(account, externalID, googleEdits()[field-len(measureEdits())])
}

func (googleSide) fields() int { return len(measureEdits()) + len(googleEdits()) }

// googleEdits change what Google tells in its own way.
func googleEdits() []func(*googlehealth.Record) {
	return []func(*googlehealth.Record){
		func(r *googlehealth.Record) {
			r.Zones = []simulator.Zone{{Word: "light", Minutes: 1}, {Word: "moderate", Minutes: 2}, {Word: "vigorous", Minutes: 3}, {Word: "peak", Minutes: 4}}
		},
		func(r *googlehealth.Record) {
			r.Recording, r.Source.Recording = simulator.RecordedManually, "MANUAL"
		},
		func(r *googlehealth.Record) {
			r.Source.Device = &googlehealth.Device{Name: "Another One", Manufacturer: "Somebody", FormFactor: "WATCH"}
		},
		func(r *googlehealth.Record) { r.Source.Application = "com.example.another" },
	}
}

// halt makes an account's lists have an empty page before every page from now on.
func (c *cell) halt() error {
	c.w.side.(googleSide).halting.Store(c.account, true)
	return nil
}
