package googlehealth_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/apptest"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// wire is what these tests read of a data point.
type wire struct {
	Name       string
	PointName  string `json:"dataPointName"`
	DataSource *struct{ RecordingMethod, Platform string }
	Exercise   struct {
		Interval struct {
			StartTime, EndTime           time.Time
			StartUTCOffset, EndUTCOffset string
			CivilStartTime               any
		}
		ExerciseType, DisplayName, ActiveDuration string
		CreateTime, UpdateTime                    time.Time
	}
}

func read(t *testing.T, raw []byte) (w wire) {
	t.Helper()
	if err := json.Unmarshal(raw, &w); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return w
}

func idOf(w wire) string {
	name := w.Name + w.PointName
	return name[strings.LastIndexByte(name, '/')+1:]
}

func TestTheListHoldsEveryRecordOnce(t *testing.T) {
	a := newApp(t, func(o *googlehealth.Options) { o.Copies = 10 })
	for n := range a.people {
		token := a.connect(n).Access
		points, pages := a.all(token, listPath)
		records := a.cloud.Records(a.account(n))
		if len(points) != len(records) || pages < len(records)/25 {
			t.Fatalf("%d points on %d pages, %d records", len(points), pages, len(records))
		}
		byID := map[string]googlehealth.Record{}
		for _, r := range records {
			byID[r.ExternalID] = r
		}
		for _, raw := range points {
			w := read(t, raw)
			r, known := byID[idOf(w)]
			delete(byID, idOf(w))
			if !known || !w.Exercise.Interval.StartTime.Equal(r.Start) || !w.Exercise.Interval.EndTime.Equal(r.End()) {
				t.Fatalf("point %s of %v, record %v", w.Name, w.Exercise.Interval, r.Start)
			}
			if w.DataSource == nil || w.PointName != "" || w.Exercise.Interval.CivilStartTime != nil || !strings.HasPrefix(w.Name, "users/"+a.account(n)+"/dataTypes/exercise/") {
				t.Fatalf("not a point of a list: %s", raw)
			}
			if !slices.Equal(raw, a.cloud.RawRecord(a.account(n), r.ExternalID)) {
				t.Errorf("RawRecord differs of %s", r.ExternalID)
			}
		}
		if len(byID) != 0 {
			t.Errorf("%d records are not listed", len(byID))
		}
	}
}

func TestTheNewestComeFirstWithSmallInversions(t *testing.T) {
	a := newApp(t, nil)
	points, _ := a.all(a.connect(0).Access, listPath)
	inversions := 0
	for i := 1; i < len(points); i++ {
		later, earlier := read(t, points[i-1]).Exercise.Interval.StartTime, read(t, points[i]).Exercise.Interval.StartTime
		if earlier.After(later) {
			inversions++
			if earlier.Sub(later) > 24*time.Hour {
				t.Errorf("%v comes after %v", earlier, later)
			}
		}
	}
	if inversions == 0 || inversions > len(points)/5 {
		t.Errorf("%d inversions of %d", inversions, len(points))
	}
}

func TestPages(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(0).Access
	first := a.page(token, listPath+"?pageSize=1000")
	if len(first.Points) != 25 || first.Token == nil {
		t.Fatalf("%d points", len(first.Points))
	}
	if got := a.page(token, listPath+"?pageSize=7"); len(got.Points) != 7 {
		t.Errorf("%d points, want 7", len(got.Points))
	}
	next := listPath + "?pageSize=1000&pageToken=" + url.QueryEscape(*first.Token)
	empty := a.page(token, next)
	if len(empty.Points) != 0 || empty.Token == nil || *empty.Token == "" {
		t.Fatalf("the page before the second is not empty with a token: %d", len(empty.Points))
	}
	second := a.page(token, listPath+"?pageToken="+url.QueryEscape(*empty.Token))
	if len(second.Points) != 25 || slices.Equal(second.Points[0], first.Points[0]) {
		t.Errorf("%d points on the second page", len(second.Points))
	}
	a.cloud.SetEmptyPages(func(string, int) bool { return false })
	if got := a.page(token, next); len(got.Points) != 25 {
		t.Errorf("%d points after empty pages were turned off", len(got.Points))
	}
	for _, size := range []string{"-1", "many"} {
		a.wantProblem(a.get(token, listPath+"?pageSize="+size), 400, "INVALID_ARGUMENT", "INVALID_PAGE_SIZE")
	}
	if got := a.get(token, filtered(`exercise.interval.civil_start_time >= "2031-01-01"`)); strings.TrimSpace(got.Body) != "{}" {
		t.Errorf("nothing is %s", got.Body)
	}
}

