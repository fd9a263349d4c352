package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/googlehealth"
	"github.com/stridelog/stridelog/provider/simulator"
	fakefitbit "github.com/stridelog/stridelog/provider/simulator/fitbit"
	fakegoogle "github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// longHistory is a simulated cloud whose people have long histories, how the product reads
// them and how a bare loop does.
type longHistory struct {
	provider string
	years    int // that the histories have
	users    int // connected in a round, with the accounts of usualPeople in turn
	pageSize int
	// busiest says that there is one more of the people, the last, who did ten times
	// what the others did.
	busiest bool
	account func(*simulator.Person) string
	cloud   func(people []*simulator.Person) (http.Handler, error)
	// connector is the real one, for the cloud at an address.
	connector func(address string, client *http.Client) *provider.Connector

	// first is the address of a list's newest page, next that of the page after the
	// one at an address; empty at the end.
	first func(address string) string
	next  func(address string, page cloudPage) string
}

// cloudPage holds the members of both clouds' pages.
type cloudPage struct {
	Activities, DataPoints []json.RawMessage
	Pagination             struct{ Next string }
	NextPageToken          string
}

const (
	usualPeople = 8
	tenfold     = 10         // as much as others
	plenty      = 10_000_000 // requests that a cloud allows
)

func allHistories() map[string]longHistory {
	return map[string]longHistory{fitbit.Name: fitbitPast(), googlehealth.Name: googlePast()}
}

func fitbitPast() longHistory {
	return longHistory{
		provider: fitbit.Name, years: 3, users: 24, pageSize: 100,
		account: (*simulator.Person).AccountID,
		cloud: func(people []*simulator.Person) (http.Handler, error) {
			cloud, err := fakefitbit.New(fakefitbit.Options{
				ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{callbackURL()}, People: people, QuotaPerHour: plenty,
			})
			if err != nil {
				return nil, err
			}
			return cloud.Handler(), nil
		},
		connector: func(address string, client *http.Client) *provider.Connector {
			return fitbit.New(fitbit.Config{
				ClientID: clientID, ClientSecret: clientSecret, AuthorizeURL: address + "/oauth2/authorize", APIBaseURL: address, HTTPClient: client,
			})
		},
		first: func(address string) string {
			q := url.Values{"beforeDate": {time.Now().AddDate(0, 0, 2).Format(time.DateOnly)}, "sort": {"desc"}, "limit": {"100"}, "offset": {"0"}}
			return address + "/1/user/-/activities/list.json?" + q.Encode()
		},
		next: func(_ string, page cloudPage) string { return page.Pagination.Next },
	}
}

func googlePast() longHistory {
	return longHistory{
		provider: googlehealth.Name, years: 6, users: 8, pageSize: 25, busiest: true,
		account: fakegoogle.HealthUserID,
		cloud:   googleCloud,
		connector: func(address string, client *http.Client) *provider.Connector {
			budget := provider.Budget{Requests: plenty, Per: time.Minute}
			return googlehealth.New(googlehealth.Config{
				ClientID: clientID, ClientSecret: clientSecret, AuthorizeURL: address + "/o/oauth2/v2/auth", TokenURL: address + "/token",
				RevokeURL: address + "/revoke", APIBaseURL: address, HTTPClient: client, Budget: budget, AppBudget: budget,
			})
		},
		first: func(address string) string {
			return address + "/v4/users/me/dataTypes/exercise/dataPoints?pageSize=25"
		},
		next: func(address string, page cloudPage) string {
			if page.NextPageToken == "" {
				return ""
			}
			return address + "/v4/users/me/dataTypes/exercise/dataPoints?" + url.Values{"pageSize": {"25"}, "pageToken": {page.NextPageToken}}.Encode()
		},
	}
}

// googleCloud has no limit that a benchmark could reach.
func googleCloud(people []*simulator.Person) (http.Handler, error) {
	cloud, err := fakegoogle.New(fakegoogle.Options{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{callbackURL()}, People: people,
	})
	if err != nil {
		return nil, err
	}
	if err := cloud.SetProjectQuota(plenty, time.Minute); err != nil {
		return nil, err
	}
	for _, p := range people {
		if err := cloud.SetQuota(fakegoogle.HealthUserID(p), plenty, time.Minute); err != nil {
			return nil, err
		}
	}
	busiest := people[len(people)-1]
	for _, t := range busiest.History(time.Now()) {
		for n := range tenfold - 1 {
			again := t.Copy()
			again.ExternalID, again.Start = "", t.Start.Add(time.Duration(n-tenfold)*time.Hour)
			if _, err := cloud.Upload(fakegoogle.HealthUserID(busiest), again); err != nil {
				return nil, err
			}
		}
	}
	return cloud.Handler(), nil
}
