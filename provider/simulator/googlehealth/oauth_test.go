package googlehealth_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/apptest"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

func TestAPersonCanClickThroughTheConsentPage(t *testing.T) {
	a := newApp(t, nil)
	nasty := `"><script>alert(1)</script>&`
	shown := a.get("", strings.TrimPrefix(a.authorizeURL("state", nasty), a.Server.URL))
	if shown.Status != http.StatusOK || !strings.HasPrefix(shown.Header.Get("Content-Type"), "text/html") || strings.Contains(shown.Body, "<script>") {
		t.Fatalf("%d %s", shown.Status, shown.Body)
	}
	for _, p := range a.people {
		if !strings.Contains(shown.Body, p.DisplayName()) {
			t.Errorf("%s cannot be chosen", p.DisplayName())
		}
	}
	form := apptest.Fields(shown.Body)
	if form.Get("state") != nasty || !slices.Equal(form["granted"], strings.Fields(everyScope)) || form.Get("person") != a.account(0) {
		t.Fatalf("the form holds %v", form)
	}
	form["granted"] = form["granted"][:2] // one box stays, and one more
	form.Set("decision", "allow")
	var pairs []string
	for name := range form {
		pairs = append(pairs, name, form.Get(name))
	}
	sent := a.form("/o/oauth2/v2/auth", pairs...)
	back, err := url.Parse(sent.Header.Get("Location"))
	if err != nil || sent.Status != http.StatusFound {
		t.Fatalf("%d %s %v", sent.Status, sent.Body, err)
	}
	if q := back.Query(); back.Host != "app.example" || q.Get("keep") != "1" || q.Get("state") != nasty || q.Get("code") == "" || q.Get("scope") != activity || q.Has("error") {
		t.Errorf("the browser goes to %s", back)
	}
}

func TestDeclining(t *testing.T) {
	a := newApp(t, nil)
	for name, d := range map[string]googlehealth.Decision{
		"cancelled":      {AccountID: a.account(0), Deny: true},
		"nothing ticked": {AccountID: a.account(0), Scopes: []string{}},
	} {
		back, err := googlehealth.Decide(context.Background(), a.Server.Client(), a.authorizeURL(), d)
		if err != nil {
			t.Fatal(err)
		}
		if q := back.Query(); q.Get("error") != "access_denied" || q.Get("state") != "st&te" || q.Has("code") {
			t.Errorf("%s: the browser goes to %s", name, back)
		}
	}
}

func TestInvalidRequestsShowAPageAndNeverRedirect(t *testing.T) {
	a := newApp(t, nil)
	for name, changes := range map[string][]string{
		"client":           {"client_id", "OTHER"},
		"redirect":         {"redirect_uri", "http://evil.example/callback"},
		"longer redirect":  {"redirect_uri", redirectURI + "/x"},
		"no redirect":      {"redirect_uri", ""},
		"response type":    {"response_type", "token"},
		"plain PKCE":       {"code_challenge_method", "plain"},
		"no PKCE method":   {"code_challenge_method", ""},
		"short challenge":  {"code_challenge", "short"},
		"scope":            {"scope", activity + " googlehealth.everything"},
		"no scope":         {"scope", ""},
		"access type":      {"access_type", "forever"},
		"prompt":           {"prompt", "always"},
		"Fitbit's scope":   {"scope", "activity"},
		"unprefixed scope": {"scope", "googlehealth.activity_and_fitness.readonly"},
	} {
		address := a.authorizeURL(changes...)
		got := a.get("", strings.TrimPrefix(address, a.Server.URL))
		if got.Status != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %v", name, got.Status, got.Header)
		}
		if _, err := googlehealth.Decide(context.Background(), a.Server.Client(), address, googlehealth.Decision{AccountID: a.account(0)}); err == nil {
			t.Errorf("%s: a person could consent", name)
		}
	}
	for name, d := range map[string]googlehealth.Decision{
		"nobody":          {AccountID: "1"},
		"more than asked": {AccountID: a.account(0), Scopes: []string{activity, googlehealth.ScopePrefix + "sleep.readonly"}},
	} {
		if back, err := googlehealth.Decide(context.Background(), a.Server.Client(), a.authorizeURL(), d); err == nil {
			t.Errorf("%s: the browser goes to %s", name, back)
		}
	}
}

