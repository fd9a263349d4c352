package googlehealth_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

func TestUploadEditDelete(t *testing.T) {
	a := newApp(t, nil)
	account, token := a.account(0), a.connect(0).Access
	count := len(a.cloud.Truth(account))
	zone := time.FixedZone("+02:00", 7200)
	name, meters := "Run", 5521.0
	id, err := a.cloud.Upload(account, simulator.Truth{
		Type: "running", Name: &name, Start: time.Date(2026, 5, 20, 8, 0, 0, 0, zone), Duration: 30 * time.Minute,
		DistanceMeters: &meters, Paced: true, Recording: simulator.RecordedActively,
	})
	if err != nil {
		t.Fatal(err)
	}
	raw := a.cloud.RawRecord(account, id)
	points, _ := a.all(token, filtered(field+` >= "2026-05-20T08:00:00" AND `+field+` < "2026-05-20T08:00:01"`))
	if len(points) != 1 || !slices.Equal(points[0], raw) || len(a.cloud.Truth(account)) != count+1 {
		t.Fatalf("uploaded %s, listed %s", raw, points)
	}
	before := point(t, raw)
	moved := time.Date(2026, 3, 20, 8, 0, 0, 0, zone)
	if err := a.cloud.Edit(account, id, func(w *simulator.Truth) { w.Start, w.Duration = moved, time.Hour; w.ExternalID = "5000" }); err != nil {
		t.Fatal(err)
	}
	after := point(t, a.cloud.RawRecord(account, id))
	if after.Exercise.Interval.StartTime != "2026-03-20T06:00:00Z" || after.Exercise.Interval.EndTime != "2026-03-20T07:00:00Z" ||
		!after.Exercise.CreateTime.Equal(before.Exercise.CreateTime) || !after.Exercise.UpdateTime.After(before.Exercise.UpdateTime) {
		t.Errorf("edited to %+v", after.Exercise)
	}
	if points, _ := a.all(token, filtered(field+` >= "2026-05-20T08:00:00" AND `+field+` < "2026-05-20T08:00:01"`)); len(points) != 0 {
		t.Error("the list still has it where it was")
	}
	if err := a.cloud.Delete(account, id); err != nil {
		t.Fatal(err)
	}
	if a.cloud.RawRecord(account, id) != nil || len(a.cloud.Truth(account)) != count {
		t.Error("it is still there")
	}
	for what, err := range map[string]error{
		"delete twice":      a.cloud.Delete(account, id),
		"edit what is gone": a.cloud.Edit(account, id, func(*simulator.Truth) {}),
		"edit to nonsense":  a.cloud.Edit(account, a.cloud.Truth(account)[0].ExternalID, func(w *simulator.Truth) { w.Duration = 0 }),
		"a stranger":        a.cloud.Delete("1", id),
		"upload nothing":    func() error { _, err := a.cloud.Upload(account, simulator.Truth{}); return err }(),
		"upload a double":   func() error { _, err := a.cloud.Upload(account, a.cloud.Truth(account)[0]); return err }(),
		"an unknown type": func() error {
			_, err := a.cloud.Upload(account, simulator.Truth{Type: "hyrox", Start: noon, Duration: time.Hour})
			return err
		}(),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if a.cloud.Truth("1") != nil || a.cloud.Records("1") != nil {
		t.Error("a stranger has records")
	}
}

func TestEveryTypeCanBeUploaded(t *testing.T) {
	a := newApp(t, nil)
	types := googlehealth.ExerciseTypes()
	if len(types) != 181 || !slices.IsSorted(slices.Compact(slices.Clone(types))) && len(slices.Compact(slices.Clone(types))) != 181 {
		t.Fatalf("%d types", len(types))
	}
	for i, word := range types {
		id, err := a.cloud.Upload(a.account(1), simulator.Truth{Type: strings.ToLower(word), Start: noon.Add(-time.Duration(i) * time.Hour), Duration: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if e := point(t, a.cloud.RawRecord(a.account(1), id)); e.Exercise.ExerciseType != word || e.Exercise.DisplayName == "" {
			t.Errorf("%s is %s %q", word, e.Exercise.ExerciseType, e.Exercise.DisplayName)
		}
	}
}

func TestARecordCanBeGivenWhole(t *testing.T) {
	a := newApp(t, nil)
	account := a.account(0)
	name, steps := "Hyrox", 0
	given := googlehealth.Record{
		Truth:  simulator.Truth{ExternalID: "made-by-an-app", Type: "other", Name: &name, Start: noon.Add(-time.Hour), Duration: time.Hour, Steps: &steps},
		Source: googlehealth.Source{Recording: "DERIVED", Platform: "HEALTH_KIT", Device: &googlehealth.Device{FormFactor: "RING"}},
		Detail: googlehealth.Detail{ExerciseType: "HYROX", Notes: "first"},
	}
	id, err := a.cloud.UploadRecord(account, given)
	if err != nil || id != given.ExternalID {
		t.Fatalf("%s %v", id, err)
	}
	e := point(t, a.cloud.RawRecord(account, id))
	if e.Exercise.ExerciseType != "HYROX" || e.DataSource.Platform != "HEALTH_KIT" || e.DataSource.Device.FormFactor != "RING" || e.Exercise.Notes != "first" || *e.Exercise.MetricsSummary.Steps != "0" {
		t.Errorf("uploaded %+v", e)
	}
	if err := a.cloud.EditRecord(account, id, func(r *googlehealth.Record) { r.Detail.Notes = "second"; r.Detail.Created = noon.AddDate(1, 0, 0) }); err != nil {
		t.Fatal(err)
	}
	if e := point(t, a.cloud.RawRecord(account, id)); e.Exercise.Notes != "second" || !e.Exercise.CreateTime.Equal(noon) {
		t.Errorf("edited to %+v", e.Exercise)
	}
	if _, err := a.cloud.UploadRecord(account, googlehealth.Record{Truth: simulator.Truth{ExternalID: "No", Type: "other", Start: noon, Duration: 1}}); err == nil {
		t.Error("an impossible id was taken")
	}
}

func TestEditsStayWhenTheDaysGoOn(t *testing.T) {
	a := newApp(t, nil)
	account := a.account(0)
	first := a.cloud.Truth(account)
	steps := 4
	if err := a.cloud.Delete(account, first[0].ExternalID); err != nil {
		t.Fatal(err)
	}
	if err := a.cloud.Edit(account, first[1].ExternalID, func(w *simulator.Truth) { w.Steps = &steps }); err != nil {
		t.Fatal(err)
	}
	a.clock.Forward(30 * 24 * time.Hour)
	later := a.cloud.Truth(account)
	if later[0].ExternalID != first[1].ExternalID || *later[0].Steps != 4 || len(later) < len(first)+10 {
		t.Errorf("%d workouts, the first %s", len(later), later[0].ExternalID)
	}
}

func TestAChainAcrossTheSources(t *testing.T) {
	a := newApp(t, nil)
	start := time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC)
	chain := simulator.Chain(simulator.Truth{Type: "yoga", Start: start, Duration: time.Hour})
	apps := []string{"com.example.one", "com.example.two", "com.example.three"}
	for i, link := range chain {
		r := googlehealth.Record{Truth: link, Source: googlehealth.Source{Recording: "UNKNOWN", Platform: "HEALTH_CONNECT", Application: apps[i]}}
		if _, err := a.cloud.UploadRecord(a.account(0), r); err != nil {
			t.Fatal(err)
		}
	}
	points, _ := a.all(a.connect(0).Access, filtered(field+` >= "2026-04-01T00:00:00" AND `+field+` < "2026-04-01T05:00:00"`))
	if len(points) != 3 {
		t.Fatalf("%d links", len(points))
	}
	merged, _ := a.all(a.connect(0).Access, strings.Replace(filtered(field+` >= "2026-04-01T00:00:00" AND `+field+` < "2026-04-01T05:00:00"`), "dataPoints?", "dataPoints:reconcile?", 1))
	if len(merged) != 2 { // the newest, and the oldest, which does not overlap it enough
		t.Errorf("%d merged", len(merged))
	}
}
