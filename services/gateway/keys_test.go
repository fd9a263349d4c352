package gateway_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

// keysFixture is a gateway with two people, each with a workout and an import, and every route.
type keysFixture struct {
	*routesFixture
	other             uuid.UUID
	workouts, imports map[uuid.UUID]uuid.UUID // by person
}

func newKeysFixture(t *testing.T) *keysFixture {
	d := &keysFixture{routesFixture: newRoutesFixture(t), workouts: map[uuid.UUID]uuid.UUID{}, imports: map[uuid.UUID]uuid.UUID{}}
	d.other = d.User()
	d.Connection(d.other, "fitbit", "active")
	for _, user := range []uuid.UUID{d.user, d.other} {
		d.workouts[user], d.imports[user] = uuid.New(), uuid.New()
		d.Exec(`INSERT INTO projector.workouts (id, user_id, start_time, doc, details) VALUES ($1, $2, now(), $3, '{}')`,
			d.workouts[user], user, `{"id":"`+d.workouts[user].String()+`"}`)
		d.Exec(`INSERT INTO poller.imports (import_id, user_id, provider, kind, requested_at) VALUES ($1, $2, 'fitbit', 'fitbit-export', now())`, d.imports[user], user)
	}
	return d
}

// request is a route as it concerns a person: all that it names is theirs. Keys and
// erasures are unknown ones, and so is the person where they would be erased.
func (d *keysFixture) request(o openapi.Operation, user uuid.UUID) gatewaytest.Request {
	if o.ID == "deleteUser" && user == d.user {
		user = uuid.New()
	}
	path := strings.NewReplacer("{user_id}", user.String(), "{provider}", "fitbit", "{workout_id}", d.workouts[user].String(),
		"{import_id}", d.imports[user].String(), "{sync_id}", uuid.NewString(), "{key_id}", uuid.NewString(), "{erasure_id}", uuid.NewString()).Replace(o.Path)
	r := gatewaytest.Request{Method: o.Method, Path: path}
	for _, p := range o.Parameters {
		if p.In == "query" && p.Name == "user_id" {
			r.Path += "?redirect_uri=http://localhost:3000/connected&user_id=" + user.String()
		}
	}
	if o.Body != nil {
		r.Body = string(o.Body.Example)
	}
	if len(o.Uploads) > 0 {
		r.Body, r.Header = "archive", map[string]string{"Content-Type": "application/zip"}
	}
	return r
}

func (d *keysFixture) with(r gatewaytest.Request, key string) gatewaytest.Answer {
	header := map[string]string{"Authorization": "Bearer " + key}
	for name, value := range r.Header {
		header[name] = value
	}
	r.Header = header
	return d.Do(r)
}

type madeKey struct{ ID, Key, Token string }

// key makes a key by the API: members of its body beside the name.
func (d *keysFixture) key(members string) (k madeKey) {
	d.Call(http.MethodPost, "/api/v1/keys", `{"name":"test",`+members+`}`, http.StatusCreated, &k)
	return k
}

func (d *keysFixture) secured() (list []openapi.Operation) {
	for _, o := range d.routes {
		if !o.Public {
			list = append(list, o)
		}
	}
	return list
}

func bound(users ...uuid.UUID) string {
	text, err := json.Marshal(users)
	if err != nil {
		panic(err)
	}
	return `,"user_ids":` + string(text)
}

