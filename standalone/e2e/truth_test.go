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
	var got served
	if err := json.Unmarshal(raw, &got); err != nil {
		return []string{err.Error()}
	}
	var found []string
	equal := func(field string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			found = append(found, fmt.Sprintf("%s: served %s, happened %s", field, show(got), show(want)))
		}
	}
	near := func(field string, got, want *float64) {
		if (got == nil) != (want == nil) || (got != nil && math.Abs(*got-*want) > 1e-6*math.Max(1, math.Abs(*want))) {
			found = append(found, fmt.Sprintf("%s: served %v, happened %v", field, show(got), show(want)))
		}
	}
	equal("id", got.ID, events.WorkoutID(userID, "fitbit", truth.ExternalID))
	equal("user_id", got.UserID, userID)
	equal("external_id", got.ExternalID, truth.ExternalID)
	if !truth.Custom { // a custom type's name is free text: it maps to other
		equal("type", got.Type, truth.Type)
	}
	equal("name", got.Name, truth.Name)
	equal("start_time", got.StartTime.UTC(), truth.Start.UTC())
	equal("end_time", got.EndTime.UTC(), truth.End().UTC())
	offset, date, active := truth.Offset(), truth.LocalDate(), truth.ActiveDuration.Seconds()
	equal("zone_offset", got.ZoneOffset, &offset)
	equal("offset_source", got.OffsetSource, events.OffsetFromRecord)
	equal("local_date", got.LocalDate, &date)
	equal("duration_seconds", got.DurationSeconds, truth.Duration.Seconds())
	equal("active_duration_seconds", got.ActiveDurationSeconds, &active)
	equal("recording_method", got.RecordingMethod, truth.Recording)
	equal("source.provider", got.Source.Provider, "fitbit")
	var device, app *string
	switch {
	case truth.Device == nil:
	case truth.Device.Type == simulator.DeviceApp:
		app = &truth.Device.Name
	default:
		device = &truth.Device.Name
	}
	equal("source.device_name", got.Source.DeviceName, device)
	equal("source.source", got.Source.Source, app)
	near("distance_meters", got.DistanceMeters, truth.DistanceMeters)
	near("calories_kcal", got.CaloriesKcal, float(truth.CaloriesKcal))
	near("avg_speed_mps", got.AvgSpeedMPS, truth.AvgSpeedMPS())
	near("avg_pace_sec_per_km", got.AvgPaceSecPerKM, truth.AvgPaceSecPerKM())
	near("elevation_gain_meters", got.ElevationGainMeters, truth.ElevationGainMeters)
	if (got.Steps == nil) != (truth.Steps == nil) || (got.Steps != nil && int(*got.Steps) != *truth.Steps) {
		found = append(found, fmt.Sprintf("steps: served %v, happened %v", show(got.Steps), show(truth.Steps)))
	}
	equal("avg_heart_rate_bpm", got.AvgHeartRateBPM, truth.AvgHeartRateBPM)
	equal("max_heart_rate_bpm", got.MaxHeartRateBPM, (*int)(nil)) // Fitbit does not say
	equal("active_zone_minutes", got.ActiveZoneMinutes, truth.ActiveZoneMinutes())
	return append(found, zoneDifferences(got.HeartRateZones, truth.Zones)...)
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
