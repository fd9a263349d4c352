package provider

import "time"

// Sighting is when and how an activity was recorded, as one record says it. Two
// records of different ids are compared by it.
type Sighting struct {
	ID       string    // the record's external id
	Start    time.Time // UTC
	Wall     bool      // Start may be a wall clock's time instead
	Duration time.Duration
	// Offset is that of the place, in seconds east of UTC; nil when the record does not
	// say it itself.
	Offset *int
	// LogType is the provider's word for how the activity was recorded, in lower case;
	// empty when the record has none.
	LogType string
}

// How far two records of one activity may be apart. Measured over accounts whose
// export has the activities twice, under two kinds of ids: every pair of one activity
// agreed about the log type, too.
const (
	MaxStartGap    = 2 * time.Minute
	MaxDurationGap = 126 * time.Second
)

// Same says whether two records whose starts are UTC are of one activity.
func (s Sighting) Same(other Sighting) bool {
	return s.sameType(other) && s.Start.Sub(other.Start).Abs() <= MaxStartGap && (s.Duration-other.Duration).Abs() <= MaxDurationGap
}

// sameType says whether two records may be of one log type. One that has none is
// compared by its times alone.
func (s Sighting) sameType(other Sighting) bool {
	return s.LogType == other.LogType || s.LogType == "" || other.LogType == ""
}

// Sighter is a Normalizer that says more about a record than its workout does.
type Sighter interface {
	// Sight is the sighting of a record; false when the record does not say when the
	// activity was.
	Sight(r Record) (Sighting, bool)
}

// Sight is the sighting of a record. Of a format without a Sighter it is made of the
// workout, which knows no log type.
func (n Normalizers) Sight(r Record) (Sighting, bool) {
	normalizer, known := n[r.Format]
	if !known {
		return Sighting{}, false
	}
	if sighter, ok := normalizer.(Sighter); ok {
		s, ok := sighter.Sight(r)
		s.ID = r.ExternalID
		return s, ok
	}
	w, err := normalizer.Normalize(r)
	if err != nil {
		return Sighting{}, false
	}
	return Sighting{ID: r.ExternalID, Start: w.StartTime, Duration: w.EndTime.Sub(w.StartTime)}, true
}
