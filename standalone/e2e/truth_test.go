package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider/simulator"
)

// served is a workout as REST shows it.
type served struct {
	events.Workout
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// differences compares what REST serves with what happened, field by field.
// Truth is the simulator's own record, not derived from what it sent.
func differences(raw json.RawMessage, userID string, truth simulator.Truth) []string {
	provider := "fitbit"
	device, app := (*string)(nil), &provider // what no app wrote is from the provider itself
	switch {
	case truth.Device == nil:
	case truth.Device.Type == simulator.DeviceApp:
		app = &truth.Device.Name
	default:
		device = &truth.Device.Name
	}
	got, found := measureDifferences(raw, userID, provider, truth)
	found.equal("source.device_name", got.Source.DeviceName, device)
	found.equal("source.source", got.Source.Source, app)
	return append(found, zoneDifferences(got.HeartRateZones, truth.Zones)...)
}

// found is what differs.
type found []string

func (f *found) equal(field string, got, want any) {
	if !reflect.DeepEqual(got, want) {
		*f = append(*f, fmt.Sprintf("%s: served %s, happened %s", field, show(got), show(want)))
	}
}

func (f *found) near(field string, got, want *float64) {
	if (got == nil) != (want == nil) || (got != nil && math.Abs(*got-*want) > 1e-6*math.Max(1, math.Abs(*want))) {
		*f = append(*f, fmt.Sprintf("%s: served %v, happened %v", field, show(got), show(want)))
	}
}

// measureDifferences compares what providers tell alike: everything but the source
// and the zones.
func measureDifferences(raw json.RawMessage, userID, provider string, truth simulator.Truth) (got served, found found) {
	if err := json.Unmarshal(raw, &got); err != nil {
		return got, []string{err.Error()}
	}
	found.equal("id", got.ID, events.WorkoutID(userID, provider, truth.ExternalID))
	found.equal("user_id", got.UserID, userID)
	found.equal("external_id", got.ExternalID, truth.ExternalID)
	if !truth.Custom { // a custom type's name is free text: it maps to other
		found.equal("type", got.Type, truth.Type)
	}
	found.equal("name", got.Name, truth.Name)
	found.equal("start_time", got.StartTime.UTC(), truth.Start.UTC())
	found.equal("end_time", got.EndTime.UTC(), truth.End().UTC())
	offset, date, active := truth.Offset(), truth.LocalDate(), truth.ActiveDuration.Seconds()
	found.equal("zone_offset", got.ZoneOffset, &offset)
	found.equal("offset_source", got.OffsetSource, events.OffsetFromRecord)
	found.equal("local_date", got.LocalDate, &date)
	found.equal("duration_seconds", got.DurationSeconds, truth.Duration.Seconds())
	found.equal("active_duration_seconds", got.ActiveDurationSeconds, &active)
	found.equal("recording_method", got.RecordingMethod, truth.Recording)
	found.equal("source.provider", got.Source.Provider, provider)
	found.near("distance_meters", got.DistanceMeters, truth.DistanceMeters)
	found.near("calories_kcal", got.CaloriesKcal, float(truth.CaloriesKcal))
	found.near("avg_speed_mps", got.AvgSpeedMPS, truth.AvgSpeedMPS())
	found.near("avg_pace_sec_per_km", got.AvgPaceSecPerKM, truth.AvgPaceSecPerKM())
	found.near("elevation_gain_meters", got.ElevationGainMeters, truth.ElevationGainMeters)
	if (got.Steps == nil) != (truth.Steps == nil) || (got.Steps != nil && int(*got.Steps) != *truth.Steps) {
		found = append(found, fmt.Sprintf("steps: served %v, happened %v", show(got.Steps), show(truth.Steps)))
	}
	found.equal("avg_heart_rate_bpm", got.AvgHeartRateBPM, truth.AvgHeartRateBPM)
	found.equal("max_heart_rate_bpm", got.MaxHeartRateBPM, (*int)(nil)) // no provider says
	found.equal("active_zone_minutes", got.ActiveZoneMinutes, truth.ActiveZoneMinutes())
	return got, found
}

func zoneDifferences(got []events.HeartRateZone, want []simulator.Zone) []string {
	if len(got) != len(want) {
		return []string{fmt.Sprintf("heart_rate_zones: served %d, happened %d", len(got), len(want))}
	}
	var found []string
	for i, z := range want {
		seconds := float64(z.Minutes) * 60
		happened := events.HeartRateZone{Zone: z.Word, MinBPM: &z.MinBPM, MaxBPM: &z.MaxBPM, DurationSeconds: &seconds, CaloriesKcal: z.CaloriesKcal}
		if !reflect.DeepEqual(got[i], happened) {
			found = append(found, fmt.Sprintf("heart_rate_zones[%d]: served %s, happened %s", i, show(got[i]), show(happened)))
		}
	}
	return found
}

func float(i *int) *float64 {
	if i == nil {
		return nil
	}
	f := float64(*i)
	return &f
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
