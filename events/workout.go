package events

import (
	"encoding/json"
	"time"
)

// WorkoutSource says what recorded a workout.
type WorkoutSource struct {
	Provider   string  `json:"provider"`
	Source     *string `json:"source"`      // the app or service the provider had it from
	Device     *string `json:"device"`      // the provider's id of the device model
	DeviceType *string `json:"device_type"` // tracker, watch, phone, app, …
	DeviceName *string `json:"device_name"`
}

// HeartRateZone is the time spent in one zone of heart rate.
type HeartRateZone struct {
	Zone            string   `json:"zone"` // out_of_zone, fat_burn, cardio, peak; light, moderate, vigorous; zone_1, … when custom
	MinBPM          *int     `json:"min_bpm"`
	MaxBPM          *int     `json:"max_bpm"`
	DurationSeconds *float64 `json:"duration_seconds"`
	CaloriesKcal    *float64 `json:"calories_kcal"`
}

// What ended a lap.
const (
	LapManual   = "manual"   // the person pressed the button
	LapDuration = "duration" // a time that was set
	LapDistance = "distance" // a kilometre, a mile, a length that was set
	LapCalories = "calories" // an energy that was set
)

// Lap is a part of a workout with figures of its own: a split or a lap. What the
// provider did not say of it is null.
type Lap struct {
	StartTime             *time.Time `json:"start_time"`
	EndTime               *time.Time `json:"end_time"`
	DurationSeconds       *float64   `json:"duration_seconds"`        // from start to end, with pauses
	ActiveDurationSeconds *float64   `json:"active_duration_seconds"` // without pauses
	Trigger               *string    `json:"trigger"`                 // what ended it: manual, duration, distance, calories
	DistanceMeters        *float64   `json:"distance_meters"`
	CaloriesKcal          *float64   `json:"calories_kcal"`
	Steps                 *int64     `json:"steps"`
	AvgHeartRateBPM       *int       `json:"avg_heart_rate_bpm"`
	AvgSpeedMPS           *float64   `json:"avg_speed_mps"`
	AvgPaceSecPerKM       *float64   `json:"avg_pace_sec_per_km"`
	ElevationGainMeters   *float64   `json:"elevation_gain_meters"`
	ActiveZoneMinutes     *int       `json:"active_zone_minutes"`
}

// How a workout came to be recorded.
const (
	RecordingManual    = "manual"
	RecordingAutomatic = "automatic" // detected by the device
	RecordingActive    = "active"    // the person pressed start
	RecordingUnknown   = "unknown"
)

// Workout is the normalized workout. Its JSON members are those of the REST API
// and the columns of the database. A member that the provider did not send is
// null; a zero is a zero.
type Workout struct {
	ID                    string          `json:"id"`
	UserID                string          `json:"user_id"`
	ExternalID            string          `json:"external_id"`
	Type                  string          `json:"type"`     // of the vocabulary in provider/vocabulary
	Category              string          `json:"category"` // groups types for charts
	ProviderType          *string         `json:"provider_type"`
	Name                  *string         `json:"name"`
	StartTime             time.Time       `json:"start_time"`
	EndTime               time.Time       `json:"end_time"`
	ZoneOffset            *string         `json:"zone_offset"` // "+02:00"
	OffsetSource          string          `json:"offset_source"`
	LocalDate             *string         `json:"local_date"` // YYYY-MM-DD of the start, where it happened
	DurationSeconds       float64         `json:"duration_seconds"`
	ActiveDurationSeconds *float64        `json:"active_duration_seconds"`
	Source                WorkoutSource   `json:"source"`
	RecordingMethod       string          `json:"recording_method"`
	CaloriesKcal          *float64        `json:"calories_kcal"`
	DistanceMeters        *float64        `json:"distance_meters"`
	Steps                 *int64          `json:"steps"`
	AvgHeartRateBPM       *int            `json:"avg_heart_rate_bpm"`
	MaxHeartRateBPM       *int            `json:"max_heart_rate_bpm"`
	AvgSpeedMPS           *float64        `json:"avg_speed_mps"`
	AvgPaceSecPerKM       *float64        `json:"avg_pace_sec_per_km"`
	ElevationGainMeters   *float64        `json:"elevation_gain_meters"`
	ActiveZoneMinutes     *int            `json:"active_zone_minutes"`
	HeartRateZones        []HeartRateZone `json:"heart_rate_zones" jsonschema:"nullable"`
	// Details keeps what the provider said beyond the members above, in the
	// provider's own words; the full record shows it, lists do not.
	Details json.RawMessage `json:"details,omitempty"`
	Version uint64          `json:"version"`         // stream sequence of the winning fact
	Splits  []Lap           `json:"splits,omitzero"` // parts that the provider made by itself, of a kilometre or a mile each; absent when the record tells of none
	Laps    []Lap           `json:"laps,omitzero"`   // parts that the person or a plan ended; absent when the record tells of none
}

// WorkoutChange is what the three Workout events have in common: the whole
// workout, so that a consumer that keeps the highest version needs nothing else.
type WorkoutChange struct {
	WorkoutID         string    `json:"workout_id"`
	UserID            string    `json:"user_id"`
	Provider          string    `json:"provider"`
	ExternalID        string    `json:"external_id"`
	Version           uint64    `json:"version"` // of several events about a workout the highest wins
	FactID            string    `json:"fact_id"` // ce-id of the fact that caused it
	NormalizerVersion int       `json:"normalizer_version,omitempty"`
	At                time.Time `json:"at"`                // time of that fact
	Workout           *Workout  `json:"workout,omitempty"` // absent once removed
	// DuplicateOf is the workout that this one is another record of; absent for none.
	// It says so as of LinkVersion.
	DuplicateOf *string `json:"duplicate_of,omitempty"`
	// LinkVersion orders what is said about duplicate_of, here and in WorkoutLinked; of
	// several statements the highest counts, of equal ones the later. Absent: nothing
	// was ever said.
	LinkVersion uint64 `json:"link_version,omitempty"`
}

// WorkoutRecorded says that a workout exists that did not exist before.
type WorkoutRecorded struct{ WorkoutChange }

// EventType implements Data.
func (*WorkoutRecorded) EventType() Type { return TypeWorkoutRecorded }

// WorkoutUpdated says that a workout has a new version.
type WorkoutUpdated struct{ WorkoutChange }

// EventType implements Data.
func (*WorkoutUpdated) EventType() Type { return TypeWorkoutUpdated }

// WorkoutLinked says which workout another one repeats. Both are records of the same
// workout, seen through several providers or sources; what sums up leaves the other out.
type WorkoutLinked struct {
	WorkoutID   string  `json:"workout_id"`
	UserID      string  `json:"user_id"`
	Provider    string  `json:"provider"`
	DuplicateOf *string `json:"duplicate_of"` // the workout to count, which itself is no duplicate; null: this one
	LinkVersion uint64  `json:"link_version"` // of several statements about a workout the highest counts, of equal ones the later; the sequence of a fact about the person
}

// EventType implements Data.
func (*WorkoutLinked) EventType() Type { return TypeWorkoutLinked }

// WorkoutRemoved says that a workout is gone at the provider.
type WorkoutRemoved struct{ WorkoutChange }

// EventType implements Data.
func (*WorkoutRemoved) EventType() Type { return TypeWorkoutRemoved }
