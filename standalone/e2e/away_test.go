package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// needNoDatabase are the routes that answer without one.
var needNoDatabase = map[string]bool{ //nolint:gochecknoglobals // a constant table
	"GET /healthz": true, "GET /metrics": true, "GET /openapi.json": true, "GET /asyncapi.json": true, "GET /schemas/{name}": true, "GET /docs": true,
	"GET /api/v1/dead-letters":    true, // they are in NATS
	"GET /api/v1/oauth/providers": true, // they are configured
	"GET /connected":              true, // its query says how a consent ended
	// Nobody has set up Fitbit's.
	"GET /api/v1/providers/{provider}/notifications": true, "POST /api/v1/providers/{provider}/notifications": true,
}

// routeCall is a request that is right for a route.
type routeCall struct {
	method, path, body, contentType string
	query                           url.Values
}

// routeCalls makes a request for each route of the document.
func routeCalls(t *testing.T, c *client.Client, userID string) map[string]routeCall {
	t.Helper()
	status, text := get(deadline(t), t, c, "/openapi.json")
	var document struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil || status != http.StatusOK {
		t.Fatalf("the document: %d, %v", status, err)
	}
	calls := map[string]routeCall{}
	for path, methods := range document.Paths {
		full := strings.NewReplacer("{user_id}", userID, "{provider}", "fitbit", "{name}", "stridelog.sync.requested.v1.json",
			"{sync_id}", uuid.NewString(), "{workout_id}", uuid.NewString(), "{erasure_id}", uuid.NewString(), "{import_id}", uuid.NewString(), "{key_id}", uuid.NewString()).Replace(path)
		if strings.Contains(full, "{") {
			t.Fatalf("%s has a parameter that this test does not know", path)
		}
		for method := range methods {
			if method == "parameters" {
				continue
			}
			call := routeCall{method: strings.ToUpper(method), path: full, query: url.Values{}}
			switch name := call.method + " " + path; name {
			case "POST /api/v1/users", "PATCH /api/v1/users/{user_id}":
				call.body, call.contentType = `{"first_name":"Ada"}`, "application/json"
			case "POST /api/v1/keys":
				call.body, call.contentType = `{"name":"dashboard","scopes":["read"]}`, "application/json"
			case "POST /api/v1/users/{user_id}/tokens":
				call.body, call.contentType = `{"scopes":["read"]}`, "application/json"
			case "POST /api/v1/keys/{key_id}/rotate":
				call.body, call.contentType = `{"overlap_seconds":0}`, "application/json"
			case "POST /api/v1/providers/{provider}/notifications":
				call.body, call.contentType = `{}`, "application/json"
			case "POST /api/v1/users/{user_id}/imports":
				call.body, call.contentType = "PK\x05\x06"+strings.Repeat("\x00", 18), "application/zip"
				call.query.Set("kind", "fitbit-export")
			case "GET /api/v1/oauth/{provider}/authorize":
				call.query.Set("user_id", userID)
				call.query.Set("redirect_uri", appURL)
			case "GET /api/v1/oauth/{provider}/callback":
				call.query.Set("state", "a-state")
				call.query.Set("code", "a-code")
			case "GET /api/v1/users/{user_id}/events/workouts":
				call.query.Set("start_date", "2026-01-01")
				call.query.Set("end_date", "2026-12-31")
			}
			calls[call.method+" "+path] = call
		}
	}
	return calls
}

// routeAnswer is what came back.
type routeAnswer struct {
	status int
	header http.Header
	body   []byte
}

func (call routeCall) do(t *testing.T, base, key string) routeAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(deadline(t), call.method, base+call.path+"?"+call.query.Encode(), strings.NewReader(call.body))
	if err != nil {
		t.Fatal(err)
	}
	if call.contentType != "" {
		req.Header.Set("Content-Type", call.contentType)
	}
	req.Header.Set("X-API-Key", key)
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", call.method, call.path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return routeAnswer{resp.StatusCode, resp.Header, body}
}

