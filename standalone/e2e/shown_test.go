package e2e

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/client"
)

// listed is a workout of a list.
type listed struct {
	ID             string   `json:"id"`
	ExternalID     string   `json:"external_id"`
	DuplicateOf    *string  `json:"duplicate_of"`
	DistanceMeters *float64 `json:"distance_meters"`
	CaloriesKcal   *float64 `json:"calories_kcal"`
	AvgHeartRate   *int     `json:"avg_heart_rate_bpm"`
}

// list is the list of a person's workouts by external id.
func list(t *testing.T, c *client.Client, userID, query string) map[string]listed {
	t.Helper()
	var page client.Page
	if err := c.Call(t.Context(), http.MethodGet, "/users/"+userID+"/events/workouts"+query, nil, &page); err != nil {
		t.Fatal(err)
	}
	if query == "" && page.Pagination.TotalCount != len(page.Data) {
		t.Errorf("%d workouts and a total of %d", len(page.Data), page.Pagination.TotalCount)
	}
	found := map[string]listed{}
	for _, row := range page.Data {
		var w listed
		if err := json.Unmarshal(row, &w); err != nil {
			t.Fatal(err)
		}
		found[w.ExternalID] = w
	}
	return found
}

func figure(n *float64) string {
	if n == nil {
		return "none"
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}

// Of one workout the record is shown that says more of it, and a session that nobody
// ended hides nothing that happened during it.
func TestTheRecordThatSaysMoreIsShown(t *testing.T) {
	w := newStores(t)
	in := w.start(t)
	for _, c := range []struct {
		name, file string
		publish    func(t *testing.T, userID, file string)
		distance   map[string]string // of what is shown
		hidden     map[string]string // and behind what
	}{
		{"a watch's session and the hollow copy of an app", "richer-google.json", w.publishGoogleList,
			map[string]string{"910001": "none"}, map[string]string{"910002": "910001"}},
		{"a tracker's run and the automatic detection of it", "richer-fitbit.json", w.publishFitbitList,
			map[string]string{"930002": "10000"}, map[string]string{"930001": "930002"}},
		{"sessions that nobody ended", "forgotten-session.json", w.publishFitbitList,
			map[string]string{"930011": "0", "930012": "10000", "930013": "5000", "930021": "none", "930022": "7250"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			user, err := in.Client.EnsureUser(t.Context(), c.file)
			if err != nil {
				t.Fatal(err)
			}
			c.publish(t, user.ID, "testdata/shown/"+c.file)
			awaitRecords(t, in.Client, user, len(c.distance)+len(c.hidden))
			shown, all := list(t, in.Client, user.ID, ""), list(t, in.Client, user.ID, "?include=duplicates")
			if len(shown) != len(c.distance) {
				t.Errorf("%d workouts are shown, want %d", len(shown), len(c.distance))
			}
			for id, want := range c.distance {
				if got := figure(shown[id].DistanceMeters); shown[id].ID == "" || got != want || shown[id].DuplicateOf != nil {
					t.Errorf("%s is %+v with a distance of %s, want it shown with %s", id, shown[id], got, want)
				}
			}
			for id, primary := range c.hidden {
				if of := all[id].DuplicateOf; of == nil || *of != shown[primary].ID {
					t.Errorf("%s is hidden behind %v, want %s", id, of, primary)
				}
			}
			if s := shown["910001"]; s.ID != "" && (s.AvgHeartRate == nil || *s.AvgHeartRate != 109 || figure(s.CaloriesKcal) != "95") {
				t.Errorf("the session is shown as %+v, want 95 kcal and a heart rate of 109", s)
			}
		})
	}
}

// Whoever follows the events counts a run once that two providers saw, as whoever reads
// the API: the link comes with an event of its own, after the first of the two.
func TestTheExamplesCountAWorkoutOnce(t *testing.T) {
	w := newStores(t)
	in := w.start(t)
	user, err := in.Client.EnsureUser(t.Context(), "twice")
	if err != nil {
		t.Fatal(err)
	}
	examples := []example{goExample(t), pythonExample(t)}
	week := func(want string) {
		t.Helper()
		w.awaitPosition(t, "STRIDELOG_FACTS", "projector-facts")
		for _, e := range examples {
			p := e.start(t, w, e.once)
			<-p.exited
			printed, _ := p.out.read()
			if found := weekOf(printed, user.ID); p.cmd.ProcessState.ExitCode() != 0 || found != want {
				t.Errorf("%s says %q of the week, want %q: %s", e.durable, found, want, printed)
			}
		}
	}
	w.publishGoogleList(t, user.ID, "testdata/shown/twice-google.json")
	week("2026-W47 8.1 km")
	w.publishFitbitList(t, user.ID, "testdata/shown/twice-fitbit.json")
	awaitRecords(t, in.Client, user, 2)
	week("2026-W47 8.1 km")
	all := list(t, in.Client, user.ID, "?include=duplicates")
	if shown := list(t, in.Client, user.ID, ""); len(all) != 2 || len(shown) != 1 || figure(shown["940001"].DistanceMeters) != "8100" {
		t.Errorf("shown are %v of %d workouts, want the tracker's", shown, len(all))
	}
}

// weekOf is the week and the distance that an example printed last about a person.
func weekOf(printed, user string) (found string) {
	for line := range strings.Lines(printed) {
		if fields := strings.Fields(line); len(fields) == 4 && fields[1] == user {
			found = fields[0] + " " + fields[2] + " " + fields[3]
		}
	}
	return found
}
