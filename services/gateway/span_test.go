package gateway_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// A workout belongs to the span that its start is in, however long it lasts, and to no
// other.
func TestAWorkoutThatRunsPastTheEndOfTheSpanIsListed(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	start := time.Date(2026, 9, 1, 23, 30, 0, 0, time.UTC)
	id := addWorkout(s, user, start)
	s.Exec(`UPDATE projector.workouts SET local_date = '2026-09-01',
		doc = '{"id":"' || id || '","start_time":"2026-09-01T23:30:00Z","end_time":"2026-09-02T07:00:00Z","zone_offset":"+00:00"}' WHERE id = $1`, id)
	ends := [][]string{{"2026-09-01", "2026-09-02", "2026-09-03"}, {"2026-09-01T00:00:00Z", "2026-09-01T23:30:01Z", "2026-09-02T12:00:00Z"},
		{"1788220800", "1788307199", "1788350400"}, {"2026-09-01T12:00", "2026-09-02T00:00", "2026-09-02T12:00"}}
	for _, at := range ends {
		for i, want := range []int{1, 0} { // the span with its start, the span with its end
			var p page
			s.Call(http.MethodGet, listPath(user, url.Values{"start_date": {at[i]}, "end_date": {at[i+1]}}), "", 200, &p)
			if len(p.Data) != want {
				t.Errorf("from %s to %s there are %d workouts, want %d", at[i], at[i+1], len(p.Data), want)
			}
		}
	}
}
