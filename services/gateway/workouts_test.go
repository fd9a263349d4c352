package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

type page struct {
	Data       []json.RawMessage `json:"data"`
	Pagination struct {
		NextCursor     *string `json:"next_cursor"`
		PreviousCursor *string `json:"previous_cursor"`
		HasMore        bool    `json:"has_more"`
		TotalCount     int     `json:"total_count"`
	} `json:"pagination"`
	Metadata struct {
		SampleCount int     `json:"sample_count"`
		StartTime   *string `json:"start_time"`
	} `json:"metadata"`
}

func (p page) ids(t *testing.T) []string {
	t.Helper()
	ids := make([]string, len(p.Data))
	for i, d := range p.Data {
		var row struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(d, &row); err != nil {
			t.Fatal(err)
		}
		ids[i] = row.ID
	}
	return ids
}

func listPath(user uuid.UUID, query url.Values) string {
	return "/api/v1/users/" + user.String() + "/events/workouts?" + query.Encode()
}

// addWorkout stores a workout with a document that shows it is never encoded again.
func addWorkout(s *gatewaytest.System, user uuid.UUID, start time.Time) uuid.UUID {
	id := uuid.New()
	s.Exec(`INSERT INTO projector.workouts (id, user_id, start_time, local_date, doc) VALUES ($1, $2, $3, $4, $5)`,
		id, user, start, start.Format(time.DateOnly), doc(id))
	return id
}

func doc(id uuid.UUID) string {
	return `{"id":"` + id.String() + `", "n":1.0,"odd":"<&>\u2028é","big":9007199254740993}`
}

func TestListWorkoutsSplicesDocuments(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	id := addWorkout(s, user, time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC))
	var p page
	a := s.Call(http.MethodGet, listPath(user, nil), "", 200, &p)
	want := strings.TrimSuffix(doc(id), "}") + `,"open_wearables_type":"running","duplicate_of":null,"created_at":"2026-09-01T00:00:00Z","updated_at":"2026-09-02T00:00:00.5Z"}`
	if len(p.Data) != 1 || string(p.Data[0]) != want {
		t.Errorf("data is %s\nwant %s", p.Data, want)
	}
	if a.Header.Get("Content-Length") != fmt.Sprint(len(a.Body)) || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers are %v for %d bytes", a.Header, len(a.Body))
	}
	if p.Pagination.HasMore || p.Pagination.NextCursor != nil || p.Pagination.PreviousCursor != nil || p.Pagination.TotalCount != 1 || p.Metadata.SampleCount != 1 {
		t.Errorf("the only page says %s", a.Body)
	}
}

func TestListWorkoutsFilters(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	noon := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	evening := addWorkout(s, user, time.Date(2026, 9, 2, 3, 0, 0, 0, time.UTC))
	s.Exec(`UPDATE projector.workouts SET local_date = '2026-09-01' WHERE id = $1`, evening) // in America
	zoneless := addWorkout(s, user, noon)
	s.Exec(`UPDATE projector.workouts SET local_date = NULL, type = 'yoga', provider = 'google_health' WHERE id = $1`, zoneless)
	hidden := addWorkout(s, user, noon.Add(time.Minute))
	s.Exec(`UPDATE projector.workouts SET duplicate_of = $2 WHERE id = $1`, hidden, zoneless)
	removed := addWorkout(s, user, noon)
	s.Exec(`UPDATE projector.workouts SET removed_at = now(), doc = NULL WHERE id = $1`, removed)
	addWorkout(s, s.User(), noon)
	for query, want := range map[string][]uuid.UUID{
		"":                                     {evening, zoneless},
		"start_date=2026-09-01":                {evening, zoneless},
		"start_date=2026-09-02":                {},
		"end_date=2026-09-02":                  {evening, zoneless},
		"end_date=2026-09-01":                  {},
		"start_date=2026-09-01T12:00:00Z":      {evening, zoneless},
		"start_date=2026-09-01T12:00:00.001Z":  {evening},
		"end_date=2026-09-01T12:00:00Z":        {},
		"end_date=2026-09-02T05:00:00%2B02:00": {zoneless},
		"record_type=yoga":                     {zoneless},
		"provider=google_health":               {zoneless},
		"provider=fitbit":                      {evening},
		"include=duplicates":                   {evening, hidden, zoneless},
	} {
		t.Run(query, func(t *testing.T) {
			var p page
			s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/events/workouts?"+query, "", 200, &p)
			got := p.ids(t)
			count := len(want)
			if slices.Contains(want, hidden) { // shown, but never counted
				count--
			}
			if fmt.Sprint(got) != fmt.Sprint(texts(want)) || p.Pagination.TotalCount != count {
				t.Errorf("got %v of %d, want %v of %d", got, p.Pagination.TotalCount, want, count)
			}
		})
	}
}

