package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider/vocabulary"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// typed stores a workout of each type, newest first as given.
func typed(s *gatewaytest.System, types ...string) (list string) {
	user := s.User()
	for i, name := range types {
		id := addWorkout(s, user, time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC).Add(-time.Duration(i)*time.Minute))
		s.Exec(`UPDATE projector.workouts SET type = $2, doc = '{"type":"' || $2 || '"}' WHERE id = $1`, id, name)
	}
	return "/api/v1/users/" + user.String() + "/events/workouts"
}

type typedPage struct {
	Data []struct {
		Type string
		Word *string `json:"open_wearables_type"`
	}
	Pagination struct {
		Total int `json:"total_count"`
	}
}

func (p typedPage) types() (all []string) {
	for _, w := range p.Data {
		all = append(all, w.Type)
	}
	return all
}

func TestFiltersTakeTheWordsOfBothVocabularies(t *testing.T) {
	s := gatewaytest.New(t)
	list := typed(s, "biking", "unicycling", "walking", "nordic_walking", "pickelball", "weights", "strength_training", "skiing", "billiards", "a_later_type")
	for query, want := range map[string]string{
		"record_type=cycling":                        "biking unicycling",
		"type=cycling":                               "biking unicycling",
		"record_type=Cycling":                        "biking unicycling",
		"record_type=biking":                         "biking",
		"record_type=walking":                        "walking nordic_walking",
		"type=walking":                               "walking",
		"type=walking&record_type=WALKING":           "walking",
		"type=walking,nordic_walking":                "walking nordic_walking",
		"record_type=pickleball":                     "pickelball",
		"record_type=pickelball":                     "pickelball",
		"record_type=strength_training":              "weights strength_training",
		"type=strength_training":                     "strength_training",
		"record_type=alpine_skiing":                  "skiing",
		"record_type=downhill_skiing,billiards":      "skiing billiards",
		"record_type=triathlon":                      "",
		"type=mountaineering":                        "",
		"record_type=triathlon&record_type=cycling":  "biking unicycling",
		"record_type=cycling&start_date=2026-09-01":  "biking unicycling",
		"record_type=triathlon&end_date=2026-09-02":  "",
		"record_type=walking&sort_order=asc&limit=1": "nordic_walking",
	} {
		var p typedPage
		s.Call(http.MethodGet, list+"?"+query, "", 200, &p)
		if got := strings.Join(p.types(), " "); got != want {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
		if total := len(strings.Fields(want)); p.Pagination.Total != total && !strings.Contains(query, "limit") {
			t.Errorf("%s counts %d, want %d", query, p.Pagination.Total, total)
		}
	}
	for _, query := range []string{"record_type=cyclin", "type=triathlonn"} {
		p := checkProblem(t, query, s.Do(gatewaytest.Request{Method: http.MethodGet, Path: list + "?" + query}), 400, "invalid_request")
		if !strings.Contains(p.Detail, "did you mean") || !strings.Contains(p.Detail, map[bool]string{true: "cycling", false: "triathlon"}[strings.Contains(query, "cyclin")]) {
			t.Errorf("%s: %s", query, p.Detail)
		}
	}
}

func TestAWorkoutSaysItsTypeInTheWordsOfOpenWearables(t *testing.T) {
	s := gatewaytest.New(t)
	list := typed(s, append(vocabulary.Types(), "a_later_type")...)
	words, seen, cursor := vocabulary.OpenWearables(), 0, ""
	for more := true; more; {
		var p struct {
			typedPage
			Pagination struct {
				Next *string `json:"next_cursor"`
			}
		}
		s.Call(http.MethodGet, list+"?limit=100"+cursor, "", 200, &p)
		for _, w := range p.Data {
			seen++
			if word, ok := words[w.Type]; ok != (w.Word != nil) || ok && *w.Word != word {
				t.Errorf("%s says %v, want %q", w.Type, w.Word, word)
			}
			if w.Word != nil && !slices.Contains(vocabulary.OpenWearablesWords(), *w.Word) {
				t.Errorf("%s says %s, which is no word of theirs", w.Type, *w.Word)
			}
		}
		if more = p.Pagination.Next != nil; more {
			cursor = "&cursor=" + *p.Pagination.Next
		}
	}
	if seen != len(vocabulary.Types())+1 {
		t.Errorf("%d types were listed", seen)
	}
	id := addWorkout(s, s.User(), time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC))
	s.Exec(`UPDATE projector.workouts SET type = 'electric_bike' WHERE id = $1`, id)
	var full struct {
		Word string `json:"open_wearables_type"`
	}
	if s.Call(http.MethodGet, "/api/v1/workouts/"+id.String(), "", 200, &full); full.Word != "e_biking" {
		t.Errorf("the whole workout says %q", full.Word)
	}
}

