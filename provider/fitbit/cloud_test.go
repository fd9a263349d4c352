package fitbit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/providertest"
)

const (
	testClientID     = "23BKXP"
	testClientSecret = "client-secret-of-the-test-cloud"
	testAccount      = "7XQ2LM"
)

// cloud is as much of Fitbit as the connector's tests need, strict where
// Fitbit is: one use of each refresh token, PKCE, the rules of the list.
type cloud struct {
	server *httptest.Server

	mu      sync.Mutex
	serial  int
	codes   map[string]consent
	access  map[string]bool
	refresh map[string]bool
	secrets []string
	entries []providertest.Record
	faults  map[providertest.Endpoint]providertest.Fault
	seen    []*http.Request // of the list
}

type consent struct{ challenge, redirect, scope string }

func newCloud(t *testing.T) *cloud {
	c := &cloud{
		codes: map[string]consent{}, access: map[string]bool{}, refresh: map[string]bool{},
		faults: map[providertest.Endpoint]providertest.Fault{}, secrets: []string{testClientSecret},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /oauth2/authorize", c.authorize)
	mux.HandleFunc("POST /oauth2/token", c.token)
	mux.HandleFunc("POST /oauth2/revoke", c.revoke)
	mux.HandleFunc("GET "+listPath, c.list)
	c.server = httptest.NewServer(mux)
	t.Cleanup(c.server.Close)
	return c
}

// connector calls the cloud on a new connection each time: on a kept one Go's
// client repeats a call whose connection is lost, which hides that fault.
func (c *cloud) connector() *provider.Connector {
	return New(Config{
		ClientID: testClientID, ClientSecret: testClientSecret,
		AuthorizeURL: c.server.URL + "/oauth2/authorize", APIBaseURL: c.server.URL + "/",
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
}

func (c *cloud) harness() providertest.Harness {
	return providertest.Harness{
		Connector: c.connector(), Normalizers: Normalizers(), AccountID: testAccount,
		Consent:   func(t *testing.T, address string) string { return providertest.Visit(t, address, nil) },
		ConsentTo: providertest.Visit, Add: c.add, Variants: variants,
		Lacks: []providertest.Fault{providertest.FaultNotAdmitted, providertest.FaultNotLinked},
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
	if q.Get("client_id") != testClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	scope := q.Get("scope")
	if q.Has(providertest.Granted) {
		scope = q.Get(providertest.Granted)
	}
	code := c.secret("code")
	c.codes[code] = consent{q.Get("code_challenge"), q.Get("redirect_uri"), scope}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func (c *cloud) token(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail(w, providertest.TokenEndpoint) {
		return
	}
	if id, secret, ok := r.BasicAuth(); !ok || id != testClientID || secret != testClientSecret {
		refuse(w, http.StatusUnauthorized, "invalid_client", "Invalid authorization header")
		return
	}
	scope := "sleep activity heartrate profile"
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		given, ok := c.codes[r.PostFormValue("code")]
		delete(c.codes, r.PostFormValue("code"))
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if !ok || given.redirect != r.PostFormValue("redirect_uri") || given.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
			refuse(w, http.StatusBadRequest, "invalid_grant", "Authorization code invalid: "+r.PostFormValue("code")+" "+r.PostFormValue("code_verifier"))
			return
		}
		scope = given.scope
	case "refresh_token":
		if !c.refresh[r.PostFormValue("refresh_token")] {
			refuse(w, http.StatusBadRequest, "invalid_grant", "Refresh token invalid: "+r.PostFormValue("refresh_token"))
			return
		}
		delete(c.refresh, r.PostFormValue("refresh_token"))
	default:
		refuse(w, http.StatusBadRequest, "invalid_request", "grant_type")
		return
	}
	access, refresh := c.secret("access"), c.secret("refresh")
	c.access[access], c.refresh[refresh] = true, true
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": access, "refresh_token": refresh, "expires_in": 28800, "scope": scope, "token_type": "Bearer", "user_id": testAccount,
	})
}

func (c *cloud) revoke(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, secret, ok := r.BasicAuth(); !ok || id != testClientID || secret != testClientSecret {
		refuse(w, http.StatusUnauthorized, "invalid_client", "Invalid authorization header")
		return
	}
	token := r.PostFormValue("token")
	if !c.access[token] && !c.refresh[token] {
		refuse(w, http.StatusBadRequest, "invalid_token", "Token invalid: "+token)
		return
	}
	clear(c.access)
	clear(c.refresh)
}

func (c *cloud) list(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, r.Clone(r.Context()))
	w.Header().Set("Fitbit-Rate-Limit-Limit", "150")
	w.Header().Set("Fitbit-Rate-Limit-Remaining", strconv.Itoa(150-len(c.seen)))
	w.Header().Set("Fitbit-Rate-Limit-Reset", "2216")
	if c.fail(w, providertest.ListEndpoint) {
		return
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !c.access[token] {
		refuse(w, http.StatusUnauthorized, "invalid_token", "Access token invalid: "+token)
		return
	}
	q := r.URL.Query()
	before := q.Get("beforeDate")
	limit, errLimit := strconv.Atoi(q.Get("limit"))
	offset, errOffset := strconv.Atoi(q.Get("offset"))
	if before == "" || q.Get("sort") != "desc" || errLimit != nil || limit > 100 || errOffset != nil {
		refuse(w, http.StatusBadRequest, "validation", "sort, limit, offset and one date are required")
		return
	}
	var found []providertest.Record
	for _, e := range c.entries {
		if e.Start.Format(time.DateOnly) < before {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b providertest.Record) int { return b.Start.Compare(a.Start) })
	next := ""
	page := found[min(offset, len(found)):min(offset+limit, len(found))]
	if offset+limit < len(found) {
		next = fmt.Sprintf("%s%s?offset=%d&limit=%d&sort=desc&beforeDate=%s", c.server.URL, listPath, offset+limit, limit, before)
	}
	var texts []string
	for _, e := range page {
		texts = append(texts, string(e.Raw))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = fmt.Fprintf(w, `{"activities":[%s],"pagination":{"beforeDate":%q,"limit":%d,"next":%q,"offset":%d,"previous":"","sort":"desc"}}`,
		strings.Join(texts, " , "), before, limit, next, offset)
}

// add composes a run where the start's clock is; at a start in UTC, in Rome's summer.
func (c *cloud) add(_ *testing.T, start time.Time, member string) providertest.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	local := start
	if start.Location() == time.UTC {
		local = start.In(time.FixedZone("", 2*60*60))
	}
	id := strconv.Itoa(2471190346655000000 + c.serial)
	if member != "" {
		member += ","
	}
	raw := fmt.Sprintf(`{%s"logId":%s,"activityTypeId":90009, "activityName":"Run","startTime":"%s","duration":1800000,"distance":5.50,"distanceUnit":"Kilometer"}`,
		member, id, local.Format("2006-01-02T15:04:05.000Z07:00"))
	record := providertest.Record{ExternalID: id, Raw: []byte(raw), Start: local}
	c.entries = append(c.entries, record)
	return record
}

// fail answers with the fault that is due, if one is. Its texts hold a secret.
func (c *cloud) fail(w http.ResponseWriter, at providertest.Endpoint) bool {
	fault, due := c.faults[at]
	delete(c.faults, at)
	if !due {
		return false
	}
	planted := c.secret("planted")
	switch fault {
	case providertest.FaultRateLimited:
		w.Header().Set("Retry-After", "60")
		refuse(w, http.StatusTooManyRequests, "system", "Too Many Requests "+planted)
	case providertest.FaultRateLimitedMute:
		clear(w.Header())
		refuse(w, http.StatusTooManyRequests, "system", "Too Many Requests "+planted)
	case providertest.FaultBadRequest:
		refuse(w, http.StatusBadRequest, "validation", "Invalid "+planted)
	case providertest.FaultNotFoundPage:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<html>"+planted)
	case providertest.FaultUnavailable:
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>"+planted)
	case providertest.FaultHTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>access_token "+planted+"</html>")
	case providertest.FaultTruncated:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"activities":[],"access_token":"`+planted)
	case providertest.FaultGone:
		w.WriteHeader(http.StatusGone)
	case providertest.FaultConflict:
		refuse(w, http.StatusConflict, "request", "Several requests with "+planted)
	case providertest.FaultInvalidClient:
		refuse(w, http.StatusUnauthorized, "invalid_client", "Invalid client "+planted)
	case providertest.FaultInvalidGrant:
		refuse(w, http.StatusBadRequest, "invalid_grant", "Refresh token invalid: "+planted)
	case providertest.FaultUnauthorized:
		refuse(w, http.StatusUnauthorized, "expired_token", "Access token expired: "+planted)
	case providertest.FaultInsufficientScope:
		refuse(w, http.StatusForbidden, "insufficient_scope", "This application does not have permission: "+planted)
	case providertest.FaultConnectionLost:
		panic(http.ErrAbortHandler)
	}
	return true
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	writeJSON(w, status, map[string]any{
		"errors": []any{map[string]any{"errorType": errorType, "fieldName": "n/a", "message": message}}, "success": false,
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// variants are a record of add as Fitbit may send it another time.
func variants(raw []byte) map[string][]byte {
	replaced := func(pairs ...string) []byte { return []byte(strings.NewReplacer(pairs...).Replace(string(raw))) }
	return map[string][]byte{
		"another language": replaced(`"activityName":"Run"`, `"activityName":"Corsa"`),
		"links":            replaced(`"distance":`, `"tcxLink":"https://www.fitbit.com/1.tcx","caloriesLink":"https://api.fitbit.com/1.json","distance":`),
	}
}

func TestConformance(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Harness { return newCloud(t).harness() })
}
