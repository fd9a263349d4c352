package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// checkLaps compares the splits and laps of a user's full records with what the cloud
// has of the account. Lists show none.
func (w *googleWorld) checkLaps(ctx context.Context, t *testing.T, user client.User, account string) {
	t.Helper()
	rows := byExternalID(t, w.rows(ctx, t, user))
	splits := 0
	for _, r := range w.health.Records(account) {
		row, ok := rows[r.ExternalID]
		if !ok || strings.Contains(string(row), `"splits"`) || strings.Contains(string(row), `"laps"`) {
			t.Errorf("the list shows of %s: %s", r.ExternalID, row)
			continue
		}
		var got struct{ Splits, Laps []events.Lap }
		var body []byte
		if err := w.in.Client.Call(ctx, http.MethodGet, "/workouts/"+workoutID(t, row), nil, &body); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		if !sameLaps(got.Splits, r.Detail.Splits) || !sameLaps(got.Laps, r.Detail.Laps) {
			t.Errorf("the record of %s is %s, the cloud has %+v and %+v", r.ExternalID, body, r.Detail.Splits, r.Detail.Laps)
		}
		splits += len(got.Splits)
	}
	if splits == 0 { // laps are rare
		t.Error("the control: no record has splits")
	}
}

func sameLaps(got []events.Lap, want []googlehealth.Split) bool {
	return (got == nil) == (want == nil) && slices.EqualFunc(got, want, func(l events.Lap, s googlehealth.Split) bool {
		return l.StartTime != nil && l.EndTime != nil && l.ActiveDurationSeconds != nil && l.Trigger != nil &&
			l.StartTime.Equal(s.Start) && l.EndTime.Equal(s.End) && *l.ActiveDurationSeconds == s.Active.Seconds() && *l.Trigger == strings.ToLower(s.Type) &&
			(l.DistanceMeters == nil) == (s.DistanceMillimeters == nil) && (l.DistanceMeters == nil || *l.DistanceMeters == *s.DistanceMillimeters/1000) &&
			(l.AvgHeartRateBPM == nil) == (s.AvgHeartRateBPM == nil) && (l.AvgHeartRateBPM == nil || *l.AvgHeartRateBPM == *s.AvgHeartRateBPM)
	})
}
