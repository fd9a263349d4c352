package e2e

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	restapi "github.com/stridelog/stridelog/services/gateway/conformance"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// answerCheck holds every answer of a gateway to the OpenAPI document that it serves.
type answerCheck struct {
	t        *testing.T
	host     string // of the gateway
	contract *restapi.Contract
	mu       sync.Mutex
	answered map[string]bool // operations that answered a success, by id
	refused  int
}

// checkAnswers looks at everything that a client is answered from now on.
func checkAnswers(t *testing.T, c *client.Client) *answerCheck {
	t.Helper()
	var text []byte
	resp, err := c.HTTP.Get(c.BaseURL + "/openapi.json")
	if err == nil {
		defer resp.Body.Close()
		text, err = io.ReadAll(resp.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
	contract, err := restapi.New(text)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(c.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	check := &answerCheck{t: t, host: at.Host, contract: contract, answered: map[string]bool{}}
	looking := *c.HTTP
	looking.Transport = check
	c.HTTP = &looking
	return check
}

// RoundTrip implements http.RoundTripper.
func (a *answerCheck) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || r.URL.Host != a.host {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	for _, fault := range a.contract.Faults(restapi.Answer{
		Method: r.Method, Path: r.URL.Path, Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"), Body: body,
	}) {
		a.t.Errorf("%s\nthe answer is %.2000s", fault, body)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if resp.StatusCode < http.StatusBadRequest {
		a.answered[a.contract.OperationID(r.Method, r.URL.Path)] = true
	} else {
		a.refused++
	}
	return resp, nil
}

// TestEveryAnswerIsAsTheDocumentSays calls every operation of a running system: each
// answer fits its schema, with its members in the order of the document.
func TestEveryAnswerIsAsTheDocumentSays(t *testing.T) {
	w := newImportWorld(t, fewDays)
	c := w.start(t).Client
	check := checkAnswers(t, c)
	ctx := deadline(t)
	call := func(method, path string, body any) {
		t.Helper()
		if err := c.Call(ctx, method, path, body, new([]byte)); err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
	}

	historian := newUser(t, c, "historian")
	a := w.archive(t, w.people[0], export.Options{})
	done := bringIn(t, c, historian, a, "zip")
	served := rows(t, c, historian, len(a.Records()))
	if servesTracks(t, c, a, done, served) == 0 {
		t.Error("the archive has no routes")
	}
	user := newUser(t, c, "connected")
	w.polling(t, c, user, w.people[1])
	rows(t, c, user, len(w.cloud.Truth(w.people[1].AccountID())))

	at := "/users/" + user.ID
	for _, path := range []string{
		"/users", at, "/oauth/providers", at + "/connections", at + "/syncs", "/users/" + historian.ID + "/imports",
		at + "/events/workouts?limit=3&start_date=2026-01-01", "/dead-letters",
	} {
		call(http.MethodGet, path, nil)
	}
	workout := "/workouts/" + workoutID(t, slices.Collect(maps.Values(served))[0])
	for _, path := range []string{workout, workout + "/raw", workout + "/history"} {
		call(http.MethodGet, path, nil)
	}
	for _, path := range []string{
		"/healthz", "/readyz", "/readyz?verbose", "/connected?provider=fitbit&status=active", "/metrics", "/openapi.json", "/asyncapi.json", "/schemas/stridelog.workout.recorded.v1.json", "/docs",
	} {
		resp, err := c.HTTP.Get(c.BaseURL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s", path, resp.Status)
		}
	}
	call(http.MethodPatch, at, map[string]any{"first_name": "Ada"})
	call(http.MethodPost, "/providers/fitbit/users/"+user.ID+"/sync", nil)
	for _, path := range []string{at + "/syncs?limit=0", "/users/nobody", "/oauth/nowhere/authorize?user_id=" + user.ID + "&redirect_uri=" + url.QueryEscape(appURL)} {
		if err := c.Call(ctx, http.MethodGet, path, nil, new([]byte)); err == nil {
			t.Errorf("%s is not refused", path)
		}
	}
	callKeys(t, c, user.ID)
	call(http.MethodDelete, at+"/connections/fitbit", nil)
	w.erase(t, c, user)
	w.erase(t, c, historian)

	for _, id := range check.contract.OperationIDs() {
		// A provider's notification has no answer but its status; google_notifications_test.go sends some.
		// No provider here sends challenges.
		if id != "receiveNotification" && id != "answerChallenge" && !check.answered[id] {
			t.Errorf("%s never answered a success: call it here", id)
		}
	}
	if check.refused < 3 {
		t.Errorf("only %d answers were problems", check.refused)
	}
}

// callKeys calls every operation about keys and tokens.
func callKeys(t *testing.T, c *client.Client, user string) {
	t.Helper()
	ctx := deadline(t)
	var key struct {
		ID string `json:"id"`
	}
	for _, step := range []struct {
		method, path string
		body, out    any
	}{
		{http.MethodPost, "/keys", map[string]any{"name": "reader", "scopes": []string{"read"}}, &key},
		{http.MethodGet, "/keys", nil, new([]byte)},
		{http.MethodPost, "/keys/%s/rotate", map[string]any{"overlap_seconds": 0}, new([]byte)},
		{http.MethodDelete, "/keys/%s", nil, new([]byte)},
		{http.MethodPost, "/users/" + user + "/tokens", map[string]any{"scopes": []string{"read"}}, new([]byte)},
		{http.MethodGet, "/audit", nil, new([]byte)},
	} {
		path := strings.ReplaceAll(step.path, "%s", key.ID)
		if err := c.Call(ctx, step.method, path, step.body, step.out); err != nil {
			t.Errorf("%s %s: %v", step.method, path, err)
		}
	}
}

// erase erases a user and waits until nothing is left.
func (w *world) erase(t *testing.T, c *client.Client, user client.User) {
	t.Helper()
	var erasure struct {
		ID string `json:"erasure_id"`
	}
	if err := c.Call(deadline(t), http.MethodDelete, "/users/"+user.ID, nil, &erasure); err != nil {
		t.Fatal(err)
	}
	w.awaitErasure(t, c, erasure.ID)
}
