package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

type problemAnswer struct {
	Type, Title, Code, Detail, Instance string
	Status                              int
	Errors                              []struct{ Field, Message string }
	NextAction                          string `json:"next_action"`
}

// rows counts everything the gateway stores, and what it published.
func rows(t *testing.T, s *gatewaytest.System) [5]int64 {
	t.Helper()
	var n [5]int64
	s.Scan(`SELECT (SELECT count(*) FROM gateway.users), (SELECT count(*) FROM gateway.sync_requests), (SELECT count(*) FROM gateway.erasures),
		(SELECT count(*) FROM gateway.api_keys)`, nil, &n[0], &n[1], &n[2], &n[3])
	for _, stream := range []string{"STRIDELOG_SYNCS", "STRIDELOG_FACTS"} {
		last, err := s.Bus.LastSequence(t.Context(), stream, ">")
		if err != nil {
			t.Fatal(err)
		}
		n[4] += int64(last)
	}
	return n
}

type badInput struct {
	method, path, body string
	header             map[string]string
	status             int
	code, field        string
}

func badInputs(user, lonely uuid.UUID) []badInput {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	u, sync := "/api/v1/users/"+user.String(), "/api/v1/providers/fitbit/users/"+user.String()+"/sync"
	list, authorize := u+"/events/workouts", "/api/v1/oauth/fitbit/authorize"
	nobody := uuid.NewString()
	invalid := func(method, path, body, field string) badInput {
		return badInput{method: method, path: path, body: body, status: 400, code: "invalid_request", field: field}
	}
	missing := func(method, path, body string) badInput {
		return badInput{method: method, path: path, body: body, status: 404, code: "not_found"}
	}
	text := map[string]string{"Content-Type": "text/plain"}
	return []badInput{
		invalid(get, "/api/v1/users?page=0", "", "page"), invalid(get, "/api/v1/users?page=x", "", "page"), invalid(get, "/api/v1/users?page=1e3", "", "page"),
		invalid(get, "/api/v1/users?limit=101", "", "limit"), invalid(get, "/api/v1/users?limit=99999999999999999999", "", "limit"),
		invalid(get, "/api/v1/users?sort_by=password", "", "sort_by"), invalid(get, "/api/v1/users?sort_order=up", "", "sort_order"),
		invalid(get, "/api/v1/users?search=", "", "search"), invalid(get, "/api/v1/users?search=%00", "", "search"), invalid(get, "/api/v1/users?search=%ff", "", "search"),
		invalid(get, "/api/v1/users?nonsense=1", "", "nonsense"), invalid(get, "/api/v1/users?page=%zz", "", "query"), invalid(get, "/api/v1/users?page=1&page=2", "", "page"),
		invalid(post, "/api/v1/users", " ", "body"), invalid(post, "/api/v1/users", "{", "body"), invalid(post, "/api/v1/users", "[]", "body"),
		invalid(post, "/api/v1/users", "null", "body"), invalid(post, "/api/v1/users", "{} {}", "body"), invalid(post, "/api/v1/users", "{\"first_name\":\"\xff\"}", "body"),
		invalid(post, "/api/v1/users", `{"is_admin":true}`, "is_admin"), invalid(post, "/api/v1/users", `{"Email":"a@example.org"}`, "Email"),
		invalid(post, "/api/v1/users", `{"email":"a"}`, "email"), invalid(post, "/api/v1/users", `{"email":5}`, "email"),
		invalid(post, "/api/v1/users", `{"first_name":"\u0000"}`, "first_name"), invalid(post, "/api/v1/users", `{"external_user_id":""}`, "external_user_id"),
		invalid(post, "/api/v1/users", `{"first_name":"a","first_name":"b"}`, "first_name"),
		invalid(post, "/api/v1/users", `{"last_name":"`+strings.Repeat("x", 201)+`"}`, "last_name"),
		{method: post, path: "/api/v1/users", body: `{}`, header: text, status: 415, code: "unsupported_media_type"},
		{method: post, path: "/api/v1/users", body: `{"first_name":"` + strings.Repeat("x", 70_000) + `"}`, status: 413, code: "content_too_large"},
		{method: post, path: "/api/v1/users", body: `{"external_user_id":"taken"}`, status: 409, code: "conflict", field: "external_user_id"},
		invalid(get, "/api/v1/users/7", "", "user_id"), invalid(get, "/api/v1/users/{"+nobody+"}", "", "user_id"), missing(get, "/api/v1/users/"+nobody, ""),
		invalid(patch, u, `{}`, "body"), invalid(patch, u, `{"id":"x"}`, "id"), invalid(patch, "/api/v1/users/x", `{}`, "user_id"),
		missing(patch, "/api/v1/users/"+nobody, `{"first_name":"a"}`),
		{method: patch, path: u, body: `{"external_user_id":"taken"}`, status: 409, code: "conflict", field: "external_user_id"},
		invalid(del, "/api/v1/users/x", "", "user_id"), missing(del, "/api/v1/users/"+nobody, ""),
		invalid(get, "/api/v1/oauth/providers?x=1", "", "x"),
		invalid(get, authorize+"?redirect_uri=http://localhost:3000", "", "user_id"), invalid(get, authorize+"?user_id="+user.String()+"&redirect_uri=", "", "redirect_uri"),
		invalid(get, authorize+"?user_id="+user.String()+"&redirect_uri=nowhere", "", "redirect_uri"),
		invalid(get, authorize+"?user_id="+user.String()+"&redirect_uri=https://foreign.example", "", "redirect_uri"),
		missing(get, authorize+"?user_id="+nobody+"&redirect_uri=http://localhost:3000", ""),
		{method: get, path: "/api/v1/oauth/polar/authorize?user_id=" + user.String() + "&redirect_uri=http://localhost:3000", status: 404, code: "unknown_provider", field: "provider"},
		invalid(get, "/api/v1/oauth/fitbit/callback", "", "state"), invalid(get, "/api/v1/oauth/fitbit/callback?state=s", "", "code"),
		invalid(get, "/api/v1/oauth/fitbit/callback?state=s&code=c&error=e", "", "code"),
		{method: get, path: "/api/v1/oauth/polar/callback?state=s&code=c", status: 404, code: "unknown_provider", field: "provider"},
		{method: get, path: "/api/v1/oauth/fitbit/callback?state=replayed&code=c", status: 400, code: "invalid_state", field: "state"},
		invalid(get, "/api/v1/users/x/connections", "", "user_id"), missing(get, "/api/v1/users/"+nobody+"/connections", ""),
		invalid(del, "/api/v1/users/x/connections/fitbit", "", "user_id"), missing(del, "/api/v1/users/"+nobody+"/connections/fitbit", ""),
		{method: del, path: u + "/connections/polar", status: 404, code: "unknown_provider", field: "provider"}, missing(del, u+"/connections/fitbit", ""),
		invalid(post, sync+"?start_date=yesterday", "", "start_date"), invalid(post, sync+"?end_date=2026-02-30", "", "end_date"),
		invalid(post, sync+"?start_date=2026-09-02&end_date=2026-09-02", "", "end_date"), invalid(post, sync+"?start_date=2026-09-02&end_date=2026-09-01", "", "end_date"),
		invalid(post, sync+"?start_date=2026-09-02T25:00:00", "", "start_date"), invalid(post, sync+"?start_date=2900-01-01", "", "start_date"),
		invalid(post, sync+"?kinds=sleeping", "", "kinds"), invalid(post, sync+"?kinds=", "", "kinds"), invalid(post, sync+"?kinds=activity,Activity", "", "kinds"),
		invalid(post, sync+"?kinds=route", "", "kinds"), invalid(post, sync+"/historical?kinds=sleeping", "", "kinds"),
		invalid(post, sync+"?start_date=1950-01-01&end_date=2020-01-01", "", "start_date"), invalid(post, "/api/v1/providers/fitbit/users/x/sync", "", "user_id"),
		{method: post, path: "/api/v1/providers/polar/users/" + user.String() + "/sync", status: 404, code: "unknown_provider", field: "provider"},
		missing(post, "/api/v1/providers/fitbit/users/"+nobody+"/sync", ""), missing(post, "/api/v1/providers/fitbit/users/"+lonely.String()+"/sync", ""),
		invalid(post, sync+"/historical?days=0", "", "days"), invalid(post, sync+"/historical?days=3651", "", "days"), invalid(post, sync+"/historical?days=1.5", "", "days"),
		missing(post, "/api/v1/providers/fitbit/users/"+nobody+"/sync/historical", ""),
		invalid(get, u+"/syncs?cursor=abc", "", "cursor"), invalid(get, u+"/syncs?limit=0", "", "limit"), missing(get, "/api/v1/users/"+nobody+"/syncs", ""),
		invalid(get, u+"/syncs/x", "", "sync_id"), missing(get, u+"/syncs/"+nobody, ""), missing(get, "/api/v1/users/"+nobody+"/syncs/"+nobody, ""),
		invalid(get, list+"?start_date=1900-01", "", "start_date"), invalid(get, list+"?end_date=2026-13-01", "", "end_date"), invalid(get, list+"?limit=101", "", "limit"),
		invalid(get, list+"?limit=-1", "", "limit"), invalid(get, list+"?cursor=abc", "", "cursor"), invalid(get, list+"?cursor=", "", "cursor"),
		invalid(get, list+"?record_type=Running!", "", "record_type"), invalid(get, list+"?provider=polar", "", "provider"), invalid(get, list+"?include=all", "", "include"),
		invalid(get, list+"?start_date=2026-09-02&end_date=2026-09-01", "", "end_date"),
		invalid(get, "/api/v1/users/x/events/workouts", "", "user_id"), missing(get, "/api/v1/users/"+nobody+"/events/workouts", ""),
		invalid(get, "/api/v1/workouts/x", "", "workout_id"), missing(get, "/api/v1/workouts/"+nobody, ""),
		invalid(get, "/api/v1/workouts/x/raw", "", "workout_id"), missing(get, "/api/v1/workouts/"+nobody+"/raw", ""),
		invalid(get, "/api/v1/workouts/x/history", "", "workout_id"), missing(get, "/api/v1/workouts/"+nobody+"/history", ""),
		invalid(get, "/api/v1/erasures/x", "", "erasure_id"), missing(get, "/api/v1/erasures/"+nobody, ""),
		missing(get, "/nowhere", ""), missing(get, "/api/v2/users", ""), missing(get, "/api/v1/users/"+nobody+"/", ""),
		{method: http.MethodPut, path: "/api/v1/users", status: 405, code: "method_not_allowed"}, {method: del, path: "/healthz", status: 405, code: "method_not_allowed"},
	}
}

