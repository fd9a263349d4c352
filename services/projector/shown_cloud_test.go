package projector_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/googlehealth"
	"github.com/stridelog/stridelog/provider/simulator"
	fitbitcloud "github.com/stridelog/stridelog/provider/simulator/fitbit"
	googlecloud "github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

const (
	shownCallback = "http://localhost:8000/callback"
	shownVerifier = "a-verifier-of-the-projector-test-with-43-characters"
	shownApp      = "SHOWN"
)

// account is a simulated cloud with the connector that reads it.
type account struct {
	connector *provider.Connector
	// visit lets a person consent, and gives where they are sent back to.
	visit func(ctx context.Context, authorizeURL string, p *simulator.Person) (*url.URL, error)
}

// fitbitOf is the simulated Fitbit cloud of some people at an instant.
func fitbitOf(t *testing.T, people []*simulator.Person, now time.Time) account {
	t.Helper()
	cloud, err := fitbitcloud.New(fitbitcloud.Options{
		ClientID: shownApp, ClientSecret: "secret", RedirectURIs: []string{shownCallback}, People: people, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud.Handler())
	t.Cleanup(server.Close)
	return account{
		fitbit.New(fitbit.Config{ClientID: shownApp, ClientSecret: "secret", AuthorizeURL: server.URL + "/oauth2/authorize", APIBaseURL: server.URL, Now: func() time.Time { return now }}),
		func(ctx context.Context, address string, p *simulator.Person) (*url.URL, error) {
			return fitbitcloud.Decide(ctx, http.DefaultClient, address, fitbitcloud.Decision{AccountID: p.AccountID()})
		},
	}
}

// googleOf is the simulated Google Health cloud of some people. Workouts have there
// the ids that they have at Fitbit, so that the test can tell which is which.
func googleOf(t *testing.T, people []*simulator.Person, now time.Time) account {
	t.Helper()
	cloud, err := googlecloud.New(googlecloud.Options{
		ClientID: shownApp, ClientSecret: "secret", RedirectURIs: []string{shownCallback}, People: people, Now: func() time.Time { return now },
		KeepIDs: true, Verified: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud.Handler())
	t.Cleanup(server.Close)
	return account{
		googlehealth.New(googlehealth.Config{
			ClientID: shownApp, ClientSecret: "secret", AuthorizeURL: server.URL + "/o/oauth2/v2/auth", TokenURL: server.URL + "/token",
			RevokeURL: server.URL + "/revoke", APIBaseURL: server.URL, Now: func() time.Time { return now },
		}),
		func(ctx context.Context, address string, p *simulator.Person) (*url.URL, error) {
			return googlecloud.Decide(ctx, http.DefaultClient, address, googlecloud.Decision{AccountID: googlecloud.HealthUserID(p)})
		},
	}
}

// read connects a person and reads a window as the poller does.
func (a account) read(t *testing.T, p *simulator.Person, w events.Window) (records []provider.Record) {
	t.Helper()
	sum := sha256.Sum256([]byte(shownVerifier))
	address := a.connector.Authorizer.AuthorizeURL(provider.AuthorizeRequest{
		RedirectURI: shownCallback, State: "s", CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:]), Scopes: a.connector.DefaultScopes,
	})
	back, err := a.visit(t.Context(), address, p)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := a.connector.Authorizer.Exchange(t.Context(), provider.Secret(back.Query().Get("code")), shownVerifier, shownCallback)
	if err != nil {
		t.Fatal(err)
	}
	request := provider.ListRequest{Token: grant.AccessToken, Window: w}
	for {
		page, err := a.connector.Sources[0].List.List(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			if r.StartedAt == nil || w.Contains(*r.StartedAt) { // a page may reach beyond the window
				records = append(records, r)
			}
		}
		if page.Next == "" {
			return records
		}
		request.Cursor = page.Next
	}
}

// factsOf are the records of a provider as the poller says that a user has them.
func factsOf(user, provider string, at time.Time, records []provider.Record) []events.Event {
	facts := make([]events.Event, 0, len(records))
	for _, r := range records {
		facts = append(facts, events.Event{
			ID:     events.ActivityFactID(events.TypeActivityFetched, user, provider, r.ExternalID, 0, "sha256:00"),
			Source: "stridelog/poller", About: r.ExternalID, Time: at, Provider: provider, UserID: user,
			Data: &events.ActivityFetched{
				UserID: user, Provider: provider, ExternalID: r.ExternalID, Format: r.Format, Context: r.Context,
				ProviderModifiedAt: r.ModifiedAt, ContentHash: "sha256:00", HashVersion: 1, Origin: events.OriginAPI, FetchedAt: at, StartedAt: r.StartedAt, Raw: r.Raw,
			},
		})
	}
	return facts
}
