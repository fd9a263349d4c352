package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

type ticket struct {
	SyncID string `json:"sync_id"`
	Status string
	Window events.Window
}

func TestSyncIsQueuedPublishedAndFollowed(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	connection := s.Connection(user, "fitbit", "active")
	base := "/api/v1/providers/fitbit/users/" + user.String() + "/sync"
	var got ticket
	s.Call(http.MethodPost, base+"?start_date=2026-09-01&end_date=2026-09-03", "", 202, &got)
	want := events.Window{From: time.Date(2026, 8, 31, 10, 0, 0, 0, time.UTC), To: time.Date(2026, 9, 3, 12, 0, 0, 0, time.UTC)}
	if got.Window != want || got.Status != "queued" {
		t.Errorf("the sync is %+v, want the window %+v", got, want)
	}
	d, err := s.Bus.Get(t.Context(), events.StreamSyncs, 1)
	if err != nil {
		t.Fatal(err)
	}
	asked, ok := d.Event.Data.(*events.SyncRequested)
	if !ok || asked.SyncID != got.SyncID || asked.Window != want || asked.Trigger != events.TriggerManual || asked.UserID != user.String() {
		t.Errorf("published %+v", d.Event)
	}
	at := "/api/v1/users/" + user.String() + "/syncs/" + got.SyncID
	status := func(want string, kinds ...string) {
		t.Helper()
		var sync struct {
			Status, ID string
			Kinds      []struct{ Kind, Status string }
		}
		if s.Call(http.MethodGet, at, "", 200, &sync); sync.Status != want || sync.ID != got.SyncID || len(sync.Kinds) != len(kinds) {
			t.Errorf("the sync is %+v, want %s", sync, want)
		}
		for i, want := range kinds {
			if got := sync.Kinds[i].Kind + " " + sync.Kinds[i].Status; got != want {
				t.Errorf("kind %d is %s, want %s", i, got, want)
			}
		}
	}
	status("queued")
	s.Exec(`INSERT INTO poller.syncs VALUES ($1, $2, 'fitbit', $3, 'manual', now() - interval '1 day', now(), 'running', NULL, '{"pages":1}', now(),
		'[{"kind":"activity","status":"running"},{"kind":"sleep","status":"skipped"}]')`, got.SyncID, user, connection)
	status("running", "activity running", "sleep skipped")
	s.Exec(`INSERT INTO projector.syncs VALUES ($1, $2, 'fitbit', $3, 'manual', now() - interval '1 day', now(), NULL, NULL, 'deferred', NULL, NULL, NULL, now(), NULL, 1)`, got.SyncID, user, connection)
	status("running", "activity running", "sleep skipped")
	s.Exec(`UPDATE projector.syncs SET status = 'success', kinds = '[{"kind":"activity","status":"success"}]'`)
	status("success", "activity success")
	var historical ticket
	s.Call(http.MethodPost, base+"/historical?days=365", "", 202, &historical)
	if span := historical.Window.To.Sub(historical.Window.From); span != 365*24*time.Hour {
		t.Errorf("the historical window is %v", span)
	}
	var first, second struct {
		Data       []struct{ ID string }
		Pagination struct {
			NextCursor *string `json:"next_cursor"`
			TotalCount int     `json:"total_count"`
		}
	}
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/syncs?limit=1", "", 200, &first)
	if len(first.Data) != 1 || first.Pagination.NextCursor == nil || first.Pagination.TotalCount != 2 {
		t.Fatalf("the first page is %+v", first)
	}
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/syncs?limit=1&cursor="+*first.Pagination.NextCursor, "", 200, &second)
	if len(second.Data) != 1 || second.Data[0].ID == first.Data[0].ID || second.Pagination.NextCursor != nil {
		t.Errorf("the second page is %+v", second)
	}
}

func TestSyncNeedsAUsableConnection(t *testing.T) {
	s := gatewaytest.New(t)
	before := rows(t, s)
	users := int64(0)
	for status, code := range map[string]string{"action_required": "action_required", "revoked": "revoked", "provider_retired": "provider_retired"} {
		user := s.User()
		users++
		connection := s.Connection(user, "fitbit", status)
		s.Exec(`UPDATE oauth.connections SET next_action = 'Consent again.' WHERE id = $1`, connection)
		for _, path := range []string{"/sync", "/sync/historical?days=3"} {
			a := s.Do(gatewaytest.Request{Method: http.MethodPost, Path: "/api/v1/providers/fitbit/users/" + user.String() + path})
			if p := checkProblem(t, status, a, 409, code); p.NextAction != "Consent again." {
				t.Errorf("%s answers %s", status, a.Body)
			}
		}
	}
	before[0] += users
	if after := rows(t, s); after != before {
		t.Errorf("rows were %v and are %v", before, after)
	}
}

