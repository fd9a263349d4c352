package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/client"
)

// Two runs in California, late on one evening and after midnight: both are on one day
// in UTC. Each is found by the day that it was there, and by no other.
func TestAWorkoutLateInTheEveningIsFoundByItsOwnDay(t *testing.T) {
	w := newStores(t)
	in := w.start(t)
	user, err := in.Client.EnsureUser(t.Context(), "late")
	if err != nil {
		t.Fatal(err)
	}
	w.publishFitbitList(t, user.ID, "testdata/late-evening.json")
	find := func(start, end string) (found []string) {
		var page client.Page
		query := url.Values{"start_date": {start}, "end_date": {end}}
		if err := in.Client.Call(t.Context(), http.MethodGet, "/users/"+user.ID+"/events/workouts?"+query.Encode(), nil, &page); err != nil {
			t.Fatal(err)
		}
		if page.Pagination.TotalCount != len(page.Data) {
			t.Errorf("%s to %s: %d workouts and a total of %d", start, end, len(page.Data), page.Pagination.TotalCount)
		}
		for _, row := range page.Data {
			var workout struct {
				ExternalID string `json:"external_id"`
				LocalDate  string `json:"local_date"`
			}
			if err := json.Unmarshal(row, &workout); err != nil {
				t.Fatal(err)
			}
			found = append(found, workout.ExternalID+" on "+workout.LocalDate)
		}
		return found
	}
	const evening, night = "991001 on 2026-11-21", "991002 on 2026-11-22"
	awaitRecords(t, in.Client, user, 2)
	for days, want := range map[[2]string][]string{
		{"2026-11-20", "2026-11-21"}: nil,
		{"2026-11-21", "2026-11-22"}: {evening},
		{"2026-11-22", "2026-11-23"}: {night},
		{"2026-11-23", "2026-11-24"}: nil,
		{"2026-11-21", "2026-11-23"}: {night, evening},
	} {
		if found := find(days[0], days[1]); !slices.Equal(found, want) {
			t.Errorf("%s to %s: %q, want %q", days[0], days[1], found, want)
		}
	}
}