func texts(ids []uuid.UUID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

func TestWorkoutRecord(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	id := addWorkout(s, user, time.Now())
	primary := uuid.New()
	s.Exec(`UPDATE projector.workouts SET details = '{"swim": 1.50}', duplicate_of = $2 WHERE id = $1`, id, primary)
	a := s.Call(http.MethodGet, "/api/v1/workouts/"+id.String(), "", 200, nil)
	want := strings.TrimSuffix(doc(id), "}") + `,"open_wearables_type":"running","duplicate_of":"` + primary.String() +
		`","created_at":"2026-09-01T00:00:00Z","updated_at":"2026-09-02T00:00:00.5Z","splits":null,"laps":null,"details":{"swim": 1.50}}`
	if string(a.Body) != want {
		t.Errorf("the record is %s\nwant %s", a.Body, want)
	}
	s.Exec(`INSERT INTO projector.versions VALUES ($1, $2, 7, 'recorded', 'e', 'f', 'api', '2026-09-01T00:00:00Z', 3, $3, NULL),
		($1, $2, 9, 'removed', 'e2', 'f2', 'api', '2026-09-03T00:00:00Z', NULL, NULL, NULL)`, id, user, doc(id))
	s.Exec(`UPDATE projector.workouts SET removed_at = now(), doc = NULL WHERE id = $1`, id)
	s.Call(http.MethodGet, "/api/v1/workouts/"+id.String(), "", 410, nil)
	s.Call(http.MethodGet, "/api/v1/workouts/"+id.String()+"/raw", "", 410, nil)
	var history page
	a = s.Call(http.MethodGet, "/api/v1/workouts/"+id.String()+"/history", "", 200, &history)
	if len(history.Data) != 2 || !bytes.Contains(a.Body, []byte(`"workout":`+doc(id)+`}`)) || !bytes.HasSuffix(history.Data[1], []byte(`"workout":null}`)) {
		t.Errorf("the history is %s", a.Body)
	}
	s.Exec(`DELETE FROM gateway.users WHERE id = $1`, user)
	s.Call(http.MethodGet, "/api/v1/workouts/"+id.String()+"/history", "", 404, nil)
}

func TestRawIsWhatTheProviderSent(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	for raw, contentType := range map[string]string{
		`{ "logId" : 9007199254740993123, "km":1.0,  "t":"<&>` + "\u2028" + `" }`: "application/json",
		" {\"a\":1}\n":           "application/json",
		"\ufeff{\"a\":1}":        "application/octet-stream",
		"<html>":                 "application/octet-stream",
		"\xff\xfe\x00 not UTF-8": "application/octet-stream",
	} {
		id := addWorkout(s, user, time.Now())
		seq := publishFact(t, s, user, "77", raw)
		s.Exec(`UPDATE projector.workouts SET version = $2, external_id = '77' WHERE id = $1`, id, seq)
		a := s.Call(http.MethodGet, "/api/v1/workouts/"+id.String()+"/raw", "", 200, nil)
		if string(a.Body) != raw || a.Header.Get("Content-Type") != contentType ||
			a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("X-Stridelog-Format") != "fitbit.activity_list.v1" {
			t.Errorf("raw %q came as %q with %v", raw, a.Body, a.Header)
		}
	}
	id := addWorkout(s, user, time.Now())
	for name, seq := range map[string]uint64{"another record": publishFact(t, s, user, "78", "{}"), "no record": 4000} {
		s.Exec(`UPDATE projector.workouts SET version = $2, external_id = '77' WHERE id = $1`, id, seq)
		a := s.Call(http.MethodGet, "/api/v1/workouts/"+id.String()+"/raw", "", 502, nil)
		if !bytes.Contains(a.Body, []byte(`"code":"log_mismatch"`)) {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
}

func publishFact(t *testing.T, s *gatewaytest.System, user uuid.UUID, externalID, raw string) uint64 {
	t.Helper()
	now := time.Now().UTC()
	ack, err := s.Bus.Publish(t.Context(), events.Event{
		ID: events.NewID(), Source: "stridelog/poller", Time: now, Provider: "fitbit", UserID: user.String(),
		Data: &events.ActivityFetched{
			UserID: user.String(), Provider: "fitbit", ExternalID: externalID, Format: "fitbit.activity_list.v1",
			ContentHash: "sha256:00", HashVersion: 1, Origin: events.OriginAPI, FetchedAt: now, Raw: events.Raw(raw),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}
