package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// zoned gives a workout the offset it was recorded with.
func zoned(s *gatewaytest.System, id uuid.UUID, offset, localDate string) {
	s.Exec(`UPDATE projector.workouts SET doc = '{"id":"' || id || '","zone_offset":"' || $2::text || '"}', local_date = $3 WHERE id = $1`, id, offset, localDate)
}

func TestListWorkoutsReadsEveryFormOfTime(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	at := func(hour, minute int) uuid.UUID {
		return addWorkout(s, user, time.Date(2026, 9, 1, hour, minute, 0, 0, time.UTC))
	}
	// Three clocks that showed half past eight, at different instants, and one unknown.
	delhi, rome, unknown, denver := at(3, 0), at(6, 30), at(8, 30), at(14, 30)
	zoned(s, delhi, "+05:30", "2026-09-01")
	zoned(s, rome, "+02:00", "2026-09-01")
	zoned(s, denver, "-06:00", "2026-09-01")
	s.Exec(`UPDATE projector.workouts SET local_date = NULL, doc = '{"id":"' || id || '","zone_offset":null}' WHERE id = $1`, unknown)
	all := []uuid.UUID{denver, unknown, rome, delhi}
	for query, want := range map[string][]uuid.UUID{
		"start_date=2026-09-01T08:30:00":                                   all,
		"start_date=2026-09-01T08:30":                                      all,
		"start_date=2026-09-01%2008:30:00":                                 all,
		"start_date=2026-09-01T08:30:00.000001":                            {},
		"end_date=2026-09-01T08:30:00":                                     {},
		"end_date=2026-09-01T08:30:01":                                     all,
		"start_date=2026-08-31T08:30:00&end_date=2026-09-02T08:30:00":      all,
		"start_date=2026-09-02T08:30:00":                                   {},
		"end_date=2026-08-31T08:30:00":                                     {},
		"start_date=1788244200":                                            {denver, unknown, rome}, // 06:30:00Z
		"start_date=1788244200.5":                                          {denver, unknown},
		"end_date=1788244200":                                              {delhi},
		"start_date=1788231600&end_date=1788244200":                        {delhi}, // 03:00:00Z
		"start_date=2026-09-01&end_date=2026-09-02":                        all,
		"start_date=2026-09-01T06:30Z&end_date=2026-09-01T16:30%2B0200":    {unknown, rome},
		"start_date=2026-09-01&end_date=2026-09-01T08:30:01":               all,
		"start_date=2026-09-01T08:30:00&end_date=2026-09-01T08:30:00.001Z": {unknown, rome, delhi},
	} {
		t.Run(query, func(t *testing.T) {
			var p page
			s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/events/workouts?"+query, "", 200, &p)
			if got := p.ids(t); fmt.Sprint(got) != fmt.Sprint(texts(want)) || p.Pagination.TotalCount != len(want) {
				t.Errorf("got %v of %d, want %v", got, p.Pagination.TotalCount, texts(want))
			}
		})
	}
	var shown struct {
		Metadata struct {
			Start string `json:"start_time"`
			End   string `json:"end_time"`
		}
	}
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/events/workouts?start_date=1788244200.5&end_date=2026-09-02T00:00", "", 200, &shown)
	if got := shown.Metadata; got.Start != "2026-09-01T06:30:00.5Z" || got.End != "2026-09-02T00:00" {
		t.Errorf("the answer repeats the span as %+v", got)
	}
	a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users/" + user.String() + "/events/workouts?start_date=2026-09-01T06:30:00+02:00"})
	var p problemAnswer
	if err := json.Unmarshal(a.Body, &p); err != nil || a.Status != 400 || len(p.Errors) != 1 || p.Errors[0].Message != "has a space where the + of its offset should be: write the + as %2B" {
		t.Errorf("a plus that was not encoded is answered %d %s", a.Status, a.Body)
	}
}

// A sync's window holds every instant at which somebody's clock showed the times.
func TestASyncTakesEveryFormOfTime(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	s.Connection(user, "fitbit", "active")
	base := "/api/v1/providers/fitbit/users/" + user.String() + "/sync"
	for query, want := range map[string][2]string{
		"start_date=2026-09-01T08:00:00&end_date=2026-09-01T09:00:00": {"2026-08-31T18:00:00Z", "2026-09-01T21:00:00Z"},
		"start_date=1788244200&end_date=1788247800":                   {"2026-09-01T06:30:00Z", "2026-09-01T07:30:00Z"},
		"start_date=1788244200&end_date=2026-09-02":                   {"2026-09-01T06:30:00Z", "2026-09-02T12:00:00Z"},
	} {
		var ticket struct{ Window struct{ From, To string } }
		s.Call(http.MethodPost, base+"?"+query, "", 202, &ticket)
		if got := [2]string{ticket.Window.From, ticket.Window.To}; got != want {
			t.Errorf("%s asks for %v, want %v", query, got, want)
		}
	}
}
