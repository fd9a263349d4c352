package googlehealth

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/providertest"
)

const (
	testClientID     = "1234-abc.apps.googleusercontent.com"
	testClientSecret = "client-secret-of-the-test-cloud"
	testAccount      = "1234567890123456789"
	testLegacy       = "7XQ2LM"
)

// cloud is as much of Google as the connector's tests need, strict where Google is:
// a refresh token for offline consents only, the one filter there is, page tokens
// that go with one filter.
type cloud struct {
	server *httptest.Server

	mu       sync.Mutex
	serial   int
	codes    map[string]consent
	access   map[string]bool
	refresh  map[string]bool
	secrets  []string
	points   []providertest.Record
	tokens   map[string]page // page tokens
	faults   map[providertest.Endpoint]providertest.Fault
	settings int    // requests
	zone     string // of the settings
}

type consent struct {
	challenge, redirect, scope string
	offline                    bool
}

// page is what a page token stands for.
type page struct {
	filter string
	from   int
	shown  bool // as an empty one
}

func newCloud(t *testing.T) *cloud {
	c := &cloud{
		codes: map[string]consent{}, access: map[string]bool{}, refresh: map[string]bool{}, tokens: map[string]page{},
		faults: map[providertest.Endpoint]providertest.Fault{}, secrets: []string{testClientSecret}, zone: "Europe/Rome",
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth", c.authorize)
	mux.HandleFunc("POST /token", c.token)
	mux.HandleFunc("POST /revoke", c.revoke)
	mux.HandleFunc("GET /v4/users/me/identity", c.identity)
	mux.HandleFunc("GET /v4/users/me/settings", c.userSettings)
	mux.HandleFunc("GET /v4/users/me/dataTypes/exercise/dataPoints", c.list)
	mux.HandleFunc("GET /v4/users/me/dataTypes/exercise/dataPoints/{id}", c.get)
	mux.HandleFunc("GET /v4/users/me/dataTypes/exercise/dataPoints/"+testRouted+":exportExerciseTcx", c.track)
	c.server = httptest.NewServer(mux)
	t.Cleanup(c.server.Close)
	return c
}

func (c *cloud) config() Config {
	return Config{
		ClientID: testClientID, ClientSecret: testClientSecret,
		AuthorizeURL: c.server.URL + "/auth", TokenURL: c.server.URL + "/token", RevokeURL: c.server.URL + "/revoke",
		APIBaseURL: c.server.URL + "/",
		// On a kept connection Go's client repeats a call whose answer is lost, which
		// hides that fault.
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

func (c *cloud) harness() providertest.Harness {
	return providertest.Harness{
		Connector: New(c.config()), Normalizers: Normalizers(), AccountID: testAccount,
		Consent: func(t *testing.T, address string) string { return providertest.Visit(t, address, nil) },
		ConsentTo: func(t *testing.T, address string, scopes []string) string {
			return providertest.Visit(t, address, append([]string{"openid"}, scopes...))
		},
		Add: c.add, Remove: c.remove, Variants: variants, Trials: c.trials,
		Fail: func(_ *testing.T, at providertest.Endpoint, f providertest.Fault) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.faults[at] = f
		},
		Secrets: func() []string {
			c.mu.Lock()
			defer c.mu.Unlock()
			return slices.Clone(c.secrets)
		},
	}
}

func (c *cloud) secret(kind string) string {
	c.serial++
	s := fmt.Sprintf("%s-secret-%06d", kind, c.serial)
	c.secrets = append(c.secrets, s)
	return s
}

func (c *cloud) authorize(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := r.URL.Query()
	if q.Get("client_id") != testClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Has("include_granted_scopes") {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	scope := q.Get("scope")
	if q.Has(providertest.Granted) {
		scope = q.Get(providertest.Granted)
	}
	code := c.secret("code")
	c.codes[code] = consent{q.Get("code_challenge"), q.Get("redirect_uri"), scope, q.Get("access_type") == "offline" && q.Get("prompt") == "consent"}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func (c *cloud) token(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail(w, providertest.TokenEndpoint) {
		return
	}
	if r.PostFormValue("client_id") != testClientID || r.PostFormValue("client_secret") != testClientSecret || r.Header.Get("Authorization") != "" {
		refuseToken(w, http.StatusUnauthorized, "invalid_client", "Unauthorized")
		return
	}
	answer := map[string]any{"expires_in": 3599, "token_type": "Bearer", "scope": strings.Join(DefaultScopes(), " ")}
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		given, ok := c.codes[r.PostFormValue("code")]
		delete(c.codes, r.PostFormValue("code"))
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if !ok || given.redirect != r.PostFormValue("redirect_uri") || given.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
			refuseToken(w, http.StatusBadRequest, "invalid_grant", "Malformed auth code "+r.PostFormValue("code"))
			return
		}
		answer["scope"] = given.scope
		if given.offline {
			refresh := c.secret("refresh")
			c.refresh[refresh], answer["refresh_token"] = true, refresh
		}
	case "refresh_token":
		if !c.refresh[r.PostFormValue("refresh_token")] {
			refuseToken(w, http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked. "+r.PostFormValue("refresh_token"))
			return
		}
	default:
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type")
		return
	}
	access := c.secret("access")
	c.access[access], answer["access_token"] = true, access
	writeJSON(w, http.StatusOK, answer)
}

func (c *cloud) revoke(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	token := r.PostFormValue("token")
	if !c.access[token] && !c.refresh[token] {
		refuseToken(w, http.StatusBadRequest, "invalid_token", "Token expired or revoked "+token)
		return
	}
	clear(c.access)
	clear(c.refresh)
}

// allowed answers a refused access token, and the fault that is due.
func (c *cloud) allowed(w http.ResponseWriter, r *http.Request, at providertest.Endpoint) bool {
	if c.fail(w, at) {
		return false
	}
	if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); !c.access[token] {
		refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "", "Request had invalid authentication credentials: "+token)
		return false
	}
	return true
}

func (c *cloud) identity(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.allowed(w, r, providertest.IdentityEndpoint) {
		writeJSON(w, http.StatusOK, map[string]any{"name": "users/me/identity", "healthUserId": testAccount, "legacyUserId": testLegacy})
	}
}

func (c *cloud) userSettings(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings++
	if c.allowed(w, r, "settings") {
		writeJSON(w, http.StatusOK, map[string]any{"name": "users/me/settings", "timeZone": c.zone, "utcOffset": "7200s"})
	}
}

var onlyFilter = regexp.MustCompile(`^exercise\.interval\.civil_start_time >= "(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)" AND exercise\.interval\.civil_start_time < "(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)"$`)

func (c *cloud) list(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.allowed(w, r, providertest.ListEndpoint) {
		return
	}
	q := r.URL.Query()
	bounds := onlyFilter.FindStringSubmatch(q.Get("filter"))
	if bounds == nil || q.Get("pageSize") != "25" {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_DATA_POINT_FILTER_DATA_TYPE_MEMBER", "bad filter "+q.Get("filter"))
		return
	}
	at, known := c.tokens[q.Get("pageToken")]
	if q.Get("pageToken") != "" && (!known || at.filter != q.Get("filter")) {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "bad page token "+q.Get("pageToken"))
		return
	}
	var found []providertest.Record
	for _, p := range c.points {
		if civil := p.Start.Format(civilForm); civil >= bounds[1] && civil < bounds[2] {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b providertest.Record) int { return b.Start.Compare(a.Start) })
	end := min(at.from+25, len(found))
	empty := at.from == 25 && !at.shown // an empty page with a token (section 3)
	if empty {
		end = at.from
	}
	var texts []string
	for _, p := range found[at.from:end] {
		texts = append(texts, string(p.Raw))
	}
	next := "null"
	if end < len(found) {
		token := fmt.Sprintf("token-%d", len(c.tokens))
		c.tokens[token] = page{q.Get("filter"), end, empty}
		next = strconv.Quote(token)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_, _ = fmt.Fprintf(w, `{"dataPoints": [%s], "nextPageToken": %s}`, strings.Join(texts, " , "), next)
}

func (c *cloud) get(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.allowed(w, r, providertest.GetEndpoint) {
		return
	}
	for _, p := range c.points {
		if p.ExternalID == r.PathValue("id") {
			w.Header().Set("Content-Type", "application/json; charset=UTF-8")
			_, _ = w.Write(append(p.Raw, '\n'))
			return
		}
	}
	refuse(w, http.StatusNotFound, "NOT_FOUND", "RESOURCE_NOT_FOUND", "no such point")
}

// testRouted is the id of the one exercise that has a route.
const testRouted = "5550001112223334445"

func (c *cloud) track(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.allowed(w, r, providertest.GetEndpoint) {
		return
	}
	w.Header().Set("Content-Type", "application/vnd.garmin.tcx+xml")
	_, _ = w.Write([]byte(tcx))
}

// trials are of what the harness adds no records to.
func (*cloud) trials(*testing.T) map[string]providertest.Trial {
	told := func(gps bool) provider.Record {
		raw := fmt.Sprintf(`{"exercise":{"exerciseMetadata":{"hasGps":%t}}}`, gps)
		return provider.Record{Provider: Name, Kind: kindActivity, ExternalID: testRouted, Format: FormatDataPoint, Raw: []byte(raw)}
	}
	return map[string]providertest.Trial{
		kindRoute: {Shape: events.ShapeAttachment, With: told(true), Without: told(false)},
	}
}

// add composes a run where the start's clock is; at a start in UTC, in Rome's summer.
func (c *cloud) add(_ *testing.T, start time.Time, member string) providertest.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	if start.Location() == time.UTC {
		start = start.In(time.FixedZone("", 2*60*60))
	}
	_, offset := start.Zone()
	id := strconv.Itoa(5550001112223000000 + c.serial)
	if member != "" {
		member += ","
	}
	raw := fmt.Sprintf(`{%s"name":"users/%s/dataTypes/exercise/dataPoints/%s", "dataSource":{"recordingMethod":"ACTIVELY_MEASURED","platform":"FITBIT","device":{}},`+
		`"exercise":{"interval":{"startTime":"%s","startUtcOffset":"%ds","endTime":"%s","endUtcOffset":"%[5]ds"},"exerciseType":"RUNNING","displayName":"Run",`+
		`"activeDuration":"1790.500s","metricsSummary":{"caloriesKcal":431,"distanceMillimeters":5500000.0,"steps":"5120","activeZoneMinutes":"0"},"updateTime":"2026-10-03T07:20:40.118Z"}}`,
		member, testAccount, id, start.UTC().Format(time.RFC3339Nano), offset, start.Add(30*time.Minute).UTC().Format(time.RFC3339Nano))
	record := providertest.Record{ExternalID: id, Raw: []byte(raw), Start: start}
	c.points = append(c.points, record)
	return record
}

