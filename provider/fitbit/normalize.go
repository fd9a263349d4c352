package fitbit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

// normalizerVersion rises whenever the same record may give another workout.
const normalizerVersion = 2

// maxDuration bounds a workout; a longer one is a broken number.
const maxDuration = 366 * 24 * time.Hour

// activityNormalizer reads entries of the activity log list.
type activityNormalizer struct{}

// Version implements provider.Normalizer.
func (activityNormalizer) Version() int { return normalizerVersion }

// Normalize implements provider.Normalizer. A record needs a start with an
// offset and a duration. Any other member that is missing or makes no sense
// stays null, and what makes no sense stays readable in the details.
func (activityNormalizer) Normalize(r provider.Record) (events.Workout, error) {
	members, err := rawjson.Read(r.Raw)
	if err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: %w", FormatActivityList, err)
	}
	entry := newReading(members)
	w := events.Workout{Source: events.WorkoutSource{Provider: Name}}
	if err := entry.span(&w); err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: %w", FormatActivityList, err)
	}
	entry.kind(&w)
	entry.measures(&w, r.Context.DistanceUnit)
	entry.heart(&w)
	entry.origin(&w)
	if w.Details, err = members.Without(entry.used); err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: keep details: %w", FormatActivityList, err)
	}
	return w, nil
}

// reading takes members off an entry and remembers which ones a workout now
// says in full; all others go into its details.
type reading struct {
	members rawjson.Members
	used    []string
}

// usual is how many members of a record a workout says in full, at most.
const usual = 16

func newReading(members rawjson.Members) *reading {
	return &reading{members: members, used: make([]string, 0, usual)}
}

// span reads when the workout was. The end is start + duration: duration
// includes the pauses, activeDuration does not (section 4).
func (e *reading) span(w *events.Workout) error {
	start, ok := instantOf(e.members.Value("startTime"))
	if !ok {
		return errors.New("startTime is missing or is not a time with an offset")
	}
	duration, ok := milliseconds(e.members.Value("duration"))
	if !ok {
		return errors.New("duration is missing or is no plausible number of milliseconds")
	}
	e.use("startTime", "duration")
	offset, day := start.Format("-07:00"), start.Format(time.DateOnly)
	w.StartTime = start.UTC()
	w.EndTime = w.StartTime.Add(duration)
	w.ZoneOffset, w.LocalDate = &offset, &day
	w.OffsetSource = events.OffsetFromRecord
	w.DurationSeconds = duration.Seconds()
	if active, ok := milliseconds(e.members.Value("activeDuration")); ok {
		e.use("activeDuration")
		seconds := active.Seconds()
		w.ActiveDurationSeconds = &seconds
	}
	return nil
}

// kind reads what was done. The id decides the type, because the name comes in
// the account's language; the provider's word is the name, or else the id. Of an id
// that is not known the name decides, if it is an English one: of ids that people or
// partners made nothing else tells the type.
func (e *reading) kind(w *events.Workout) {
	id, known := digitsOf(e.members.Value("activityTypeId")) // stays in the details: several ids share a type
	w.Type = workoutType(id)
	w.Category = vocabulary.Category(w.Type)
	if name, ok := rawjson.Text(e.members.Value("activityName")); ok {
		e.use("activityName")
		w.ProviderType, w.Name = &name, &name
		if w.Type == vocabulary.Other {
			w.Type = namedType(name)
			w.Category = vocabulary.Category(w.Type)
		}
	} else if known {
		w.ProviderType = &id
	}
	if _, ok := digitsOf(e.members.Value("logId")); ok {
		e.use("logId") // the workout's external id
	}
}

// origin reads what recorded the workout, and how. Both stay in the details:
// the words say more than the workout's members.
func (e *reading) origin(w *events.Workout) {
	logType, _ := rawjson.Text(e.members.Value("logType"))
	w.RecordingMethod = recordingMethod(logType)
	source, err := rawjson.Read(e.members.Value("source"))
	if err != nil {
		return // entries bridged from other platforms have none
	}
	id, name, kind := optionalText(source.Value("id")), optionalText(source.Value("name")), optionalText(source.Value("type"))
	w.Source.DeviceType = kind
	if kind != nil && (*kind == "app" || *kind == "api") {
		w.Source.Source = name
		return
	}
	w.Source.Device, w.Source.DeviceName = id, name
}

func recordingMethod(logType string) string {
	switch logType {
	case "manual":
		return events.RecordingManual
	case "auto_detected":
		return events.RecordingAutomatic
	case "tracker", "mobile_run", "fitstar":
		return events.RecordingActive
	default:
		return events.RecordingUnknown
	}
}

func (e *reading) use(names ...string) {
	e.used = append(e.used, names...)
}

// milliseconds reads a duration that a workout can have.
func milliseconds(value json.RawMessage) (time.Duration, bool) {
	n, ok := rawjson.Number(value)
	if !ok || n < 0 || n > float64(maxDuration.Milliseconds()) {
		return 0, false
	}
	return time.Duration(math.Round(n * float64(time.Millisecond))), true
}

func optionalText(value json.RawMessage) *string {
	if text, ok := rawjson.Text(value); ok {
		return &text
	}
	return nil
}