func TestSyncThatCannotBePublishedIsNotStored(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	s.Connection(user, "fitbit", "active")
	if err := s.Bus.JetStream().DeleteStream(t.Context(), events.StreamSyncs); err != nil {
		t.Fatal(err)
	}
	a := s.Do(gatewaytest.Request{Method: http.MethodPost, Path: "/api/v1/providers/fitbit/users/" + user.String() + "/sync"})
	checkProblem(t, "sync", a, 503, "unavailable")
	var stored int
	if s.Scan(`SELECT count(*) FROM gateway.sync_requests`, nil, &stored); stored != 0 || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d requests are stored; headers %v", stored, a.Header)
	}
}

func TestConsentRoundTrip(t *testing.T) {
	s := gatewaytest.New(t)
	user, connection := s.User(), uuid.NewString()
	s.Serve("oauth",
		bus.Method(rpc.OAuthAuthorize, func(_ context.Context, r rpc.AuthorizeRequest) (rpc.AuthorizeResponse, error) {
			return rpc.AuthorizeResponse{AuthorizationURL: "https://consent.example/?x=1&u=" + r.UserID, State: "s"}, nil
		}),
		bus.Method(rpc.OAuthCallback, func(_ context.Context, r rpc.CallbackRequest) (rpc.CallbackResponse, error) {
			out := rpc.CallbackResponse{RedirectURI: "http://localhost:3000/back?own=1#part", Provider: r.Provider}
			if r.ProviderError != "" {
				out.ErrorCode, out.Reason = r.ProviderError, "the person said no & left"
				return out, nil
			}
			out.Status, out.ConnectionID = events.StatusActive, connection
			return out, nil
		}))
	begun := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/oauth/fitbit/authorize?user_id=" + user.String() + "&redirect_uri=" + url.QueryEscape("http://localhost:3000/back?own=1")})
	// As text, because a person copies the address out of a terminal.
	if want := `{"authorization_url":"https://consent.example/?x=1&u=` + user.String() + `","state":"s"}`; begun.Status != 200 || strings.TrimSpace(string(begun.Body)) != want {
		t.Errorf("the consent answered %d %s, want %s", begun.Status, begun.Body, want)
	}
	for query, want := range map[string]string{
		"state=s&code=c&session_state=x": "http://localhost:3000/back?own=1&connection_id=" + connection + "&provider=fitbit&status=active#part",
		"state=s&error=access_denied":    "http://localhost:3000/back?own=1&error=access_denied&provider=fitbit&reason=the+person+said+no+%26+left#part",
	} {
		a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/oauth/fitbit/callback?" + query, NoKey: true})
		if a.Status != 303 || a.Header.Get("Location") != want {
			t.Errorf("%s answered %d to %s, want %s", query, a.Status, a.Header.Get("Location"), want)
		}
	}
}

