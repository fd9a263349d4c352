package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// A takeout with positions and without a TCX file is imported by the command, and the
// run's route is served as TCX.
func TestPositionsOfATakeoutAreServedAsARoute(t *testing.T) {
	w := newImportWorld(t, fewDays)
	c := w.start(t).Client
	user := newUser(t, c, "with positions")
	env := []string{"DATABASE_URL=" + w.databaseURL, "NATS_URL=" + w.natsURL}
	folder := filepath.Join("testdata", "positions")
	if out := w.command(t, env, "import", "fitbit-export", folder, "--user", user.ID); !strings.Contains(out, "1 routes came with them") || strings.Contains(out, "exercise-0.json") {
		t.Errorf("the report is\n%s", out)
	}
	workout := workoutID(t, rows(t, c, user, 1)["980001"])
	ctx := deadline(t)
	var tcx []byte
	for len(tcx) == 0 {
		if err := c.Call(ctx, http.MethodGet, "/workouts/"+workout+"/tcx", nil, &tcx); err != nil {
			wait(t, ctx, "a route: %v", err)
		}
	}
	for _, part := range []string{"<TrainingCenterDatabase", "<LatitudeDegrees>47.005950</LatitudeDegrees>", "<Time>2026-06-12T06:09:55Z</Time>"} {
		if !strings.Contains(string(tcx), part) {
			t.Errorf("the route lacks %s:\n%.400s", part, tcx)
		}
	}
	if n := strings.Count(string(tcx), "<Trackpoint>"); n != 120 {
		t.Errorf("the route has %d points, not 120", n)
	}
	if out := w.command(t, env, "import", "fitbit-export", folder, "--user", user.ID, "--verbose"); !strings.Contains(out, "gps_location_*.csv: 1 found, 0 imported, 1 already there") {
		t.Errorf("again the report is\n%s", out)
	}
}

// The zone that the command is told gives workouts their local day where nothing in
// the archive does.
func TestTheStatedZoneIsServed(t *testing.T) {
	w := newImportWorld(t, fewDays)
	c := w.start(t).Client
	user := newUser(t, c, "of Tokyo")
	env := []string{"DATABASE_URL=" + w.databaseURL, "NATS_URL=" + w.natsURL}
	w.command(t, env, "import", "fitbit-export", filepath.Join("testdata", "no_offset"), "--user", user.ID, "--timezone", "Asia/Tokyo")
	served := string(rows(t, c, user, 1)["990001"])
	for _, member := range []string{`"zone_offset":"+09:00"`, `"local_date":"2026-05-08"`, `"offset_source":"import"`, `"start_time":"2026-05-07T20:27:31Z"`} {
		if !strings.Contains(strings.ReplaceAll(served, " ", ""), member) {
			t.Errorf("served without %s: %s", member, served)
		}
	}
}
