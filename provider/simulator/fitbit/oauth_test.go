package fitbit_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/apptest"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

func TestAPersonCanClickThroughTheConsentPage(t *testing.T) {
	a := newApp(t, nil)
	nasty := `"><script>alert(1)</script>&`
	shown := a.get("", a.authorizeURL("state", nasty))
	if shown.Status != http.StatusOK || !strings.HasPrefix(shown.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d %s", shown.Status, shown.Body)
	}
	if strings.Contains(shown.Body, "<script>") {
		t.Error("the page holds a script of the request")
	}
	for _, p := range a.people {
		if !strings.Contains(shown.Body, p.DisplayName()) {
			t.Errorf("%s cannot be chosen", p.DisplayName())
		}
	}
	form := apptest.Fields(shown.Body)
	if form.Get("state") != nasty || !slices.Equal(form["granted"], strings.Fields(everyScope)) || form.Get("person") != a.people[0].AccountID() {
		t.Fatalf("the form holds %v", form)
	}
	form.Set("decision", "allow")
	r := a.formRequest("/oauth2/authorize")
	r.Header.Del("Authorization")
	r = a.withForm(r, form)
	sent := a.Must(r)
	back, err := url.Parse(sent.Header.Get("Location"))
	if err != nil || sent.Status != http.StatusFound {
		t.Fatalf("%d %s %v", sent.Status, sent.Body, err)
	}
	if q := back.Query(); back.Host != "app.example" || q.Get("keep") != "1" || q.Get("state") != nasty || q.Get("code") == "" || q.Has("error") {
		t.Errorf("the browser goes to %s", back)
	}
}

func (a *app) withForm(r *http.Request, form url.Values) *http.Request {
	again, err := http.NewRequest(r.Method, r.URL.String(), strings.NewReader(form.Encode()))
	if err != nil {
		a.T.Fatal(err)
	}
	again.Header = r.Header
	return again
}

func TestDeclining(t *testing.T) {
	a := newApp(t, nil)
	back, err := fitbit.Decide(context.Background(), a.Server.Client(), a.authorizeURL(), fitbit.Decision{Deny: true})
	if err != nil {
		t.Fatal(err)
	}
	if q := back.Query(); q.Get("error") != "access_denied" || q.Get("state") != "st&te" || q.Has("code") {
		t.Errorf("the browser goes to %s", back)
	}
}

func TestInvalidRequestsShowAPageAndNeverRedirect(t *testing.T) {
	a := newApp(t, nil)
	for name, changes := range map[string][]string{
		"client":          {"client_id", "OTHER"},
		"no client":       {"client_id", ""},
		"redirect":        {"redirect_uri", "http://evil.example/callback"},
		"longer redirect": {"redirect_uri", redirectURI + "/x"},
		"no redirect":     {"redirect_uri", ""}, // two are registered
		"response type":   {"response_type", "token"},
		"plain PKCE":      {"code_challenge_method", "plain"},
		"no PKCE method":  {"code_challenge_method", ""},
		"short challenge": {"code_challenge", "short"},
		"no challenge":    {"code_challenge", ""},
		"scope":           {"scope", "activity everything"},
		"no scope":        {"scope", ""},
	} {
		address := a.authorizeURL(changes...)
		got := a.get("", address)
		if got.Status != http.StatusBadRequest || got.Header.Get("Location") != "" || !strings.Contains(got.Body, "invalid_") {
			t.Errorf("%s: %d %v", name, got.Status, got.Header)
		}
		if _, err := fitbit.Decide(context.Background(), a.Server.Client(), address, fitbit.Decision{AccountID: a.people[0].AccountID()}); err == nil {
			t.Errorf("%s: a person could consent", name)
		}
	}
	for name, d := range map[string]fitbit.Decision{
		"nobody":          {AccountID: "NOBODY"},
		"nothing":         {AccountID: a.people[0].AccountID(), Scopes: []string{}},
		"more than asked": {AccountID: a.people[0].AccountID(), Scopes: []string{"activity", "weight"}},
	} {
		if back, err := fitbit.Decide(context.Background(), a.Server.Client(), a.authorizeURL(), d); err == nil {
			t.Errorf("%s: the browser goes to %s", name, back)
		}
	}
}

