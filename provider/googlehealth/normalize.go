package googlehealth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// exerciseNormalizer reads data points of type exercise (section 4).
type exerciseNormalizer struct{}

// Version implements provider.Normalizer.
func (exerciseNormalizer) Version() int { return normalizerVersion }

// Normalize implements provider.Normalizer. A record needs a start and an end. Any
// other member that is missing or makes no sense stays null, since Google leaves
// zeros out; and what a workout has no member for stays readable in the details.
func (exerciseNormalizer) Normalize(r provider.Record) (events.Workout, error) {
	w, err := normalize(r)
	if err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: %w", FormatDataPoint, err)
	}
	return w, nil
}

func normalize(r provider.Record) (events.Workout, error) {
	point, err := readLayer(r.Raw)
	if err != nil {
		return events.Workout{}, err
	}
	exercise, err := readLayer(point.fields["exercise"])
	if err != nil {
		return events.Workout{}, errors.New("exercise is missing or is not an object")
	}
	w := events.Workout{Source: events.WorkoutSource{Provider: Name}}
	if err := exercise.span(&w, r.Context); err != nil {
		return events.Workout{}, err
	}
	exercise.kind(&w)
	exercise.laps(&w)
	if err := exercise.measures(&w); err != nil {
		return events.Workout{}, err
	}
	point.origin(&w)
	if _, ok := parseName(point.fields["name"]); ok {
		point.use("name") // the workout's external id
	}
	if err := point.replace("exercise", exercise); err != nil {
		return events.Workout{}, err
	}
	if w.Details, err = point.members.Without(point.used); err != nil {
		return events.Workout{}, fmt.Errorf("keep details: %w", err)
	}
	return w, nil
}

// layer is an object of a record. It remembers which members a workout now says in
// full; all others go into its details.
type layer struct {
	members rawjson.Members
	fields  map[string]json.RawMessage
	used    []string
}

func readLayer(value json.RawMessage) (*layer, error) {
	members, err := rawjson.Read(value)
	if err != nil {
		return nil, err
	}
	return &layer{members: members, fields: members.ByName()}, nil
}

func (l *layer) use(names ...string) {
	l.used = append(l.used, names...)
}

// replace leaves of a member what the workout does not say of it; nothing, when it
// says all of it.
func (l *layer) replace(name string, inner *layer) error {
	if len(inner.used) == 0 {
		return nil
	}
	rest, err := inner.members.Without(inner.used)
	if err != nil {
		return fmt.Errorf("keep details: %w", err)
	}
	if rest == nil {
		l.use(name)
	}
	for i := range l.members {
		if l.members[i].Name == name {
			l.members[i].Value = rest
		}
	}
	return nil
}

// span reads when the workout was. The duration is that from start to end: only
// activeDuration leaves pauses out.
func (l *layer) span(w *events.Workout, c events.ActivityContext) error {
	interval, err := readLayer(l.fields["interval"])
	if err != nil {
		return errors.New("exercise.interval is missing or is not an object")
	}
	start, ok := instantOf(interval.fields["startTime"])
	if !ok {
		return errors.New("exercise.interval.startTime is missing or is not a time")
	}
	end, ok := instantOf(interval.fields["endTime"])
	if !ok {
		return errors.New("exercise.interval.endTime is missing or is not a time")
	}
	duration := end.Sub(start)
	if duration < 0 || duration > maxDuration {
		return errors.New("exercise.interval ends before it starts, or more than a year later")
	}
	interval.use("startTime", "endTime")
	w.StartTime, w.EndTime, w.DurationSeconds = start, end, duration.Seconds()
	interval.offset(w, c)
	if active, ok := durationOf(l.fields["activeDuration"]); ok && active >= 0 && active <= maxDuration {
		l.use("activeDuration")
		seconds := active.Seconds()
		w.ActiveDurationSeconds = &seconds
	}
	return l.replace("interval", interval)
}

// offset reads the offset at the start: the record's own, else the one that the
// account's zone had then. The offset at the end stays in the details where it is
// another.
func (l *layer) offset(w *events.Workout, c events.ActivityContext) {
	offset, ok := offsetOf(l.fields["startUtcOffset"])
	switch {
	case ok:
		w.OffsetSource = events.OffsetFromRecord
		l.use("startUtcOffset")
		if string(l.fields["endUtcOffset"]) == string(l.fields["startUtcOffset"]) {
			l.use("endUtcOffset")
		}
	case c.UTCOffsetSeconds != nil && (time.Duration(*c.UTCOffsetSeconds)*time.Second).Abs() <= maxOffset:
		offset = time.Duration(*c.UTCOffsetSeconds) * time.Second
		w.OffsetSource = events.OffsetFromProfile
	default:
		w.OffsetSource = events.OffsetUnknown
		return
	}
	local := w.StartTime.In(time.FixedZone("", int(offset.Seconds())))
	zone, day := local.Format("-07:00"), local.Format(time.DateOnly)
	w.ZoneOffset, w.LocalDate = &zone, &day
}

// kind reads what was done. The vocabulary is Google's own enum as it was pinned; a
// type that is newer than that is other, under Google's word. The name comes in the
// account's language.
func (l *layer) kind(w *events.Workout) {
	w.Type = vocabulary.Other
	if word, ok := rawjson.Text(l.fields["exerciseType"]); ok {
		l.use("exerciseType")
		w.ProviderType = &word
		if known := strings.ToLower(word); vocabulary.Known(known) {
			w.Type = known
		}
	}
	w.Category = vocabulary.Category(w.Type)
	if name, ok := rawjson.Text(l.fields["displayName"]); ok {
		l.use("displayName")
		w.Name = &name
	}
}

// origin reads what recorded the workout, and how. All of it stays in the details,
// too: the words say more than the workout's members. A copy from another app often
// has an empty device (section 4).
func (l *layer) origin(w *events.Workout) {
	source := object(l.fields["dataSource"])
	method, _ := rawjson.Text(source["recordingMethod"])
	switch method {
	case "MANUAL":
		w.RecordingMethod = events.RecordingManual
	case "PASSIVELY_MEASURED":
		w.RecordingMethod = events.RecordingAutomatic
	case "ACTIVELY_MEASURED":
		w.RecordingMethod = events.RecordingActive
	default: // DERIVED says how it was computed, not how it began
		w.RecordingMethod = events.RecordingUnknown
	}
	device := object(source["device"])
	w.Source.DeviceName = optionalText(device["displayName"])
	if form := optionalText(device["formFactor"]); form != nil {
		word := strings.ToLower(*form)
		w.Source.DeviceType = &word
	}
	w.Source.Source = optionalText(source["platform"])
	if app := optionalText(object(source["application"])["packageName"]); app != nil {
		w.Source.Source = app
	}
}

func optionalText(value json.RawMessage) *string {
	if text, ok := rawjson.Text(value); ok {
		return &text
	}
	return nil
}
