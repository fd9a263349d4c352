package googlehealth_test

import (
	"encoding/json"
	"encoding/xml"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// track is what these tests read of a TCX file.
type track struct {
	Points []struct {
		Time     time.Time
		Position *struct{ LatitudeDegrees, LongitudeDegrees float64 }
	} `xml:"Activities>Activity>Lap>Track>Trackpoint"`
}

func readTrack(t *testing.T, file string) (x track) {
	t.Helper()
	if err := xml.Unmarshal([]byte(file), &x); err != nil {
		t.Fatalf("%v: %.300s", err, file)
	}
	return x
}

// the first record that a test can use
func (a *app) first(fits func(googlehealth.Record) bool) googlehealth.Record {
	a.T.Helper()
	for _, r := range a.cloud.Records(a.account(0)) {
		if fits(r) {
			return r
		}
	}
	a.T.Fatal("no record fits")
	return googlehealth.Record{}
}

func exportPath(id string) string { return listPath + "/" + id + ":exportExerciseTcx" }

func TestATrackNeedsBothScopes(t *testing.T) {
	a := newApp(t, nil)
	r := a.first(func(r googlehealth.Record) bool { return r.Detail.HasGPS })
	path := exportPath(r.ExternalID)
	got := a.get(a.connect(0).Access, path+"?alt=media")
	x := readTrack(t, got.Body)
	if got.Status != 200 || got.Body != string(a.cloud.RawTrack(a.account(0), r.ExternalID)) || len(x.Points) < 20 {
		t.Fatalf("%d, %d points", got.Status, len(x.Points))
	}
	for _, p := range x.Points {
		if p.Position == nil || p.Time.Before(r.Start) || p.Time.After(r.End()) {
			t.Fatalf("point %+v of %v to %v", p, r.Start, r.End())
		}
	}
	var wrapped struct{ TCXData string }
	if err := json.Unmarshal([]byte(a.get(a.connect(0).Access, path).Body), &wrapped); err != nil || wrapped.TCXData != got.Body {
		t.Errorf("as JSON: %v, %d bytes", err, len(wrapped.TCXData))
	}
	a.wantProblem(a.get(a.connect(0, activity).Access, path+"?alt=media"), 403, "PERMISSION_DENIED", "MISSING_OAUTH_SCOPE")
	a.wantProblem(a.get(a.connect(0, location).Access, path+"?alt=media"), 403, "PERMISSION_DENIED", "MISSING_OAUTH_SCOPE")
	a.wantProblem(a.get(a.connect(0).Access, exportPath("5550001112223334445")), 404, "NOT_FOUND", "RESOURCE_NOT_FOUND")

	lax := newApp(t, func(o *googlehealth.Options) { o.TracksWithoutScope = true })
	got = lax.get(lax.connect(0, activity).Access, path+"?alt=media")
	if x := readTrack(t, got.Body); got.Status != 200 || len(x.Points) == 0 || x.Points[0].Position != nil {
		t.Errorf("without the scope: %d %.200s", got.Status, got.Body)
	}
}

func TestWorkoutsWithoutATrack(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(0).Access
	manual := a.first(func(r googlehealth.Record) bool { return r.Recording == simulator.RecordedManually })
	a.wantProblem(a.get(token, exportPath(manual.ExternalID)+"?alt=media"), 404, "NOT_FOUND", "RESOURCE_NOT_FOUND")
	empty, missing := 0, 0
	for _, r := range a.cloud.Records(a.account(0))[:60] {
		if r.Detail.HasGPS || r.Recording == simulator.RecordedManually {
			continue
		}
		switch got := a.get(token, exportPath(r.ExternalID)+"?alt=media"); {
		case got.Status == 200 && got.Body == "":
			empty++
		case got.Status == 404:
			missing++
		default:
			t.Errorf("%d %.100s", got.Status, got.Body)
		}
		if a.cloud.RawTrack(a.account(0), r.ExternalID) != nil {
			t.Error("it has a track")
		}
	}
	if empty == 0 || missing == 0 {
		t.Errorf("%d empty, %d missing", empty, missing)
	}
	worn := a.first(func(r googlehealth.Record) bool { return !r.Detail.HasGPS && r.AvgHeartRateBPM != nil })
	got := a.get(token, exportPath(worn.ExternalID)+"?alt=media&partialData=true")
	if x := readTrack(t, got.Body); len(x.Points) == 0 || x.Points[0].Position != nil {
		t.Errorf("partial data: %d %.200s", got.Status, got.Body)
	}
}