func TestExchange(t *testing.T) {
	a := newApp(t, nil)
	p := a.people[1]
	got := a.connect(p, "profile", "activity")
	if got.User != p.AccountID() || got.Scope != "activity profile" || got.Type != "Bearer" || got.Expires != 28800 || len(got.Refresh) != 64 {
		t.Errorf("tokens of %s with %q, %s, %d s", got.User, got.Scope, got.Type, got.Expires)
	}
	parts := strings.Split(got.Access, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	var read struct{ Sub, Aud, Iss, Typ, Scopes string }
	if err != nil || json.Unmarshal(claims, &read) != nil || read.Sub != p.AccountID() || read.Aud != clientID || read.Scopes != "wact wpro" {
		t.Errorf("claims %s %v", claims, err)
	}
}

func TestExchangeIsStrict(t *testing.T) {
	a := newApp(t, nil)
	send := func(code, redirect, verifier string) apptest.Answer {
		return a.form("/oauth2/token", "grant_type", "authorization_code", "code", code, "redirect_uri", redirect, "code_verifier", verifier)
	}
	p := a.people[0]
	for name, got := range map[string]apptest.Answer{
		"unknown code":   send("nonsense", redirectURI, verifier),
		"other redirect": send(a.code(p), "http://other.example/", verifier),
		"no redirect":    send(a.code(p), "", verifier),
		"other verifier": send(a.code(p), redirectURI, strings.Repeat("x", 50)),
		"no verifier":    send(a.code(p), redirectURI, ""),
	} {
		if got.Status != http.StatusBadRequest || errorType(t, got) != "invalid_grant" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	late := a.code(p)
	a.clock.Forward(10 * time.Minute)
	if got := a.exchange(late); got.Status != http.StatusBadRequest {
		t.Errorf("a code of ten minutes ago: %d", got.Status)
	}
	if a.cloud.Grants(p.AccountID()) != 0 {
		t.Error("a refused exchange left a grant")
	}
	code := a.code(p)
	first := a.tokensOf(a.exchange(code))
	if got := a.exchange(code); got.Status != http.StatusBadRequest || errorType(t, got) != "invalid_grant" {
		t.Errorf("a code twice: %d %s", got.Status, got.Body)
	}
	if got := a.refresh(first.Refresh); got.Status != http.StatusBadRequest {
		t.Errorf("the grant of a code that came twice still works: %d", got.Status)
	}
	wrong := a.formRequest("/oauth2/token", "grant_type", "refresh_token", "refresh_token", "x")
	wrong.SetBasicAuth(clientID, "wrong")
	if got := a.Must(wrong); got.Status != http.StatusUnauthorized || errorType(t, got) != "invalid_client" {
		t.Errorf("wrong secret: %d %s", got.Status, got.Body)
	}
	if got := a.form("/oauth2/token", "grant_type", "password"); got.Status != http.StatusBadRequest || errorType(t, got) != "invalid_request" {
		t.Errorf("grant type: %d %s", got.Status, got.Body)
	}
}

func TestRotationIsStrict(t *testing.T) {
	a := newApp(t, nil)
	p := a.people[0]
	bystander := a.connect(p)
	first := a.connect(p)
	second := a.tokensOf(a.refresh(first.Refresh))
	if second.Refresh == first.Refresh || second.Access == first.Access || second.User != p.AccountID() {
		t.Fatal("the pair did not rotate")
	}
	profile := "/1/user/-/profile.json"
	for name, token := range map[string]string{"old": first.Access, "new": second.Access} {
		if got := a.get(token, profile); got.Status != http.StatusOK {
			t.Errorf("%s access token: %d", name, got.Status)
		}
	}
	reused := a.refresh(first.Refresh)
	if reused.Status != http.StatusBadRequest || errorType(t, reused) != "invalid_grant" || !strings.Contains(reused.Body, first.Refresh) {
		t.Errorf("a spent token: %d, and its message must echo the token", reused.Status)
	}
	if got := a.refresh(second.Refresh); got.Status != http.StatusBadRequest {
		t.Errorf("the grant outlives the reuse: %d", got.Status)
	}
	if got := a.get(second.Access, profile); got.Status != http.StatusUnauthorized || errorType(t, got) != "invalid_token n/a" {
		t.Errorf("its access token: %d %s", got.Status, got.Body)
	}
	if got := a.get(bystander.Access, profile); got.Status != http.StatusOK {
		t.Errorf("another grant of the person: %d", got.Status)
	}
}

func TestAccessTokens(t *testing.T) {
	a := newApp(t, func(o *fitbit.Options) { o.AccessTokenTTL = time.Hour })
	token := a.connect(a.people[0]).Access
	narrow := a.connect(a.people[1], "profile").Access
	list := listPath + "?afterDate=2026-01-01&sort=asc"
	check := func(token, address string, status int, word string) {
		t.Helper()
		if got := a.get(token, address); got.Status != status || word != "" && errorType(t, got) != word {
			t.Errorf("%s: %d %.200s, want %d %s", address, got.Status, got.Body, status, word)
		}
	}
	check(token, list, 200, "")
	check("", list, 401, "invalid_request n/a")
	check("nonsense", list, 401, "invalid_token n/a")
	check(narrow, list, 403, "insufficient_scope n/a")
	check(narrow, "/1/user/-/profile.json", 200, "")
	check(token, "/1/user/"+a.people[0].AccountID()+"/profile.json", 200, "")
	check(token, "/1/user/"+a.people[1].AccountID()+"/profile.json", 403, "insufficient_permissions n/a")
	check(token, "/1/user/-/unheard.json", 404, "not_found n/a")
	a.clock.Forward(time.Hour)
	check(token, list, 401, "expired_token n/a")
	again := a.connect(a.people[0])
	check(again.Access, list, 200, "")
	if err := a.cloud.ExpireAccessTokens(a.people[0].AccountID()); err != nil {
		t.Fatal(err)
	}
	check(again.Access, list, 401, "expired_token n/a")
	again = a.tokensOf(a.refresh(again.Refresh))
	if err := a.cloud.Withdraw(a.people[0].AccountID()); err != nil {
		t.Fatal(err)
	}
	check(again.Access, list, 401, "invalid_token n/a")
}

func TestHeartRateNeedsItsScope(t *testing.T) {
	a := newApp(t, nil)
	list := listPath + "?afterDate=2026-01-01&sort=asc"
	members := regexp.MustCompile(`"(averageHeartRate|heartRateZones|heartRateLink|activeZoneMinutes)"`)
	if got := a.get(a.connect(a.people[0]).Access, list); !members.MatchString(got.Body) {
		t.Error("no heart rate with the scope")
	}
	if got := a.get(a.connect(a.people[0], "activity").Access, list); got.Status != 200 || members.MatchString(got.Body) {
		t.Errorf("%d, or heart rate without the scope", got.Status)
	}
}

func TestRevoking(t *testing.T) {
	a := newApp(t, nil)
	p := a.people[0]
	for _, which := range []string{"access", "refresh"} {
		other, pair := a.connect(p), a.connect(p)
		token := pair.Access
		if which == "refresh" {
			token = pair.Refresh
		}
		if got := a.form("/oauth2/revoke", "token", token); got.Status != http.StatusOK || got.Body != "" {
			t.Errorf("%s: %d %q", which, got.Status, got.Body)
		}
		if got := a.refresh(other.Refresh); got.Status != http.StatusBadRequest || a.cloud.Grants(p.AccountID()) != 0 {
			t.Errorf("%s: the consent did not end as a whole", which)
		}
		if got := a.form("/oauth2/revoke", "token", token); got.Status != http.StatusNotFound {
			t.Errorf("%s again: %d", which, got.Status)
		}
	}
}

func TestGrantsOutliveARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	keep := func(o *fitbit.Options) { o.StateFile = file }
	before := newApp(t, keep)
	pair := before.connect(before.people[0])
	after := newApp(t, keep)
	if got := after.get(pair.Access, "/1/user/-/profile.json"); got.Status != http.StatusOK {
		t.Errorf("access token after a restart: %d %s", got.Status, got.Body)
	}
	next := after.tokensOf(after.refresh(pair.Refresh))
	if got := newApp(t, keep).refresh(pair.Refresh); got.Status != http.StatusBadRequest {
		t.Errorf("a spent token is fresh again after a restart: %d", got.Status)
	}
	if got := newApp(t, keep).refresh(next.Refresh); got.Status != http.StatusBadRequest {
		t.Errorf("the grant's end is forgotten after a restart: %d", got.Status)
	}
	last := newApp(t, keep)
	kept := last.connect(last.people[1])
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), last.people[1].AccountID()) {
		t.Error("the state file does not hold the grant") // the control of the search below
	}
	for _, secret := range []string{kept.Access, kept.Refresh, clientSecret} {
		if strings.Contains(string(text), secret) {
			t.Error("the state file holds a secret in clear")
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fitbit.New(fitbit.Options{ClientID: "x", ClientSecret: "y", RedirectURIs: []string{redirectURI}, People: last.people, StateFile: file}); err == nil {
		t.Error("a broken state file is taken")
	}
}