func TestBadInputIsRefusedAndNothingIsStored(t *testing.T) {
	s := gatewaytest.New(t)
	user, lonely := s.User(), s.User()
	s.Exec(`UPDATE gateway.users SET external_user_id = 'taken' WHERE id = $1`, lonely)
	s.Connection(user, "fitbit", "active")
	s.Serve("oauth",
		bus.Method(rpc.OAuthAuthorize, func(_ context.Context, r rpc.AuthorizeRequest) (rpc.AuthorizeResponse, error) {
			return rpc.AuthorizeResponse{}, &rpc.Error{Code: rpc.CodeInvalidArgument, Field: "redirect_uri", Detail: "is not allow-listed"}
		}),
		bus.Method(rpc.OAuthCallback, func(_ context.Context, r rpc.CallbackRequest) (rpc.CallbackResponse, error) {
			return rpc.CallbackResponse{}, &rpc.Error{Code: rpc.CodeInvalidState, Detail: "is unknown or used: start the consent again"}
		}),
		bus.Method(rpc.OAuthDisconnect, func(_ context.Context, r rpc.DisconnectRequest) (rpc.DisconnectResponse, error) {
			return rpc.DisconnectResponse{}, &rpc.Error{Code: rpc.CodeNotFound, Detail: "There is no connection."}
		}))
	before := rows(t, s)
	for _, in := range badInputs(user, lonely) {
		name := in.method + " " + in.path
		a := s.Do(gatewaytest.Request{Method: in.method, Path: in.path, Body: in.body, Header: in.header})
		p := checkProblem(t, name, a, in.status, in.code)
		if in.field != "" && (len(p.Errors) != 1 || p.Errors[0].Field != in.field || p.Errors[0].Message == "") {
			t.Errorf("%s %.80s names %v, want %s", name, in.body, p.Errors, in.field)
		}
		// Clients of Open Wearables read only the detail.
		if in.field != "" && in.code == "invalid_request" && !strings.HasPrefix(p.Detail, in.field+": ") {
			t.Errorf("%s %.80s says %q, want %s in it", name, in.body, p.Detail, in.field)
		}
		if in.status == http.StatusMethodNotAllowed && a.Header.Get("Allow") == "" {
			t.Errorf("%s has no Allow", name)
		}
	}
	if after := rows(t, s); after != before {
		t.Errorf("rows were %v and are %v", before, after)
	}
	s.Call(http.MethodPost, "/api/v1/users", `{"first_name":"control"}`, 201, nil)
	if rows(t, s) == before {
		t.Error("the count of rows does not see a user that was made")
	}
}