func TestIncludeAsksForZones(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	id := addWorkout(s, user, time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC))
	s.Exec(`UPDATE projector.workouts SET doc = '{"heart_rate_zones":[{"zone":"light","min_bpm":null,"max_bpm":111,"duration_seconds":180,"calories_kcal":null}]}' WHERE id = $1`, id)
	hidden := addWorkout(s, user, time.Date(2026, 9, 1, 7, 0, 0, 0, time.UTC))
	s.Exec(`UPDATE projector.workouts SET duplicate_of = $2 WHERE id = $1`, hidden, id)
	const zones = `{"zones":[{"zone":0,"name":"light","seconds":180,"min_bpm":null,"max_bpm":111}],"max_hr":null,"threshold_hr":null}`
	for query, want := range map[string]struct {
		rows  int
		zones string
	}{
		"": {1, ""}, "?include=duplicates": {2, ""}, "?include=zones": {1, zones}, "?include=zones,duplicates": {2, zones}, "?include=duplicates&include=zones": {2, zones},
	} {
		var p page
		s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/events/workouts"+query, "", 200, &p)
		var w map[string]json.RawMessage
		if err := json.Unmarshal(p.Data[len(p.Data)-1], &w); err != nil {
			t.Fatal(err)
		}
		if got := string(w["hr_zones"]); len(p.Data) != want.rows || got != want.zones || (want.zones == "") != (w["power_zones"] == nil) {
			t.Errorf("%q shows %d rows, zones %s and %s", query, len(p.Data), got, fmt.Sprint(string(w["power_zones"])))
		}
	}
	checkProblem(t, "an include that is none", s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users/" + user.String() + "/events/workouts?include=routes"}), 400, "invalid_request")
}

func TestAProviderIsKnownByItsOtherName(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	s.Connection(user, "google_health", "active")
	id := addWorkout(s, user, time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC))
	s.Exec(`UPDATE projector.workouts SET provider = 'google_health' WHERE id = $1`, id)
	var asked rpc.AuthorizeRequest
	s.Serve("oauth",
		bus.Method(rpc.OAuthAuthorize, func(_ context.Context, r rpc.AuthorizeRequest) (rpc.AuthorizeResponse, error) {
			asked = r
			return rpc.AuthorizeResponse{AuthorizationURL: "https://example.org/consent", State: "s"}, nil
		}),
		bus.Method(rpc.OAuthDisconnect, func(_ context.Context, r rpc.DisconnectRequest) (rpc.DisconnectResponse, error) {
			return rpc.DisconnectResponse{ConnectionID: uuid.NewString(), Status: events.ConnectionStatus(r.Provider)}, nil
		}))
	u := "/api/v1/users/" + user.String()
	if s.Call(http.MethodGet, "/api/v1/oauth/google/authorize?user_id="+user.String(), "", 200, nil); asked.Provider != "google_health" || asked.RedirectURI != "" {
		t.Errorf("the consent is asked for as %+v", asked)
	}
	var p page
	for query, rows := range map[string]int{"google": 1, "google_health": 1, "fitbit,google": 1, "fitbit": 0} {
		if s.Call(http.MethodGet, u+"/events/workouts?provider="+query, "", 200, &p); len(p.Data) != rows {
			t.Errorf("provider=%s finds %d rows", query, len(p.Data))
		}
	}
	var ticket struct {
		ID string `json:"sync_id"`
	}
	s.Call(http.MethodPost, "/api/v1/providers/google/users/"+user.String()+"/sync", "", 202, &ticket)
	var sync struct{ Provider string }
	if s.Call(http.MethodGet, u+"/syncs/"+ticket.ID, "", 200, &sync); sync.Provider != "google_health" {
		t.Errorf("the sync is of %q", sync.Provider)
	}
	if s.Call(http.MethodPost, "/api/v1/providers/google/users/"+user.String()+"/sync/historical", "", 202, nil); asked.Provider != "google_health" {
		t.Errorf("asked %+v", asked)
	}
	var ended struct{ Status string }
	if s.Call(http.MethodDelete, u+"/connections/google", "", 200, &ended); ended.Status != "google_health" {
		t.Errorf("the connection that ends is that of %q", ended.Status)
	}
	checkProblem(t, "no provider", s.Do(gatewaytest.Request{Method: http.MethodDelete, Path: u + "/connections/googl"}), 404, "unknown_provider")
}