func (c *cloud) remove(_ *testing.T, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.points = slices.DeleteFunc(c.points, func(p providertest.Record) bool { return p.ExternalID == id })
}

// variants are a record of add as Google may send it another time.
func variants(raw []byte) map[string][]byte {
	replaced := func(pairs ...string) []byte { return []byte(strings.NewReplacer(pairs...).Replace(string(raw))) }
	return map[string][]byte{
		"another language": replaced(`"displayName":"Run"`, `"displayName":"Corsa"`),
		"omitted zeros":    replaced(`,"activeZoneMinutes":"0"`, ``, `,"device":{}`, ``),
		"written zeros":    replaced(`"steps":`, `"elevationGainMillimeters":0,"steps":`),
		"another name":     replaced(`users/`+testAccount, `users/me`),
		"civil times":      replaced(`"endUtcOffset"`, `"civilStartTime":{"date":{"year":2026,"month":5,"day":3},"time":{}},"endUtcOffset"`),
	}
}

func TestConformance(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Harness { return newCloud(t).harness() })
}

// connected is a connector of the cloud with a grant.
func (c *cloud) connected(t *testing.T) (*provider.Connector, provider.Grant) {
	t.Helper()
	connector := New(c.config())
	sum := sha256.Sum256([]byte("v"))
	code := providertest.Visit(t, connector.Authorizer.AuthorizeURL(provider.AuthorizeRequest{
		RedirectURI: "http://localhost/callback", State: "s", CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:]),
	}), nil)
	grant, err := connector.Authorizer.Exchange(t.Context(), provider.Secret(code), "v", "http://localhost/callback")
	if err != nil {
		t.Fatal(err)
	}
	return connector, grant
}
