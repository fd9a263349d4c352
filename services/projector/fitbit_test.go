package projector_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

// The connector's own recorded record, through the log, into the view.
func TestAFitbitRecordBecomesTheWorkoutItsNormalizerSays(t *testing.T) {
	raw, err := os.ReadFile("../../provider/fitbit/testdata/records/full_metric.json")
	if err != nil {
		t.Fatal(err)
	}
	record := provider.Record{Provider: fitbit.Name, ExternalID: "1234567890123456789", Format: fitbit.FormatActivityList, Raw: raw}
	want, err := fitbit.Normalizers()[fitbit.FormatActivityList].Normalize(record)
	if err != nil {
		t.Fatal(err)
	}
	want.UserID, want.ExternalID, want.Version = anna, record.ExternalID, 1
	want.ID = events.WorkoutID(anna, fitbit.Name, record.ExternalID)
	want.Details = nil
	want.StartTime, want.EndTime = want.StartTime.UTC(), want.EndTime.UTC()
	expected, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}

	s := newSystem(t)
	s.service = s.another(t, fitbit.Normalizers())
	e := projectortest.Fact{User: anna, External: record.ExternalID, Format: record.Format}.Event()
	fetched, ok := e.Data.(*events.ActivityFetched)
	if !ok {
		t.Fatalf("the fact is a %T", e.Data)
	}
	fetched.Raw = raw
	if _, err := s.bus.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	s.run(t)
	s.drained(t)
	same := projectortest.Strings(t, s.db, "SELECT (doc::jsonb = $1::jsonb)::text || ' ' || (details IS NOT NULL)::text FROM projector.view_workouts_v1", string(expected))
	if len(same) != 1 || same[0] != "true true" {
		t.Errorf("%q; stored %s, want %s", same, projectortest.Strings(t, s.db, "SELECT coalesce(doc, '-') FROM projector.view_workouts_v1"), expected)
	}
}
