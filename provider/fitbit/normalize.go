package fitbit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

// normalizerVersion rises whenever the same record may give another workout.
const normalizerVersion = 1

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
	members, err := readMembers(r.Raw)
	if err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: %w", FormatActivityList, err)
	}
	entry := &reading{fields: members.byName(), used: map[string]bool{}}
	w := events.Workout{Source: events.WorkoutSource{Provider: Name}}
	if err := entry.span(&w); err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: %w", FormatActivityList, err)
	}
	entry.kind(&w)
	entry.measures(&w, r.Context.DistanceUnit)
	entry.heart(&w)
	entry.origin(&w)
	if w.Details, err = members.without(entry.used); err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: keep details: %w", FormatActivityList, err)
	}
	return w, nil
}

// reading takes members off an entry and remembers which ones a workout now
// says in full; all others go into its details.
type reading struct {
	fields map[string]json.RawMessage
	used   map[string]bool
}

// span reads when the workout was. The end is start + duration: duration
// includes the pauses, activeDuration does not (section 4).
func (e *reading) span(w *events.Workout) error {
	start, ok := instantOf(e.fields["startTime"])
	if !ok {
		return errors.New("startTime is missing or is not a time with an offset")
	}
	duration, ok := milliseconds(e.fields["duration"])
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
	if active, ok := milliseconds(e.fields["activeDuration"]); ok {
		e.use("activeDuration")
		seconds := active.Seconds()
		w.ActiveDurationSeconds = &seconds
	}
	return nil
}

// kind reads what was done. The id decides the type, because the name comes in
// the account's language; the provider's word is the name, or else the id.
func (e *reading) kind(w *events.Workout) {
	id, known := digitsOf(e.fields["activityTypeId"]) // stays in the details: several ids share a type
	w.Type = workoutType(id)
	w.Category = vocabulary.Category(w.Type)
	if name, ok := textOf(e.fields["activityName"]); ok {
		e.use("activityName")
		w.ProviderType, w.Name = &name, &name
	} else if known {
		w.ProviderType = &id
	}
	if _, ok := digitsOf(e.fields["logId"]); ok {
		e.use("logId") // the workout's external id
	}
}

// origin reads what recorded the workout, and how. Both stay in the details:
// the words say more than the workout's members.
func (e *reading) origin(w *events.Workout) {
	logType, _ := textOf(e.fields["logType"])
	w.RecordingMethod = recordingMethod(logType)
	members, err := readMembers(e.fields["source"])
	if err != nil {
		return // entries bridged from other platforms have none
	}
	source := members.byName()
	id, name, kind := optionalText(source["id"]), optionalText(source["name"]), optionalText(source["type"])
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
	for _, n := range names {
		e.used[n] = true
	}
}

// without is the object of all members but the named ones, values verbatim, but
// for bytes that are no text and that no database takes; nil when none is left.
func (l memberList) without(used map[string]bool) (json.RawMessage, error) {
	size := 2
	for _, m := range l {
		size += len(m.name) + len(m.value) + 4
	}
	out := append(make([]byte, 0, size), '{')
	for _, m := range l {
		if used[m.name] {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		var err error
		if out, err = appendName(out, m.name); err != nil {
			return nil, err
		}
		out = append(append(out, ':'), m.value...)
	}
	if len(out) == 1 {
		return nil, nil
	}
	if out = append(out, '}'); utf8.Valid(out) {
		return out, nil
	}
	return bytes.ToValidUTF8(out, []byte("\ufffd")), nil
}

// milliseconds reads a duration that a workout can have.
func milliseconds(value json.RawMessage) (time.Duration, bool) {
	n, ok := numberOf(value)
	if !ok || n < 0 || n > float64(maxDuration.Milliseconds()) {
		return 0, false
	}
	return time.Duration(math.Round(n * float64(time.Millisecond))), true
}

// numberOf reads a number that a float holds; its bounds are the caller's.
func numberOf(value json.RawMessage) (float64, bool) {
	n, err := strconv.ParseFloat(string(value), 64)
	return n, err == nil && scanNumber(value, 0) == len(value) // ParseFloat also reads Inf and 0x1p4
}

// textOf reads a string that says something.
func textOf(value json.RawMessage) (string, bool) {
	if !peek(value, 0, '"') {
		return "", false
	}
	text, err := nameOf(value)
	return text, err == nil && strings.TrimSpace(text) != ""
}

func optionalText(value json.RawMessage) *string {
	if text, ok := textOf(value); ok {
		return &text
	}
	return nil
}