func TestErasureSurvivesFailuresAndRestarts(t *testing.T) {
	s := gatewaytest.Stores(t)
	s.Publish()
	stop := s.Start(s.Config())
	user := s.User()
	s.Connection(user, "fitbit", "active")
	s.Call(http.MethodPost, "/api/v1/providers/fitbit/users/"+user.String()+"/sync", "", 202, nil)
	var oauth, poller atomic.Int64
	s.Serve("oauth", bus.Method(rpc.OAuthErase, func(_ context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
		oauth.Add(1)
		return rpc.EraseResponse{Counts: map[string]int64{"connections": 1}}, nil
	}))
	s.Serve("poller", bus.Method(rpc.PollerErase, func(_ context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
		switch n := poller.Add(1); {
		case n == 1:
			return rpc.EraseResponse{}, errors.New("broken")
		case r.Part == rpc.EraseRows:
			return rpc.EraseResponse{Counts: map[string]int64{"poller_index": 6}}, nil
		case len(r.Progress) == 0:
			return rpc.EraseResponse{Erased: map[string]int64{"facts": 4}, Left: 3, Progress: json.RawMessage(`"half"`)}, nil
		case string(r.Progress) == `"half"`:
			return rpc.EraseResponse{Erased: map[string]int64{"facts": 7}, Progress: json.RawMessage(`"whole"`)}, nil
		default:
			return rpc.EraseResponse{}, fmt.Errorf("asked on from %s", r.Progress)
		}
	}))
	var begun struct {
		ErasureID string `json:"erasure_id"`
		State     string
	}
	s.Call(http.MethodDelete, "/api/v1/users/"+user.String(), "", 202, &begun)
	for _, path := range []string{"", "/connections", "/syncs", "/events/workouts"} {
		s.Call(http.MethodGet, "/api/v1/users/"+user.String()+path, "", 404, nil)
	}
	s.Call(http.MethodDelete, "/api/v1/users/"+user.String(), "", 404, nil)
	var now struct {
		State  string
		Counts map[string]int64
		Left   *int64 `json:"messages_left"`
	}
	state := func() string {
		s.Call(http.MethodGet, "/api/v1/erasures/"+begun.ErasureID, "", 200, &now)
		return now.State
	}
	// Nobody answers for the projector yet, which holds up no other service's rows.
	s.Await("the rows of the others", func() bool {
		return state() == "accepted" && now.Counts["poller.poller_index"] == 6 && now.Counts["oauth.connections"] == 1 && now.Left == nil
	})
	stop()
	s.Serve("projector", bus.Method(rpc.ProjectorErase, func(_ context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
		if r.Part == rpc.EraseLog {
			return rpc.EraseResponse{Erased: map[string]int64{"workout_events": 2}}, nil
		}
		return rpc.EraseResponse{Counts: map[string]int64{"workouts": 5}}, nil
	}))
	s.Start(s.Config())
	s.Await("the end", func() bool { return state() == "done" })
	var done struct {
		Receipt struct{ Counts map[string]int64 }
	}
	a := s.Call(http.MethodGet, "/api/v1/erasures/"+begun.ErasureID, "", 200, &done)
	want := map[string]int64{"gateway.users": 1, "gateway.sync_requests": 1, "oauth.connections": 1, "poller.poller_index": 6, "poller.facts": 7,
		"projector.workouts": 5, "projector.workout_events": 2}
	if text, _ := json.Marshal(done.Receipt.Counts); !sameCounts(done.Receipt.Counts, want) || bytes.Contains(a.Body, []byte(user.String())) {
		t.Errorf("the receipt counts %s: %s", text, a.Body)
	}
	if oauth.Load() != 1 || poller.Load() != 4 { // a failure, the rows, two turns
		t.Errorf("oauth was asked %d times, the poller %d", oauth.Load(), poller.Load())
	}
	last, err := s.Bus.LastSequence(t.Context(), events.StreamFacts, ">")
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Bus.Get(t.Context(), events.StreamFacts, last)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := d.Event.Data.(*events.UserErased); !ok || e.ErasureID != begun.ErasureID || strings.Contains(d.Message.Subject+string(d.Message.Data), user.String()) {
		t.Errorf("the log says %+v on %s", d.Event, d.Message.Subject)
	}
	var left int
	if s.Scan(`SELECT count(*) FROM gateway.erasures e WHERE e::text LIKE '%' || $1 || '%'`, []any{user.String()}, &left); left != 0 {
		t.Error("the erasure still knows the user's id")
	}
}

