package e2e

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// servesTracks holds the routes that are served against the archive's TCX files, and
// the report's row of them. It gives how many there are.
func servesTracks(t *testing.T, c *client.Client, a *export.Archive, done client.Import, served map[string][]byte) (tracks int) {
	t.Helper()
	without := ""
	for _, r := range a.Records() {
		want := a.Track(r)
		if want == nil {
			without = r.ExternalID
			continue
		}
		if tracks++; tracks <= 3 {
			servesTrack(t, c, workoutID(t, served[r.ExternalID]), want)
		}
	}
	at := slices.IndexFunc(done.Files, func(f client.ImportFile) bool { return f.Kind == "tcx" })
	if tracks > 0 && (at < 0 || done.Files[at].Imported != tracks) {
		t.Errorf("the archive has %d tracks, and the report says %+v", tracks, done.Files)
	}
	err := c.Call(deadline(t), http.MethodGet, "/workouts/"+workoutID(t, served[without])+"/tcx", nil, new([]byte))
	var problem *client.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusNotFound || problem.Reason != "not_offered" {
		t.Errorf("the route of %s, which has no track: %v", without, err)
	}
	return tracks
}

// servesTrack waits until a workout has a route, and compares it.
func servesTrack(t *testing.T, c *client.Client, workout string, want []byte) {
	t.Helper()
	ctx := deadline(t)
	for {
		var got []byte
		err := c.Call(ctx, http.MethodGet, "/workouts/"+workout+"/tcx", nil, &got)
		var problem *client.Problem
		switch {
		case err == nil && !bytes.Equal(got, want):
			t.Errorf("the archive has\n%s\nand /tcx gives\n%s", want, got)
			return
		case err == nil:
			return
		case !errors.As(err, &problem) || problem.Status != http.StatusNotFound:
			t.Fatal(err)
		}
		wait(t, ctx, "a route: %v", err)
	}
}