// The parameters of a sync that Open Wearables has: some are other names of ours, and
// those that do nothing are named in the answer. Any other is refused.
func TestASyncTakesTheParametersOfOpenWearables(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	s.Connection(user, "fitbit", "active")
	base := "/api/v1/providers/fitbit/users/" + user.String() + "/sync"
	var ticket struct{ Window struct{ From, To time.Time } }
	for query, want := range map[string]string{
		"": "", "?async=true": "async", "?data_type=all&async=false": "async, data_type", "?since=0": "",
		"?zones=true&samples=true&route=true&offset=0&limit=50&filter_by_modification_time=true": "filter_by_modification_time, limit, offset, route, samples, zones",
	} {
		a := s.Call(http.MethodPost, base+query, "", 202, &ticket)
		if got, said := a.Header.Get("Stridelog-Ignored"), a.Header.Values("Stridelog-Ignored"); got != want || (want == "") != (len(said) == 0) {
			t.Errorf("%q ignores %q, want %q", query, said, want)
		}
		if span := ticket.Window.To.Sub(ticket.Window.From); span != 30*24*time.Hour {
			t.Errorf("%q asks for %s", query, span)
		}
	}
	at := time.Date(2026, 9, 1, 6, 30, 0, 0, time.UTC)
	for _, query := range []string{
		"?since=1788244200&end_date=2026-09-02T06:30:00Z", "?start_date=1788244200&since=1788244200&summary_end_time=1788330600",
		"?summary_start_time=2026-09-01T06:30:00Z&summary_end_time=2026-09-02T06:30:00Z", "?since=0&start_date=2026-09-01T06:30:00Z&end_date=1788330600",
	} {
		s.Call(http.MethodPost, base+query, "", 202, &ticket)
		if !ticket.Window.From.Equal(at) || !ticket.Window.To.Equal(at.Add(24*time.Hour)) {
			t.Errorf("%s asks for %v", query, ticket.Window)
		}
	}
	for query, field := range map[string]string{
		"?since=1788244200&start_date=2026-09-01": "since", "?summary_end_time=2026-09-02&end_date=2026-09-03": "summary_end_time",
		"?since=yesterday": "since", "?asynchronous=true": "asynchronous", "/historical?async=true": "async",
	} {
		p := checkProblem(t, query, s.Do(gatewaytest.Request{Method: http.MethodPost, Path: base + query}), 400, "invalid_request")
		if len(p.Errors) != 1 || p.Errors[0].Field != field {
			t.Errorf("%s: %+v", query, p.Errors)
		}
	}
	checkProblem(t, "an ignored parameter elsewhere", s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users?async=true"}), 400, "invalid_request")
}

func TestProvidersAndConnectionsHaveTheMembersOfOpenWearables(t *testing.T) {
	s := gatewaytest.New(t)
	s.Serve("oauth", bus.Method(rpc.OAuthProviders, func(context.Context, rpc.ProvidersRequest) (rpc.ProvidersResponse, error) {
		return rpc.ProvidersResponse{Providers: []rpc.Provider{
			{Name: "fitbit", DisplayName: "Fitbit", Enabled: true, Status: "retired", Capabilities: []string{"activities", "import"}},
			{Name: "file", DisplayName: "Files", Enabled: true, Status: "available", Capabilities: []string{"import"}},
			{Name: "google_health", DisplayName: "Google Health", Status: "available", Capabilities: []string{"activities"}},
		}}, nil
	}))
	for query, want := range map[string]string{
		"": "fitbit file google_health", "?enabled_only=true": "fitbit file", "?cloud_only=true": "fitbit google_health",
		"?enabled_only=true&cloud_only=true": "fitbit", "?enabled_only=false&cloud_only=false": "fitbit file google_health",
	} {
		var list []struct {
			Provider string
			Name     string
			Enabled  bool    `json:"is_enabled"`
			Cloud    bool    `json:"has_cloud_api"`
			Icon     *string `json:"icon_url"`
		}
		s.Call(http.MethodGet, "/api/v1/oauth/providers"+query, "", 200, &list)
		var names []string
		for _, p := range list {
			names = append(names, p.Provider)
			if p.Name != p.Provider || p.Enabled != (p.Name != "google_health") || p.Cloud != (p.Name != "file") || p.Icon != nil {
				t.Errorf("%+v", p)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q lists %q, want %q", query, got, want)
		}
	}
	user := s.User()
	s.Exec(`INSERT INTO oauth.connections (user_id, provider, status, scope, created_at) VALUES
		($1, 'fitbit', 'active', '{activity,profile}', '2026-09-01'), ($1, 'google_health', 'active', '{}', '2026-09-02')`, user)
	var list []struct {
		Scope  *string
		Scopes []string
	}
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/connections", "", 200, &list)
	if len(list) != 2 || list[0].Scope == nil || *list[0].Scope != "activity profile" || !slices.Equal(list[0].Scopes, []string{"activity", "profile"}) ||
		list[1].Scope != nil || list[1].Scopes == nil || len(list[1].Scopes) > 0 {
		t.Errorf("the connections are %+v", list)
	}
}
