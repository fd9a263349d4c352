package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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