func checkProblem(t *testing.T, name string, a gatewaytest.Answer, status int, code string) problemAnswer {
	t.Helper()
	var p problemAnswer
	if err := json.Unmarshal(a.Body, &p); err != nil {
		t.Errorf("%s answered %d %q", name, a.Status, a.Body)
		return p
	}
	if a.Status != status || p.Status != status || p.Code != code || p.Detail == "" || p.Title == "" || p.Type == "" ||
		a.Header.Get("Content-Type") != "application/problem+json" || p.Instance != "urn:stridelog:request:"+a.Header.Get("X-Request-Id") {
		t.Errorf("%s answered %d %s (%s), want %d %s", name, a.Status, a.Body, a.Header.Get("Content-Type"), status, code)
	}
	return p
}

func TestKeys(t *testing.T) {
	s := gatewaytest.New(t)
	for _, header := range []map[string]string{
		{"Authorization": "bearer " + gatewaytest.Key}, {"X-API-Key": gatewaytest.Key}, {"X-Open-Wearables-API-Key": gatewaytest.Key},
	} {
		if a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users", NoKey: true, Header: header}); a.Status != 200 {
			t.Errorf("%v answered %d %s", header, a.Status, a.Body)
		}
	}
	for _, header := range []map[string]string{{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic " + gatewaytest.Key}, {"X-API-Key": gatewaytest.Key + "x"}} {
		for _, path := range []string{"/api/v1/users", "/api/v1/users/not-an-id", "/api/v1/workouts/" + uuid.NewString() + "/raw"} {
			a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: path, NoKey: true, Header: header})
			checkProblem(t, path, a, 401, "unauthorized")
			if a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s has no WWW-Authenticate", path)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/readyz?verbose", "/metrics", "/openapi.json", "/asyncapi.json", "/schemas/stridelog.workout.recorded.v1.json", "/docs"} {
		if a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: path, NoKey: true}); a.Status != 200 {
			t.Errorf("%s answered %d %s", path, a.Status, a.Body)
		}
	}
}

func TestFirstKeyIsMadeOnce(t *testing.T) {
	s := gatewaytest.Stores(t)
	var made []string
	for range 2 {
		c := s.Config()
		c.AdminKey, c.OnNewAdminKey = "", func(key string) { made = append(made, key) }
		stop := s.Start(c)
		if len(made) != 1 || !strings.HasPrefix(made[0], "sl_") || len(made[0]) < 40 {
			t.Fatalf("keys made: %d", len(made))
		}
		a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users", NoKey: true, Header: map[string]string{"X-API-Key": made[0]}})
		if a.Status != 200 {
			t.Errorf("the key that was made is answered %d %s", a.Status, a.Body)
		}
		stop()
	}
	var stored int
	s.Scan(`SELECT count(*) FROM gateway.api_keys k JOIN gateway.api_key_secrets s ON s.key_id = k.id WHERE scopes = '{admin}' AND last_used_at IS NOT NULL AND position(convert_to($1, 'UTF8') IN hash) = 0`, []any{made[0]}, &stored)
	if stored != 1 {
		t.Errorf("%d keys are stored as expected, want 1", stored)
	}
}