func sameCounts(a, b map[string]int64) bool {
	for k, v := range b {
		if a[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

func TestUsers(t *testing.T) {
	s := gatewaytest.New(t)
	type user struct {
		ID             string
		FirstName      *string `json:"first_name"`
		Email          *string
		LastSyncedAt   *time.Time `json:"last_synced_at"`
		LastSyncedFrom *string    `json:"last_synced_provider"`
		Active         bool       `json:"has_active_connection"`
	}
	var ada, bob, changed user
	a := s.Call(http.MethodPost, "/api/v1/users", `{"external_user_id":"a_1","first_name":"Ada","email":"ada@example.org"}`, 201, &ada)
	if a.Header.Get("Location") != "/api/v1/users/"+ada.ID {
		t.Errorf("Location is %q", a.Header.Get("Location"))
	}
	s.Call(http.MethodPost, "/api/v1/users", `{"external_user_id":"aX1","first_name":"Bob"}`, 201, &bob)
	s.Call(http.MethodPatch, "/api/v1/users/"+ada.ID, `{"email":null}`, 200, &changed)
	if changed.Email != nil || changed.FirstName == nil || *changed.FirstName != "Ada" {
		t.Errorf("the patch made %+v", changed)
	}
	connection := s.Connection(uuid.MustParse(ada.ID), "fitbit", "active")
	s.Exec(`INSERT INTO poller.targets VALUES ($1, 'fitbit', $2, '2026-09-01T00:00:00Z', NULL)`, ada.ID, connection)
	var list struct {
		Items   []user
		Total   int
		HasNext bool `json:"has_next"`
	}
	s.Call(http.MethodGet, "/api/v1/users?limit=1&sort_by=first_name&sort_order=asc", "", 200, &list)
	if len(list.Items) != 1 || list.Items[0].ID != ada.ID || list.Total != 2 || !list.HasNext || !list.Items[0].Active || list.Items[0].LastSyncedFrom == nil || *list.Items[0].LastSyncedFrom != "fitbit" {
		t.Errorf("the list is %+v", list)
	}
	s.Call(http.MethodGet, "/api/v1/users?search=A_", "", 200, &list)
	if len(list.Items) != 1 || list.Items[0].ID != ada.ID {
		t.Errorf("an underscore is no wildcard, got %+v", list)
	}
	var connections []map[string]any
	s.Call(http.MethodGet, "/api/v1/users/"+ada.ID+"/connections", "", 200, &connections)
	if len(connections) != 1 || connections[0]["last_synced_at"] != "2026-09-01T00:00:00Z" || connections[0]["rest_pull"] != true || connections[0]["reason"] != nil {
		t.Errorf("connections are %v", connections)
	}
}

func TestMissingServicesAreSaid(t *testing.T) {
	s := gatewaytest.Stores(t)
	s.Start(s.Config())
	user := s.User()
	s.Call(http.MethodGet, "/api/v1/users/"+user.String(), "", 200, nil)
	for _, path := range []string{"/connections", "/syncs", "/events/workouts"} {
		a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users/" + user.String() + path})
		if checkProblem(t, path, a, 503, "unavailable"); a.Header.Get("Retry-After") == "" {
			t.Errorf("%s has no Retry-After", path)
		}
	}
	a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/oauth/providers"})
	checkProblem(t, "providers", a, 503, "unavailable")

	requested := uuid.New()
	s.Exec(`INSERT INTO gateway.sync_requests (sync_id, user_id, provider, connection_id, trigger, window_from, window_to)
		VALUES ($1, $2, 'fitbit', $3, 'manual', now() - interval '1 day', now())`, requested, user, uuid.New())
	var sync struct{ Status string }
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/syncs/"+requested.String(), "", 200, &sync)
	if sync.Status != "queued" {
		t.Errorf("a sync that only the gateway knows is %q", sync.Status)
	}
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/syncs/"+uuid.NewString(), "", 404, nil)
}

func TestDocumentIsServedAndShown(t *testing.T) {
	s := gatewaytest.New(t)
	served := s.Call(http.MethodGet, "/openapi.json", "", 200, nil)
	file, err := os.ReadFile("internal/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(served.Body, file) {
		t.Error("/openapi.json is not the document")
	}
	if said := s.Call(http.MethodGet, "/asyncapi.json", "", 200, nil); !bytes.Equal(said.Body, events.AsyncAPI()) {
		t.Error("/asyncapi.json is not the contract of the events")
	}
	for _, d := range events.Types() {
		address, err := url.Parse(events.SchemaURL(d.Type))
		if err != nil {
			t.Fatal(err)
		}
		want, err := events.Schema(d.Type)
		if err != nil {
			t.Fatal(err)
		}
		got := s.Call(http.MethodGet, address.Path, "", 200, nil)
		if !bytes.Equal(got.Body, want) || got.Header.Get("Content-Type") != "application/schema+json" {
			t.Errorf("%s is not the schema of %s", address.Path, d.Type)
		}
	}
	for _, name := range []string{"stridelog.workout.recorded.v9.json", "stridelog.workout.recorded.v1", "stridelog.json", "..%2Fschema.go", "a"} {
		answer := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/schemas/" + name, NoKey: true})
		checkProblem(t, name, answer, 404, "not_found")
	}
	var document struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(file, &document); err != nil || len(document.Paths) < 20 {
		t.Fatalf("%d paths, %v", len(document.Paths), err)
	}
	page := html.UnescapeString(string(s.Call(http.MethodGet, "/docs", "", 200, nil).Body))
	for path, item := range document.Paths {
		if !strings.Contains(page, "<code>"+path+"</code>") {
			t.Errorf("/docs does not show %s", path)
		}
		for method := range item {
			if method == "parameters" {
				continue
			}
			at := strings.NewReplacer("{provider}", "fitbit", "{user_id}", uuid.NewString(), "{sync_id}", uuid.NewString(), "{workout_id}", uuid.NewString(), "{erasure_id}", uuid.NewString()).Replace(path)
			a := s.Do(gatewaytest.Request{Method: strings.ToUpper(method), Path: at})
			if a.Status == 405 || bytes.Contains(a.Body, []byte("There is no such route")) {
				t.Errorf("%s %s is in the document and not routed: %d", method, path, a.Status)
			}
		}
	}
}
