package simulator

import (
	"slices"
	"time"
)

// The ways a workout comes to be recorded, in the words of the neutral workout.
const (
	RecordedActively      = "active"    // the person pressed start
	RecordedAutomatically = "automatic" // the device noticed
	RecordedManually      = "manual"    // typed in later
)

// The kinds of devices.
const (
	DeviceTracker = "tracker"
	DeviceApp     = "app"
)

// Zone is the time spent in one zone of heart rate.
type Zone struct {
	Word         string // out_of_zone, fat_burn, cardio, peak
	Label        string // the zone's name in the person's language
	MinBPM       int
	MaxBPM       int // the next zone's MinBPM
	Minutes      int
	CaloriesKcal *float64 // one decimal; nil before 2019, when providers did not say
}

// Device is what recorded a workout.
type Device struct {
	ID       string
	Name     string
	Type     string // DeviceTracker or DeviceApp
	Features []string
}

// Levels are minutes by intensity.
type Levels struct{ Sedentary, Lightly, Fairly, Very int }

// Truth is one workout as it happened. A nil member is one that the provider
// does not know and so does not send; a zero is a zero.
type Truth struct {
	ExternalID string // decimal digits; 19 of them on newer records, which is above 2^53
	// Type is a word of the workout vocabulary.
	Type string
	// Name is the label the provider shows, in the person's language.
	Name *string
	// Custom marks a type of a partner or of the person, with an id of its own.
	Custom bool
	// Start carries the offset that the record shows, as a fixed zone.
	Start          time.Time
	Duration       time.Duration // pauses included; whole seconds
	ActiveDuration time.Duration // without pauses; at most Duration
	// OriginalStart and OriginalDuration are as first recorded: they differ
	// from Start and Duration after an edit.
	OriginalStart    time.Time
	OriginalDuration time.Duration
	// Modified is when the provider got to know this version. Before it, the
	// record cannot be seen.
	Modified  time.Time
	Recording string  // one of the Recorded… words
	Device    *Device // nil on records bridged from elsewhere and on manual ones
	// DistanceMeters is whole metres, or whole hundredths of a mile for people
	// who use miles.
	DistanceMeters *float64
	Paced          bool // the provider shows a pace where there is a distance
	CaloriesKcal   *int
	Steps          *int
	// AvgHeartRateBPM is with the heart rate zones, or alone on manual records.
	AvgHeartRateBPM     *int
	Zones               []Zone   // rising; nil when heart rate was not measured
	ElevationGainMeters *float64 // whole floors of 3.048 m
	Levels              Levels
}

// End is when the workout was over. Pauses count.
func (t Truth) End() time.Time { return t.Start.Add(t.Duration) }

// LocalDate is the day of the start where it happened, YYYY-MM-DD.
func (t Truth) LocalDate() string { return t.Start.Format(time.DateOnly) }

// Offset is the UTC offset of the record: "+02:00", and "+00:00" for zero.
func (t Truth) Offset() string { return t.Start.Format("-07:00") }

// AvgSpeedMPS is metres per second of active time; nil without a distance, zero
// for a distance of zero. Compare with a tolerance of 1e-6.
func (t Truth) AvgSpeedMPS() *float64 {
	if t.DistanceMeters == nil {
		return nil
	}
	speed := 0.0
	if *t.DistanceMeters > 0 && t.ActiveDuration > 0 {
		speed = *t.DistanceMeters / t.ActiveDuration.Seconds()
	}
	return &speed
}

// AvgPaceSecPerKM is seconds of active time for a kilometre; nil where the
// provider shows none. Compare with a tolerance of 1e-6.
func (t Truth) AvgPaceSecPerKM() *float64 {
	if !t.Paced || t.DistanceMeters == nil || *t.DistanceMeters <= 0 {
		return nil
	}
	pace := t.ActiveDuration.Seconds() * 1000 / *t.DistanceMeters
	return &pace
}

// ActiveZoneMinutes is one for a minute of fat burn and two for a minute of
// cardio or peak; nil when heart rate was not measured, and before 2020, when
// providers did not count them.
func (t Truth) ActiveZoneMinutes() *int {
	if t.Zones == nil || t.Start.UTC().Year() < 2020 {
		return nil
	}
	total := 0
	for i, z := range t.Zones {
		total += z.Minutes * min(i, 2)
	}
	return &total
}

// Copy shares nothing with t.
func (t Truth) Copy() Truth {
	t.Name = copied(t.Name)
	t.DistanceMeters = copied(t.DistanceMeters)
	t.CaloriesKcal = copied(t.CaloriesKcal)
	t.Steps = copied(t.Steps)
	t.AvgHeartRateBPM = copied(t.AvgHeartRateBPM)
	t.ElevationGainMeters = copied(t.ElevationGainMeters)
	t.Zones = slices.Clone(t.Zones)
	for i := range t.Zones {
		t.Zones[i].CaloriesKcal = copied(t.Zones[i].CaloriesKcal)
	}
	if t.Device != nil {
		device := *t.Device
		device.Features = slices.Clone(device.Features)
		t.Device = &device
	}
	return t
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
