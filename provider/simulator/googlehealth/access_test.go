package googlehealth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

func TestAccessTokens(t *testing.T) {
	a := newApp(t, nil)
	pair := a.connect(0)
	refused := func(token string) {
		t.Helper()
		got := a.get(token, listPath)
		a.wantProblem(got, 401, "UNAUTHENTICATED", "")
		if !strings.Contains(got.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("headers %v", got.Header)
		}
	}
	refused("")
	refused("nonsense")
	refused(pair.Refresh)
	if got := a.get("", listPath+"?key=AIzaEXAMPLE"); got.Status != 401 {
		t.Errorf("an API key: %d", got.Status)
	}
	a.clock.Forward(time.Hour - time.Second)
	a.page(pair.Access, listPath)
	a.clock.Forward(time.Second)
	refused(pair.Access)
	next := a.tokensOf(a.refresh(pair.Refresh))
	a.page(next.Access, listPath)
	if err := a.cloud.ExpireAccessTokens(a.account(0)); err != nil {
		t.Fatal(err)
	}
	refused(next.Access)
	a.tokensOf(a.refresh(pair.Refresh))
}

func TestEveryScopeOpensItsPart(t *testing.T) {
	a := newApp(t, nil)
	paths := map[string][]string{
		identityPath:                 {activity, health, location, profile, settings},
		"/v4/users/me/profile":       {profile},
		"/v4/users/me/settings":      {settings},
		"/v4/users/me/pairedDevices": {settings},
		listPath:                     {activity},
		listPath + ":reconcile":      {activity},
	}
	for _, scope := range strings.Fields(everyScope) {
		token := a.connect(0, scope).Access
		for path, opening := range paths {
			got := a.get(token, path)
			if slices.Contains(opening, scope) {
				if got.Status != 200 {
					t.Errorf("%s with %s: %d", path, scope, got.Status)
				}
				continue
			}
			a.wantProblem(got, 403, "PERMISSION_DENIED", "MISSING_OAUTH_SCOPE")
		}
	}
	grant := func(scope string) string {
		d := googlehealth.Decision{AccountID: a.account(0)}
		return a.tokensOf(a.exchange(a.code(a.authorizeURL("scope", scope), d))).Access
	}
	a.wantProblem(a.get(grant("openid email"), identityPath), 403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
	a.wantProblem(a.get(grant(activity+" "+platform), identityPath), 403, "PERMISSION_DENIED", "DISALLOWED_OAUTH_SCOPES")
	if got := a.get(grant(activity+" openid email"), identityPath); got.Status != 200 {
		t.Errorf("with openid beside it: %d", got.Status)
	}
}

func TestAccountsThatAreNotReady(t *testing.T) {
	a := newApp(t, nil)
	account := a.account(0)
	for state, want := range map[googlehealth.AccountState]struct {
		status            int
		canonical, reason string
	}{
		googlehealth.AccountNotLinked:  {400, "FAILED_PRECONDITION", "ACCOUNT_NOT_LINKED"},
		googlehealth.AccountUnfinished: {412, "FAILED_PRECONDITION", ""},
		googlehealth.AccountLegacy:     {403, "PERMISSION_DENIED", ""},
		googlehealth.AccountDenied:     {403, "PERMISSION_DENIED", "RESOURCE_PERMISSION_DENIED"},
		googlehealth.AccountDataDenied: {403, "PERMISSION_DENIED", "DATA_ACCESS_DENIED"},
	} {
		pair := a.connect(0)
		if err := a.cloud.SetAccountState(account, state); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{identityPath, listPath} {
			a.wantProblem(a.get(pair.Access, path), want.status, want.canonical, want.reason)
		}
		a.tokensOf(a.refresh(pair.Refresh)) // the consent itself is whole
		a.page(a.connect(1).Access, listPath)
		a.form("/revoke", "token", pair.Refresh)
		again := a.connect(0)
		healed := state == googlehealth.AccountDenied || state == googlehealth.AccountDataDenied
		if got := a.get(again.Access, identityPath); (got.Status == 200) != healed {
			t.Errorf("%s: after a new consent: %d", state, got.Status)
		}
		if err := a.cloud.SetAccountState(account, googlehealth.AccountLinked); err != nil {
			t.Fatal(err)
		}
		a.page(again.Access, listPath)
	}
	if a.cloud.SetAccountState("1", googlehealth.AccountLinked) == nil || a.cloud.SetAccountState(account, "lost") == nil {
		t.Error("an impossible state was taken")
	}
}

func TestProjectsThatAreNotLetIn(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(0).Access
	for state, reason := range map[googlehealth.ProjectState]string{
		googlehealth.ProjectNotAdmitted: "API_PRIVATE_PREVIEW_ACCESS_DENIED", googlehealth.ProjectDisabled: "SERVICE_DISABLED",
	} {
		a.cloud.SetProjectState(state)
		a.wantProblem(a.get(token, identityPath), 403, "PERMISSION_DENIED", reason)
		a.wantProblem(a.get(token, listPath), 403, "PERMISSION_DENIED", reason)
	}
	a.cloud.SetProjectState(googlehealth.ProjectAdmitted)
	a.page(token, listPath)
}

func TestQuotas(t *testing.T) {
	for verified, want := range map[bool]int{false: 150, true: 300} {
		a := newApp(t, nil)
		b, err := googlehealth.New(googlehealth.Options{
			ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{redirectURI}, People: a.people[:2], Now: a.clock.Now, Verified: verified,
		})
		if err != nil {
			t.Fatal(err)
		}
		a.Server.Close()
		a.cloud, a.Server = b, httptest.NewServer(b.Handler()) // the quota as it is without a test's wishes
		defer a.Server.Close()
		token := a.connect(0).Access
		for i := range want + 3 {
			got := a.get(token, identityPath)
			if (got.Status == 200) != (i < want) {
				t.Fatalf("verified %t: request %d is answered %d", verified, i+1, got.Status)
			}
			if i >= want {
				a.wantProblem(got, 429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED")
				if got.Header.Get("Retry-After") != "" {
					t.Errorf("Retry-After %s", got.Header.Get("Retry-After"))
				}
			}
		}
		if n := a.cloud.Overruns(a.account(0)); n != 3 {
			t.Errorf("%d overruns", n)
		}
		a.page(a.connect(1).Access, listPath) // another account has its own
		a.clock.Forward(time.Minute)
		a.page(token, listPath)
	}
}

func TestAQuotaOfOnesOwnAndOfTheProject(t *testing.T) {
	a := newApp(t, func(o *googlehealth.Options) { o.RetryAfter = true })
	first, second := a.connect(0).Access, a.connect(1).Access
	if err := a.cloud.SetQuota(a.account(0), 2, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{200, 200, 429} {
		if got := a.get(first, identityPath); got.Status != want || (got.Header.Get("Retry-After") != "") != (want == 429) {
			t.Fatalf("request %d is answered %d with %q", i+1, got.Status, got.Header.Get("Retry-After"))
		}
	}
	a.page(second, listPath)
	a.clock.Forward(3 * time.Second)
	a.page(first, listPath)
	if err := a.cloud.SetProjectQuota(3, time.Minute); err != nil {
		t.Fatal(err)
	}
	a.clock.Forward(time.Minute)
	for i, token := range []string{first, second, second, second, first} {
		got := a.get(token, identityPath)
		if (got.Status == 200) != (i < 3) {
			t.Errorf("request %d of the project is answered %d", i+1, got.Status)
		}
		if wait, err := strconv.Atoi(got.Header.Get("Retry-After")); got.Status == 429 && (err != nil || wait < 1 || wait > 60) {
			t.Errorf("Retry-After %q", got.Header.Get("Retry-After"))
		}
	}
	if a.cloud.ProjectOverruns() != 2 {
		t.Errorf("%d overruns of the project", a.cloud.ProjectOverruns())
	}
	a.cloud.SetRetryAfter(false)
	if got := a.get(first, identityPath); got.Status != 429 || got.Header.Get("Retry-After") != "" {
		t.Errorf("%d with %q", got.Status, got.Header.Get("Retry-After"))
	}
	if a.cloud.SetQuota("1", 2, time.Minute) == nil || a.cloud.SetQuota(a.account(0), 0, time.Minute) == nil || a.cloud.SetProjectQuota(1, 0) == nil {
		t.Error("an impossible quota was taken")
	}
}

func TestUnknownPathsArePages(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(0).Access
	for _, path := range []string{"/v4/users/me", "/v4beta/users/me/identity", "/1/user/-/profile.json", "/v4/users/me/dataTypes/exercise"} {
		if got := a.get(token, path); got.Status != 404 || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || json.Valid([]byte(got.Body)) {
			t.Errorf("%s: %d %s", path, got.Status, got.Header.Get("Content-Type"))
		}
	}
	if got := a.Must(a.Request(http.MethodPost, token, listPath, "{}")); got.Status < 400 {
		t.Errorf("writing a point: %d", got.Status)
	}
}

func TestIdentitySettingsProfileDevices(t *testing.T) {
	a := newApp(t, nil)
	for n, p := range a.people {
		token := a.connect(n).Access
		var who struct{ Name, HealthUserID, LegacyUserID string }
		if err := json.Unmarshal([]byte(a.get(token, identityPath).Body), &who); err != nil || who.HealthUserID != a.account(n) || who.LegacyUserID != p.AccountID() || who.Name != "users/me/identity" {
			t.Errorf("identity %+v %v", who, err)
		}
		var zone struct{ TimeZone, UTCOffset, DistanceUnit, LanguageLocale string }
		if err := json.Unmarshal([]byte(a.get(token, "/v4/users/me/settings").Body), &zone); err != nil {
			t.Fatal(err)
		}
		there, err := time.LoadLocation(zone.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		_, offset := noon.In(there).Zone()
		if zone.UTCOffset != strconv.Itoa(offset)+"s" || (zone.DistanceUnit == "DISTANCE_UNIT_MILES") != p.Miles() || (zone.LanguageLocale == "it_IT") != (p.Language() == "it") {
			t.Errorf("settings %+v of %s", zone, p.Name())
		}
		var age map[string]any
		if err := json.Unmarshal([]byte(a.get(token, "/v4/users/me/profile").Body), &age); err != nil || len(age) != 2 || age["age"].(float64) < 18 {
			t.Errorf("profile %v %v", age, err)
		}
		var devices struct {
			PairedDevices []struct {
				Name, DeviceType, DeviceVersion string
				LastSyncTime                    time.Time
			}
			NextPageToken string
		}
		if err := json.Unmarshal([]byte(a.get(token, "/v4/users/me/pairedDevices?pageSize=1").Body), &devices); err != nil || len(devices.PairedDevices) != 1 || devices.PairedDevices[0].DeviceType != "TRACKER" || devices.NextPageToken == "" {
			t.Fatalf("devices %+v %v", devices, err)
		}
		if last := devices.PairedDevices[0].LastSyncTime; last.After(noon) || last.Before(noon.AddDate(0, 0, -30)) {
			t.Errorf("synced at %v", last)
		}
		next := devices.NextPageToken
		devices.NextPageToken = ""
		if err := json.Unmarshal([]byte(a.get(token, "/v4/users/me/pairedDevices?pageSize=1&pageToken="+next).Body), &devices); err != nil || devices.PairedDevices[0].DeviceType != "SCALE" || devices.NextPageToken != "" {
			t.Errorf("devices %+v %v", devices, err)
		}
	}
}

func TestIDsAreDigitsThatNeedAll64Bits(t *testing.T) {
	a := newApp(t, nil)
	large := 0
	for n := range a.people {
		for _, r := range a.cloud.Records(a.account(n)) {
			id, err := strconv.ParseUint(r.ExternalID, 10, 64)
			if err != nil || len(r.ExternalID) != 19 {
				t.Fatalf("id %s", r.ExternalID)
			}
			if id > 1<<63-1 {
				large++
			}
		}
	}
	if large == 0 {
		t.Error("no id is above a signed 64-bit number")
	}
}
