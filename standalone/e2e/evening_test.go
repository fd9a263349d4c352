package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/provider/fitbit"
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

// publishFitbitList publishes a stored answer of Fitbit's activity list as the poller
// does, one fact a record.
func (w *world) publishFitbitList(t *testing.T, userID, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Activities []json.RawMessage `json:"activities"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	nc, err := bus.Connect(t.Context(), w.natsURL, "test", bustest.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	b, err := bus.New(nc, bustest.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	for _, raw := range list.Activities {
		var record struct {
			LogID int64 `json:"logId"`
		}
		if err := json.Unmarshal(raw, &record); err != nil {
			t.Fatal(err)
		}
		_, err := b.Publish(t.Context(), events.Event{
			ID: events.NewID(), Source: "stridelog/poller", Time: now, Provider: fitbit.Name, UserID: userID,
			Data: &events.ActivityFetched{
				UserID: userID, Provider: fitbit.Name, ExternalID: fmt.Sprint(record.LogID), Format: fitbit.FormatActivityList,
				ContentHash: "sha256:00", HashVersion: 1, Origin: events.OriginAPI, FetchedAt: now, Raw: events.Raw(raw),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