func TestTheEndOfThePagesIsToldInThreeWays(t *testing.T) {
	a := newApp(t, func(o *googlehealth.Options) { o.MaxPage = 25 })
	token := a.connect(0).Access
	seen := map[string]bool{}
	for days := range 12 {
		from := noon.AddDate(0, 0, -days).Format(time.DateOnly)
		body := a.get(token, filtered(`exercise.interval.civil_start_time >= "`+from+`"`)).Body
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Fatal(err)
		}
		seen[string(members["nextPageToken"])] = true
	}
	if !seen[""] || !seen[`""`] || !seen["null"] {
		t.Errorf("seen %v", seen)
	}
}

func TestPageTokensBelongToTheirRequest(t *testing.T) {
	a := newApp(t, nil)
	token, other := a.connect(0).Access, a.connect(1).Access
	const filter = `exercise.interval.civil_start_time >= "2025-06-01"`
	next := *a.page(token, filtered(filter)).Token
	a.page(token, filtered(filter, "pageToken", next, "pageSize", "3")) // the size may change
	for name, got := range map[string]apptest.Answer{
		"another filter":  a.get(token, listPath+"?pageToken="+url.QueryEscape(next)),
		"another account": a.get(other, filtered(filter, "pageToken", next)),
		"made up":         a.get(token, filtered(filter, "pageToken", "AAAA"+next[4:])),
		"no base64":       a.get(token, filtered(filter, "pageToken", "?")),
		"short":           a.get(token, filtered(filter, "pageToken", "AAAA")),
		"reconcile":       a.get(token, strings.Replace(filtered(filter, "pageToken", next), "dataPoints?", "dataPoints:reconcile?", 1)),
	} {
		t.Log(name)
		a.wantProblem(got, 400, "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")
	}
	a.clock.Forward(59 * time.Minute)
	token = a.connect(0).Access
	a.page(token, filtered(filter, "pageToken", next))
	a.clock.Forward(time.Minute)
	a.wantProblem(a.get(token, filtered(filter, "pageToken", next)), 400, "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")
}

func TestPagesStayRightWhileTheListChanges(t *testing.T) {
	a := newApp(t, nil)
	token, account := a.connect(0).Access, a.account(0)
	before := a.cloud.Records(account)
	first := a.page(token, listPath)
	if _, err := a.cloud.Upload(account, simulator.Truth{Type: "yoga", Start: noon.Add(-time.Hour), Duration: 20 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	if err := a.cloud.Delete(account, idOf(read(t, first.Points[3]))); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range first.Points {
		seen[idOf(read(t, p))] = true
	}
	next := *first.Token
	for next != "" {
		p := a.page(token, listPath+"?pageToken="+url.QueryEscape(next))
		for _, point := range p.Points {
			id := idOf(read(t, point))
			if seen[id] {
				t.Errorf("%s comes twice", id)
			}
			seen[id] = true
		}
		next = ""
		if p.Token != nil {
			next = *p.Token
		}
	}
	for _, r := range before {
		if !seen[r.ExternalID] {
			t.Errorf("%s was skipped", r.ExternalID)
		}
	}
}