func TestTheTokenAnswerTellsWhatWasTicked(t *testing.T) {
	a := newApp(t, nil)
	got := a.connect(1, settings, activity)
	if got.Scope != activity+" "+settings || got.Type != "Bearer" || got.Expires != 3599 || got.Refresh == "" || got.RefreshExpires != 0 {
		t.Errorf("tokens with %q, %s, %d s, %d s", got.Scope, got.Type, got.Expires, got.RefreshExpires)
	}
	if strings.Count(got.Access, ".") != 1 || !strings.HasPrefix(got.Access, "ya29.") || !strings.HasPrefix(got.Refresh, "1//") {
		t.Error("the tokens do not look like Google's")
	}
	if again := a.tokensOf(a.refresh(got.Refresh)); again.Scope != got.Scope || again.Refresh != "" || again.Access == got.Access {
		t.Errorf("refreshed to %q, with a refresh token: %t", again.Scope, again.Refresh != "")
	}
}

func TestARefreshTokenComesWithOfflineAccessAndConsent(t *testing.T) {
	a := newApp(t, nil)
	connect := func(changes ...string) tokens {
		return a.tokensOf(a.exchange(a.code(a.authorizeURL(changes...), googlehealth.Decision{AccountID: a.account(0)})))
	}
	for i, c := range []struct {
		changes []string
		refresh bool
	}{
		{[]string{"access_type", "", "prompt", ""}, false},
		{[]string{"access_type", "online"}, false},
		{[]string{"prompt", ""}, true}, // the first time
		{[]string{"prompt", ""}, false},
		{[]string{"prompt", "select_account"}, false},
		{[]string{"prompt", "select_account consent"}, true},
		{nil, true},
	} {
		if got := connect(c.changes...); (got.Refresh != "") != c.refresh {
			t.Errorf("%d %v: a refresh token is %t", i, c.changes, got.Refresh != "")
		}
	}
}

func TestScopesAddUpOnlyWhenAskedFor(t *testing.T) {
	a := newApp(t, nil)
	a.connect(0, activity)
	if got := a.connect(0, settings); got.Scope != settings {
		t.Errorf("scope %q", got.Scope)
	}
	address := a.authorizeURL("include_granted_scopes", "true")
	got := a.tokensOf(a.exchange(a.code(address, googlehealth.Decision{AccountID: a.account(0), Scopes: []string{location}})))
	if got.Scope != activity+" "+location+" "+settings {
		t.Errorf("scope %q", got.Scope)
	}
}

func TestExchangeIsStrict(t *testing.T) {
	a := newApp(t, nil)
	fresh := func() string { return a.code(a.authorizeURL(), googlehealth.Decision{AccountID: a.account(0)}) }
	send := func(code, redirect, verifier string) apptest.Answer {
		return a.form("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", redirect, "code_verifier", verifier, "client_id", clientID, "client_secret", clientSecret)
	}
	a.wantTokenError(send("nonsense", redirectURI, verifier), 400, "invalid_grant")
	a.wantTokenError(send(fresh(), "http://other.example/", verifier), 400, "redirect_uri_mismatch")
	a.wantTokenError(send(fresh(), redirectURI, strings.Repeat("x", 50)), 400, "invalid_grant")
	a.wantTokenError(send(fresh(), redirectURI, ""), 400, "invalid_grant")
	late := fresh()
	a.clock.Forward(10 * time.Minute)
	a.wantTokenError(a.exchange(late), 400, "invalid_grant")
	if a.cloud.Grants(a.account(0)) != 0 {
		t.Error("a refused exchange left a grant")
	}
	bystander := a.connect(0)
	code := fresh()
	first := a.tokensOf(a.exchange(code))
	a.wantTokenError(a.exchange(code), 400, "invalid_grant")
	a.wantTokenError(a.refresh(first.Refresh), 400, "invalid_grant")
	if got := a.get(first.Access, identityPath); got.Status != http.StatusUnauthorized {
		t.Errorf("the access token of a code that came twice: %d", got.Status)
	}
	a.tokensOf(a.refresh(bystander.Refresh))
}

func TestTheSecretIsInTheBody(t *testing.T) {
	a := newApp(t, nil)
	refresh := a.connect(0).Refresh
	send := func(basic bool, pairs ...string) apptest.Answer {
		r := a.FormRequest("/token", append([]string{"grant_type", "refresh_token", "refresh_token", refresh}, pairs...)...)
		if basic {
			r.SetBasicAuth(clientID, clientSecret)
		}
		return a.Must(r)
	}
	a.wantTokenError(send(true), 400, "invalid_request")
	a.wantTokenError(send(true, "client_id", clientID), 400, "invalid_request")
	a.wantTokenError(send(false, "client_id", clientID, "client_secret", "wrong"), 401, "invalid_client")
	a.wantTokenError(send(false, "client_id", "other", "client_secret", clientSecret), 401, "invalid_client")
	a.tokensOf(send(false, "client_id", clientID, "client_secret", clientSecret))
	a.wantTokenError(a.form("/token", "grant_type", "password", "client_id", clientID, "client_secret", clientSecret), 400, "unsupported_grant_type")
}