func TestEveryRouteNeedsItsScope(t *testing.T) {
	d := newKeysFixture(t)
	scopes := apikey.Scopes()
	counted := map[int]int{}
	for _, o := range d.secured() {
		r := d.request(o, d.user)
		r.NoKey = true
		checkProblem(t, o.ID+" without a key", d.Do(r), http.StatusUnauthorized, "unauthorized")
		for _, scope := range scopes {
			members := `"scopes":["` + string(scope) + `"]`
			if scope == apikey.Push || scope == apikey.Connect {
				members += bound(d.user)
			}
			a := d.with(d.request(o, d.user), d.key(members).Key)
			allowed := string(scope) == o.Scope || scope == apikey.Admin
			counted[a.Status]++
			switch {
			case o.ID == "issueToken" && scope == apikey.Write:
				// The route is open to it, but it cannot give the scope of the example.
				if !strings.Contains(string(a.Body), "cannot give it to a token") {
					t.Errorf("%s with %s answers %s", o.ID, scope, a.Body)
				}
			case allowed && (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden):
				t.Errorf("%s refuses the scope %s: %d %s", o.ID, scope, a.Status, a.Body)
			case !allowed:
				checkProblem(t, o.ID+" with "+string(scope), a, http.StatusForbidden, "forbidden")
				if !strings.Contains(string(a.Body), "lacks the scope "+o.Scope) {
					t.Errorf("%s does not name the scope %s: %s", o.ID, o.Scope, a.Body)
				}
			}
		}
	}
	if counted[http.StatusForbidden] < 5*len(d.secured()) || counted[http.StatusOK] == 0 {
		t.Errorf("the answers are %v", counted)
	}
}