// The database is stopped under a whole system, and comes back. Meanwhile every route
// says so, in one way, and so do readiness, metrics and log; nothing has to be started
// again.
func TestADatabaseAwayIsToldOnEveryRoute(t *testing.T) {
	t.Parallel()
	w, postgres := newWorld(t), startPostgres(t)
	w.databaseURL = postgres.url()
	out := newOutput()
	in := w.startWith(t, installation.Options{
		Log:    slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelInfo})),
		Change: func(c *config.Config) { c.AdminKey = installation.AdminKey },
	})
	user := w.connect(t, in.Client, w.people[0])
	calls := routeCalls(t, in.Client, user.ID)
	if len(calls) < 25 {
		t.Fatalf("the document has only %d routes", len(calls))
	}

	postgres.kill(t)
	for name, call := range calls {
		// With the admin key, which needs no database, and with one that only it knows.
		for _, key := range []string{installation.AdminKey, "sl_a-key-that-is-in-the-database-alone"} {
			got := call.do(t, in.Client.BaseURL, key)
			if needNoDatabase[name] && got.status < http.StatusInternalServerError {
				continue
			}
			if needNoDatabase[name] && key == installation.AdminKey {
				t.Errorf("%s needs no database and answers %d %s", name, got.status, got.body)
			}
			checkUnavailable(t, name, got)
		}
	}
	_, ready := get(deadline(t), t, in.Client, "/readyz?verbose")
	var report struct {
		Checks map[string]string `json:"checks"`
	}
	if err := json.Unmarshal([]byte(ready), &report); err != nil || report.Checks["database"] != "does not answer" || report.Checks["nats"] != "ok" || report.Checks["log"] != "ok" || report.Checks["consumers"] != "ok" {
		t.Errorf("/readyz?verbose says %s (%v)", ready, err)
	}
	if _, metrics := get(deadline(t), t, in.Client, "/metrics"); !strings.Contains(metrics, `stridelog_check_ok{check="database"} 0`) || !strings.Contains(metrics, `stridelog_check_ok{check="nats"} 1`) {
		t.Error("the metrics do not tell of the database")
	}

	postgres.start(t)
	ctx := deadline(t)
	for status := 0; status != http.StatusOK; {
		status, ready = get(ctx, t, in.Client, "/readyz")
		wait(t, ctx, "readiness: %s", ready)
	}
	if _, metrics := get(ctx, t, in.Client, "/metrics"); !strings.Contains(metrics, `stridelog_check_ok{check="database"} 1`) {
		t.Error("the metrics do not tell that the database is back")
	}
	w.verify(t, in.Client, w.connect(t, in.Client, w.people[1]), w.people[1])
	text, _ := out.read()
	for _, want := range []string{`msg="not ready"`, "database does not answer", `msg="ready again"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log does not have %s", want)
		}
	}
}

// NATS is stopped under a whole system, and comes back. A route answers without it or
// says that it cannot; none fails.
func TestNATSAwayIsToldOnEveryRoute(t *testing.T) {
	t.Parallel()
	nats := startNATS(t)
	w := &world{databaseURL: postgrestest.URL(t), natsURL: nats.url()}
	w.addFourPeople(t)
	in := w.start(t)
	user := w.connect(t, in.Client, w.people[0])
	list := w.workouts(t, in.Client, user, w.people[0])
	workout := ""
	for _, one := range list {
		workout = workoutID(t, one)
	}
	calls := routeCalls(t, in.Client, user.ID)
	for _, of := range []string{"", "/raw", "/tcx", "/history"} { // one that there is
		call := calls["GET /api/v1/workouts/{workout_id}"+of]
		call.path = "/api/v1/workouts/" + workout + of
		calls["GET /api/v1/workouts/{workout_id}"+of] = call
	}

	nats.kill()
	delete(calls, "DELETE /api/v1/users/{user_id}") // it is accepted, and would change the answers of the others
	refused := map[string]bool{}
	for name, call := range calls {
		got := call.do(t, in.Client.BaseURL, installation.AdminKey)
		if refused[name] = got.status >= http.StatusInternalServerError; refused[name] {
			checkUnavailable(t, name, got)
		}
	}
	for name, want := range map[string]bool{
		"GET /readyz": true, "POST /api/v1/providers/{provider}/users/{user_id}/sync": true, "GET /api/v1/workouts/{workout_id}/raw": true,
		"GET /api/v1/oauth/{provider}/authorize": true, "GET /api/v1/dead-letters": true,
		"GET /api/v1/users": false, "GET /api/v1/users/{user_id}/events/workouts": false, "GET /api/v1/workouts/{workout_id}": false, "GET /metrics": false,
	} {
		if refused[name] != want {
			t.Errorf("%s is refused: %v, want %v", name, refused[name], want)
		}
	}
	if _, metrics := get(deadline(t), t, in.Client, "/metrics"); !strings.Contains(metrics, `stridelog_check_ok{check="nats"} 0`) || !strings.Contains(metrics, `stridelog_check_ok{check="database"} 1`) {
		t.Error("the metrics do not tell of NATS")
	}

	nats.start(t)
	ctx := deadline(t)
	for status, ready := 0, ""; status != http.StatusOK; {
		wait(t, ctx, "readiness: %s", ready)
		status, ready = get(ctx, t, in.Client, "/readyz")
	}
	// The gateway is ready by its own connection; oauth's comes back by itself.
	for err := errNotAsked; err != nil; {
		wait(t, ctx, "an answer of oauth: %v", err)
		err = in.Client.Call(ctx, http.MethodGet, "/oauth/providers", nil, new([]byte))
	}
	w.verify(t, in.Client, w.connect(t, in.Client, w.people[1]), w.people[1])
}

var errNotAsked = errors.New("not asked yet")

// checkUnavailable wants a problem that says that the database is away, and when to try
// again.
func checkUnavailable(t *testing.T, name string, got routeAnswer) {
	t.Helper()
	var problem struct {
		Status             int
		Code, Detail, Type string
	}
	if err := json.Unmarshal(got.body, &problem); err != nil || got.status != http.StatusServiceUnavailable || problem.Status != got.status ||
		problem.Code != "unavailable" || problem.Type != "https://stridelog.dev/problems/unavailable" ||
		got.header.Get("Content-Type") != "application/problem+json" || got.header.Get("Retry-After") == "" {
		t.Errorf("%s answers %d, Retry-After %q: %s", name, got.status, got.header.Get("Retry-After"), got.body)
	}
	if bytes.Contains(got.body, []byte("127.0.0.1")) || bytes.Contains(got.body, []byte("dial")) {
		t.Errorf("%s shows how it reaches its store: %s", name, got.body)
	}
}