func TestRefreshTokensStayUnlessTheyRotate(t *testing.T) {
	a := newApp(t, nil)
	got := a.connect(0)
	first, second := a.tokensOf(a.refresh(got.Refresh)), a.tokensOf(a.refresh(got.Refresh))
	for _, token := range []string{got.Access, first.Access, second.Access} {
		if r := a.get(token, identityPath); r.Status != 200 {
			t.Errorf("an access token of three: %d", r.Status)
		}
	}
	b := newApp(t, func(o *googlehealth.Options) { o.Rotate = true })
	old := b.connect(0)
	next := b.tokensOf(b.refresh(old.Refresh))
	if next.Refresh == "" || next.Refresh == old.Refresh {
		t.Fatal("the refresh token did not rotate")
	}
	b.wantTokenError(b.refresh(old.Refresh), 400, "invalid_grant")
	b.tokensOf(b.refresh(next.Refresh))
}

func TestRefreshTokensEnd(t *testing.T) {
	a := newApp(t, func(o *googlehealth.Options) { o.Testing = true })
	got := a.connect(0)
	if got.RefreshExpires != 604799 {
		t.Errorf("refresh_token_expires_in is %d", got.RefreshExpires)
	}
	a.clock.Forward(24 * time.Hour)
	if again := a.tokensOf(a.refresh(got.Refresh)); again.RefreshExpires != 604799-86400 {
		t.Errorf("a day later it is %d", again.RefreshExpires)
	}
	a.clock.Forward(6*24*time.Hour - time.Second)
	a.wantTokenError(a.refresh(got.Refresh), 400, "invalid_grant")

	b := newApp(t, nil)
	used, unused := b.connect(0), b.connect(0)
	for range 4 {
		b.clock.Forward(60 * 24 * time.Hour)
		b.tokensOf(b.refresh(used.Refresh))
	}
	b.wantTokenError(b.refresh(unused.Refresh), 400, "invalid_grant")

	c := newApp(t, nil)
	oldest, second := c.connect(0), c.connect(0)
	for range 98 {
		c.connect(0)
	}
	c.tokensOf(c.refresh(oldest.Refresh))
	c.connect(0)
	c.wantTokenError(c.refresh(oldest.Refresh), 400, "invalid_grant")
	c.tokensOf(c.refresh(second.Refresh))
	if n := c.cloud.Grants(c.account(0)); n != 100 {
		t.Errorf("%d refresh tokens live", n)
	}
}

func TestRevokingEndsTheWholeConsent(t *testing.T) {
	a := newApp(t, nil)
	stranger := a.connect(1)
	for _, which := range []string{"access", "refresh"} {
		other, pair := a.connect(0), a.connect(0)
		token := map[string]string{"access": pair.Access, "refresh": pair.Refresh}[which]
		if got := a.form("/revoke", "token", token); got.Status != http.StatusOK {
			t.Errorf("%s: %d %q", which, got.Status, got.Body)
		}
		a.wantTokenError(a.refresh(other.Refresh), 400, "invalid_grant")
		if got := a.get(other.Access, identityPath); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: another access token of the account: %d", which, got.Status)
		}
		a.wantTokenError(a.form("/revoke", "token", token), 400, "invalid_token")
	}
	a.tokensOf(a.refresh(stranger.Refresh))
	if err := a.cloud.Withdraw(a.account(1)); err != nil {
		t.Fatal(err)
	}
	a.wantTokenError(a.refresh(stranger.Refresh), 400, "invalid_grant")
}

func TestConsentsOutliveARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	keep := func(o *googlehealth.Options) { o.StateFile = file }
	pair := newApp(t, keep).connect(0)
	after := newApp(t, keep)
	if got := after.get(pair.Access, identityPath); got.Status != http.StatusOK {
		t.Errorf("access token after a restart: %d %s", got.Status, got.Body)
	}
	after.tokensOf(after.refresh(pair.Refresh))
	after.form("/revoke", "token", pair.Refresh)
	last := newApp(t, keep)
	last.wantTokenError(last.refresh(pair.Refresh), 400, "invalid_grant")
	kept := last.connect(1)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), last.account(1)) {
		t.Error("the state file does not hold the consent") // the control of the search below
	}
	for _, secret := range []string{kept.Access, kept.Refresh, clientSecret} {
		if strings.Contains(string(text), secret) {
			t.Error("the state file holds a secret in clear")
		}
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := googlehealth.New(googlehealth.Options{ClientID: "x", ClientSecret: "y", RedirectURIs: []string{redirectURI}, People: last.people, StateFile: file}); err == nil {
		t.Error("a broken state file is taken")
	}
}