func TestABoundKeyReachesItsPeopleAndNothingElse(t *testing.T) {
	d := newKeysFixture(t)
	all := `"scopes":["read","location","write","connect","push","events"]`
	key := d.key(all + bound(d.user)).Key
	var token madeKey
	d.Call(http.MethodPost, "/api/v1/users/"+d.user.String()+"/tokens", `{"scopes":["read","location","connect"]}`, http.StatusCreated, &token)
	reached, hidden := 0, 0
	for _, o := range d.secured() {
		if o.Scope == string(apikey.Admin) {
			continue
		}
		for kind, secret := range map[string]string{"key": key, "token": token.Token} {
			if kind == "token" && o.Scope == string(apikey.Write) {
				continue
			}
			what := o.ID + " with a " + kind
			names := strings.Contains(o.Path, "{user_id}") || strings.Contains(o.Path, "{workout_id}") || strings.Contains(o.Path, "{import_id}") || o.ID == "authorize"
			own, other := d.with(d.request(o, d.user), secret), d.with(d.request(o, d.other), secret)
			switch {
			case names:
				hidden++
				checkProblem(t, what+" of another", other, http.StatusNotFound, "not_found")
				if own.Status == http.StatusForbidden || own.Status == http.StatusUnauthorized {
					t.Errorf("%s of its own person answers %d: %s", what, own.Status, own.Body)
				}
			case o.BoundKeys:
				if own.Status != http.StatusOK || strings.Contains(string(own.Body), d.other.String()) {
					t.Errorf("%s answers %d: %s", what, own.Status, own.Body)
				}
			default:
				checkProblem(t, what, own, http.StatusForbidden, "forbidden")
			}
			if own.Status == http.StatusOK && strings.Contains(string(own.Body), d.user.String()) {
				reached++
			}
		}
	}
	if reached < 3 || hidden < 20 {
		t.Errorf("%d answers name the person and %d hide another", reached, hidden)
	}
	var list struct{ Items []struct{ ID uuid.UUID } }
	a := d.with(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users"}, key)
	if err := json.Unmarshal(a.Body, &list); err != nil || len(list.Items) != 1 || list.Items[0].ID != d.user {
		t.Errorf("the list of users is %s", a.Body)
	}
}

func TestKeysThatCannotBeMade(t *testing.T) {
	d := newKeysFixture(t)
	for body, says := range map[string]string{
		`{"name":"x","scopes":[]}`:                                           "at least 1",
		`{"name":"x"}`:                                                       "scopes: is required",
		`{"name":"x","scopes":["root"]}`:                                     "must be one of",
		`{"name":"x","scopes":"read"}`:                                       "must be an array",
		`{"name":"x","scopes":["push"]}`:                                     "must be bound",
		`{"name":"x","scopes":["connect"]}`:                                  "must be bound",
		`{"name":"x","scopes":["admin"]` + bound(d.user) + `}`:               "cannot be bound",
		`{"name":"x","scopes":["read"]` + bound(uuid.New()) + `}`:            "does not exist",
		`{"name":"x","scopes":["read"],"user_ids":["me"]}`:                   "must be a UUID",
		`{"name":"x","scopes":["read"],"expires_at":"2020-01-01T00:00:00Z"}`: "not in the future",
		`{"name":"x","scopes":["read"],"expires_at":"tomorrow"}`:             "must be an instant",
		`{"name":"x","scopes":["read"],"requests_per_minute":0}`:             "at least 1",
		`{"name":"x","scopes":["read"],"requests_per_minute":"9"}`:           "whole number",
	} {
		a := d.Do(gatewaytest.Request{Method: http.MethodPost, Path: "/api/v1/keys", Body: body})
		checkProblem(t, body, a, http.StatusBadRequest, "invalid_request")
		if !strings.Contains(string(a.Body), says) {
			t.Errorf("%s: %s does not say %q", body, a.Body, says)
		}
	}
	var list struct{ Data []any }
	d.Call(http.MethodGet, "/api/v1/keys", "", http.StatusOK, &list)
	if len(list.Data) != 0 {
		t.Errorf("%d keys were made", len(list.Data))
	}
}

func TestAKeyIsRotatedWithAnOverlapAndEnds(t *testing.T) {
	d := newKeysFixture(t)
	k := d.key(`"scopes":["read"]`)
	status := func(secret string) int {
		return d.with(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users"}, secret).Status
	}
	check := func(what string, want int, secrets ...string) {
		t.Helper()
		for _, secret := range secrets {
			if got := status(secret); got != want {
				t.Errorf("%s: a secret answers %d, want %d", what, got, want)
			}
		}
	}
	check("made", http.StatusOK, k.Key)
	var second, third madeKey
	d.Call(http.MethodPost, "/api/v1/keys/"+k.ID+"/rotate", `{"overlap_seconds":3600}`, http.StatusOK, &second)
	check("rotated", http.StatusOK, k.Key, second.Key)
	d.Call(http.MethodPost, "/api/v1/keys/"+k.ID+"/rotate", `{"overlap_seconds":0}`, http.StatusOK, &third)
	check("rotated without overlap", http.StatusUnauthorized, k.Key, second.Key)
	check("rotated without overlap", http.StatusOK, third.Key)
	// The end of an overlap needs nobody who ends it.
	d.Call(http.MethodPost, "/api/v1/keys/"+k.ID+"/rotate", `{"overlap_seconds":1}`, http.StatusOK, &second)
	d.Await("the overlap ends", func() bool { return status(third.Key) == http.StatusUnauthorized })
	check("after the overlap", http.StatusOK, second.Key)

	d.Call(http.MethodDelete, "/api/v1/keys/"+k.ID, "", http.StatusNoContent, nil)
	check("ended", http.StatusUnauthorized, second.Key)
	d.Call(http.MethodDelete, "/api/v1/keys/"+k.ID, "", http.StatusNotFound, nil)

	soon := time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano)
	expiring := d.key(`"scopes":["read"],"expires_at":"` + soon + `"`)
	d.Await("the key expires", func() bool { return status(expiring.Key) == http.StatusUnauthorized })
}

func TestAnotherGatewayForgetsAKeyAtOnce(t *testing.T) {
	d := newKeysFixture(t)
	k := d.key(`"scopes":["read"]`)
	first := d.URL
	c := d.Config()
	d.Start(c)
	second := d.URL
	ask := func(url string) int {
		d.URL = url
		return d.with(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users"}, k.Key).Status
	}
	if a, b := ask(first), ask(second); a != http.StatusOK || b != http.StatusOK {
		t.Fatalf("the key answers %d and %d", a, b)
	}
	began := time.Now()
	d.URL = first
	d.Call(http.MethodDelete, "/api/v1/keys/"+k.ID, "", http.StatusNoContent, nil)
	d.Await("the other gateway refuses the key", func() bool { return ask(second) == http.StatusUnauthorized })
	t.Logf("after %v", time.Since(began))
}

func TestATokenEndsWithItsKeyAndGivesNothingThatTheKeyLacks(t *testing.T) {
	d := newKeysFixture(t)
	k := d.key(`"scopes":["read","write"]`)
	issue := func(body string) gatewaytest.Answer {
		return d.with(gatewaytest.Request{Method: http.MethodPost, Path: "/api/v1/users/" + d.user.String() + "/tokens", Body: body}, k.Key)
	}
	checkProblem(t, "a scope that the key lacks", issue(`{"scopes":["location"]}`), http.StatusForbidden, "forbidden")
	checkProblem(t, "a scope that no token has", issue(`{"scopes":["write"]}`), http.StatusBadRequest, "invalid_request")
	checkProblem(t, "a token of a week", issue(`{"scopes":["read"],"expires_in":604800}`), http.StatusBadRequest, "invalid_request")
	var token struct{ Token string }
	if err := json.Unmarshal(issue(`{"scopes":["read"],"expires_in":86400}`).Body, &token); err != nil {
		t.Fatal(err)
	}
	ask := func() int {
		return d.with(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users/" + d.user.String()}, token.Token).Status
	}
	if got := ask(); got != http.StatusOK {
		t.Fatalf("the token answers %d", got)
	}
	d.Call(http.MethodDelete, "/api/v1/keys/"+k.ID, "", http.StatusNoContent, nil)
	if got := ask(); got != http.StatusUnauthorized {
		t.Errorf("the token of an ended key answers %d", got)
	}
}

func TestAKeyMaySendItsLimitAndIsToldHowItStands(t *testing.T) {
	d := newKeysFixture(t)
	k := d.key(`"scopes":["read"],"requests_per_minute":3`)
	ask := func() gatewaytest.Answer {
		return d.with(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users"}, k.Key)
	}
	for left := 2; left >= 0; left-- {
		a := ask()
		if a.Status != http.StatusOK || a.Header.Get("RateLimit-Policy") != `"requests";q=3;w=60` || !strings.HasPrefix(a.Header.Get("RateLimit"), `"requests";r=`+strconv.Itoa(left)+`;t=`) {
			t.Errorf("with %d left: %d, %q, %q", left, a.Status, a.Header.Get("RateLimit-Policy"), a.Header.Get("RateLimit"))
		}
	}
	a := ask()
	checkProblem(t, "one too many", a, http.StatusTooManyRequests, "too_many_requests")
	if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 || n > 60 {
		t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
	}
	lacking := d.key(`"scopes":["read"],"requests_per_minute":1`)
	refused := gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/keys"}
	if a := d.with(refused, lacking.Key); a.Status != http.StatusForbidden || !strings.HasPrefix(a.Header.Get("RateLimit"), `"requests";r=0;t=`) {
		t.Errorf("a key without the scope: %d, RateLimit %q", a.Status, a.Header.Get("RateLimit"))
	}
	checkProblem(t, "one too many without the scope", d.with(refused, lacking.Key), http.StatusTooManyRequests, "too_many_requests")
	if a := d.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users"}); a.Status != http.StatusOK || a.Header.Get("RateLimit") != "" {
		t.Errorf("the configured key answers %d with RateLimit %q", a.Status, a.Header.Get("RateLimit"))
	}
}

type auditRecord struct {
	Actor, Action                               string
	KeyID, KeyName, UserID, ErasureID, ObjectID *string
	Status                                      *int
}

func (r auditRecord) String() string {
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	status := 0
	if r.Status != nil {
		status = *r.Status
	}
	return strings.Join([]string{r.Actor, text(r.KeyName), r.Action, text(r.UserID), text(r.ErasureID), text(r.ObjectID), strconv.Itoa(status)}, " ")
}

func (d *keysFixture) audit(t *testing.T) (all []auditRecord) {
	t.Helper()
	next := ""
	for {
		var page struct {
			Data []struct {
				auditRecord
				KeyID     *string `json:"key_id"`
				KeyName   *string `json:"key_name"`
				UserID    *string `json:"user_id"`
				ErasureID *string `json:"erasure_id"`
				ObjectID  *string `json:"object_id"`
			}
			Pagination struct {
				NextCursor *string `json:"next_cursor"`
				TotalCount int     `json:"total_count"`
			}
		}
		d.Call(http.MethodGet, "/api/v1/audit?limit=2"+next, "", http.StatusOK, &page)
		for _, r := range page.Data {
			one := r.auditRecord
			one.KeyID, one.KeyName, one.UserID, one.ErasureID, one.ObjectID = r.KeyID, r.KeyName, r.UserID, r.ErasureID, r.ObjectID
			all = append(all, one)
		}
		if page.Pagination.NextCursor == nil {
			if len(all) != page.Pagination.TotalCount {
				t.Errorf("%d records, counted %d", len(all), page.Pagination.TotalCount)
			}
			return all
		}
		next = "&cursor=" + *page.Pagination.NextCursor
	}
}

func TestTheAuditSaysWhoDidWhatAndForgetsWhoIsErased(t *testing.T) {
	d := newKeysFixture(t)
	k := d.key(`"scopes":["write","read"]`)
	own := d.key(`"scopes":["read"]` + bound(d.user))
	shared := d.key(`"scopes":["read"]` + bound(d.user, d.other))
	u := "/api/v1/users/" + d.user.String()
	d.with(gatewaytest.Request{Method: http.MethodPatch, Path: u, Body: `{"first_name":"Ada"}`}, k.Key)
	d.with(gatewaytest.Request{Method: http.MethodDelete, Path: u}, k.Key) // refused: no audit, no change
	d.with(gatewaytest.Request{Method: http.MethodPatch, Path: "/api/v1/users/" + uuid.NewString(), Body: `{"first_name":"Ada"}`}, k.Key)
	var user struct{ ID string }
	d.Call(http.MethodPost, "/api/v1/users", `{"first_name":"Eve"}`, http.StatusCreated, &user)
	var token struct{ Token string }
	d.Call(http.MethodPost, u+"/tokens", `{"scopes":["read"]}`, http.StatusCreated, &token)
	d.Call(http.MethodDelete, u+"/connections/fitbit", "", http.StatusOK, nil)
	before := d.audit(t)
	want := []string{
		"configured - connection.ended " + d.user.String() + " - fitbit 200",
		"configured - token.issued " + d.user.String() + " - * 201",
		"configured - user.created " + user.ID + " - - 201",
		"key test user.updated - - - 404",
		"key test user.updated " + d.user.String() + " - - 200",
		"configured - key.created - - " + shared.ID + " 201",
		"configured - key.created - - " + own.ID + " 201",
		"configured - key.created - - " + k.ID + " 201",
	}
	if len(before) != len(want) {
		t.Fatalf("%d records: %v", len(before), before)
	}
	for i, r := range before {
		got := r.String()
		if r.Action == "token.issued" && r.ObjectID != nil {
			got = strings.Replace(got, *r.ObjectID, "*", 1)
		}
		if got != want[i] {
			t.Errorf("record %d is %q, want %q", i, got, want[i])
		}
	}

	var erasure struct {
		ID string `json:"erasure_id"`
	}
	d.Call(http.MethodDelete, u, "", http.StatusAccepted, &erasure)
	for secret, status := range map[string]int{own.Key: http.StatusUnauthorized, token.Token: http.StatusUnauthorized, shared.Key: http.StatusOK} {
		if a := d.with(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users"}, secret); a.Status != status || strings.Contains(string(a.Body), d.user.String()) {
			t.Errorf("a key of an erased person answers %d, want %d: %s", a.Status, status, a.Body)
		}
	}
	named, replaced := 0, 0
	for _, r := range d.audit(t) {
		if r.UserID != nil && *r.UserID == d.user.String() {
			named++
		}
		if r.ErasureID != nil && *r.ErasureID == erasure.ID {
			replaced++
		}
	}
	if named != 0 || replaced != 4 {
		t.Errorf("%d records name the erased person and %d the erasure", named, replaced)
	}
}
