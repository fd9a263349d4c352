package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/simulator"
	simfitbit "github.com/stridelog/stridelog/provider/simulator/fitbit"
)

const fitbitCallback = "http://localhost:8000/api/v1/oauth/fitbit/callback"

// newFitbitFixture runs the service with the real Fitbit connector against the
// simulated cloud.
func newFitbitFixture(t *testing.T) (h *fixture, cloud *simfitbit.Cloud, account string) {
	t.Helper()
	h = newFixture(t)
	people, err := simulator.Roster(7, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cloud, err = simfitbit.New(simfitbit.Options{ClientID: "app", ClientSecret: "hush", RedirectURIs: []string{fitbitCallback}, People: people})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud.Handler())
	t.Cleanup(server.Close)
	connector := fitbit.New(fitbit.Config{ClientID: "app", ClientSecret: "hush",
		AuthorizeURL: server.URL + "/oauth2/authorize", APIBaseURL: server.URL})
	h.config.Connectors = provider.Connectors{fitbit.Name: connector}
	h.config.Catalog = []provider.Descriptor{fitbit.Descriptor()}
	h.config.RedirectURIs = map[string]string{fitbit.Name: fitbitCallback}
	h.start("one")
	return h, cloud, people[0].AccountID()
}

func (h *fixture) connectFitbit(user, account string) rpc.CallbackResponse {
	h.t.Helper()
	a := ask[rpc.AuthorizeRequest, rpc.AuthorizeResponse](h, rpc.OAuthAuthorize, rpc.AuthorizeRequest{Provider: fitbit.Name, UserID: user, RedirectURI: app})
	brought := allow(h.t, a.AuthorizationURL, account, fitbit.DefaultScopes())
	back := ask[rpc.CallbackRequest, rpc.CallbackResponse](h, rpc.OAuthCallback,
		rpc.CallbackRequest{Provider: fitbit.Name, Code: brought.Get("code"), State: brought.Get("state")})
	if back.Status != events.StatusActive || h.view(back.ConnectionID).Account != account {
		h.t.Fatalf("the callback answered %+v", back)
	}
	return back
}

// Consent, refresh with rotation, and the end of the consent.
func TestFitbitFromConsentToDisconnect(t *testing.T) {
	h, cloud, account := newFitbitFixture(t)
	user := events.NewID()
	back := h.connectFitbit(user, account)
	first := h.token(back.ConnectionID)
	h.reject(back.ConnectionID, first.TokenVersion, provider.ClassUnauthorized)
	second := h.token(back.ConnectionID)
	if second.TokenVersion != 2 || second.AccessToken == first.AccessToken {
		t.Errorf("after a rejection the version is %d, want 2 and another token", second.TokenVersion)
	}
	now := time.Now()
	_, err := h.config.Connectors[fitbit.Name].Sources[0].List.List(t.Context(), provider.ListRequest{
		Token: provider.Secret(second.AccessToken), Window: events.Window{From: now.AddDate(0, 0, -7), To: now}})
	if err != nil {
		t.Errorf("the cloud does not accept the refreshed token: %v", err)
	}
	ask[rpc.DisconnectRequest, rpc.DisconnectResponse](h, rpc.OAuthDisconnect, rpc.DisconnectRequest{Provider: fitbit.Name, UserID: user})
	if n := cloud.Grants(account); n != 0 {
		t.Errorf("%d grants are left at the cloud, want none", n)
	}
}

// Only the word invalid_grant ends a grant: one about access tokens at the token
// endpoint leaves the connection as it is, and the next refresh works.
func TestFitbitWordsAboutAccessTokensEndNoGrant(t *testing.T) {
	h, cloud, account := newFitbitFixture(t)
	id := h.connectFitbit(events.NewID(), account).ConnectionID
	refuse := func(fault *simfitbit.Fault) {
		cloud.SetFault(func(c *simfitbit.Call) *simfitbit.Fault {
			if c.Endpoint == simfitbit.EndpointToken {
				return fault
			}
			return nil
		})
	}
	h.reject(id, 1, provider.ClassUnauthorized)
	refuse(simfitbit.Expired())
	for range 3 {
		refusedWith[rpc.TokenResponse](h, rpc.CodeUnavailable, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
	}
	if v := h.view(id); v.Status != "active" {
		t.Errorf("the connection is %+v", v)
	}
	refuse(nil)
	if got := h.token(id); got.TokenVersion != 2 {
		t.Errorf("afterwards the version is %d, want 2", got.TokenVersion)
	}
	h.reject(id, 2, provider.ClassUnauthorized)
	refuse(simfitbit.InvalidGrant())
	refusedWith[rpc.TokenResponse](h, rpc.CodeActionRequired, rpc.OAuthToken, rpc.TokenRequest{ConnectionID: id})
	if v := h.view(id); v.Reason != events.ReasonReauthRequired {
		t.Errorf("a dead grant left the connection %+v", v)
	}
}

// allow clicks Allow on the simulated consent page.
func allow(t *testing.T, authorizationURL, person string, scopes []string) url.Values {
	t.Helper()
	page, err := url.Parse(authorizationURL)
	if err != nil {
		t.Fatal(err)
	}
	form := page.Query()
	form.Set("person", person)
	form.Set("decision", "allow")
	form["granted"] = scopes
	page.RawQuery = ""
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(page.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	to, err := resp.Location()
	if err != nil {
		t.Fatalf("the consent page answered %d: %v", resp.StatusCode, err)
	}
	return to.Query()
}
