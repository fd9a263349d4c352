package fitbit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/csvtable"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

// exportVersion rises whenever the same record of an export may give another
// workout.
const exportVersion = 2

// entryNormalizer reads entries of an export's pages. They have the members of
// the activity log list but for their times (section 2.1).
type entryNormalizer struct{}

// Version implements provider.Normalizer.
func (entryNormalizer) Version() int { return exportVersion }

// Normalize implements provider.Normalizer. A record needs a start and a
// duration. Of the companion it takes what entries have not: the offset came with
// the context, and the peak of the heart rate.
func (entryNormalizer) Normalize(r provider.Record) (events.Workout, error) {
	members, err := rawjson.Read(r.Raw)
	if err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: %w", FormatExportJSON, err)
	}
	entry := newReading(members)
	w := events.Workout{Source: events.WorkoutSource{Provider: Name}}
	if err := entry.exportSpan(&w, &r.Context); err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: %w", FormatExportJSON, err)
	}
	entry.kind(&w)
	entry.measures(&w, r.Context.DistanceUnit)
	entry.heart(&w)
	entry.origin(&w)
	if w.Details, err = members.Without(entry.used); err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: keep details: %w", FormatExportJSON, err)
	}
	if row, ok := companionOf(&r.Context); ok {
		columns := newColumns(row)
		w.MaxHeartRateBPM = columns.whole("tracker_peak_heart_rate")
		if w.Type == vocabulary.Other { // the row's name is English, whatever the account's language
			w.Type = namedType(rowText(row, "activity_name"))
			w.Category = vocabulary.Category(w.Type)
		}
		if w.Details, err = columns.beside(w.Details); err != nil {
			return events.Workout{}, fmt.Errorf("normalize %s: keep details: %w", FormatExportJSON, err)
		}
	}
	return w, nil
}

// exportSpan reads when the workout was. A start that may have been on a wall
// clock stays in the details too: that kind of entry is known from few samples.
func (e *reading) exportSpan(w *events.Workout, c *events.ActivityContext) error {
	t := timeMembers{e.members.Value("startTime"), e.members.Value("duration"), e.members.Value("logType"), e.members.Value("source")}.entryTimes()
	switch {
	case t.written.IsZero():
		return errors.New("startTime is missing or is not a date and time of an export")
	case !t.timed:
		return errors.New("duration is missing or is no plausible number of milliseconds")
	}
	e.use("duration")
	if !t.wall {
		e.use("startTime")
	}
	placeOf(t, c).span(w, t.duration)
	if active, ok := milliseconds(e.members.Value("activeDuration")); ok {
		e.use("activeDuration")
		seconds := active.Seconds()
		w.ActiveDurationSeconds = &seconds
	}
	return nil
}

// span puts an instant into a workout. Without an offset the local day is
// unknown: it is never that of UTC.
func (p place) span(w *events.Workout, duration time.Duration) {
	at := p.startedAt()
	w.StartTime = at.UTC()
	w.EndTime = w.StartTime.Add(duration)
	w.DurationSeconds = duration.Seconds()
	w.OffsetSource = p.source
	if p.offset != nil {
		offset, day := at.Format("-07:00"), at.Format(time.DateOnly)
		w.ZoneOffset, w.LocalDate = &offset, &day
	}
}

// companionOf is the row that goes along with an entry.
func companionOf(c *events.ActivityContext) (csvtable.Row, bool) {
	if c.Companion == "" {
		return csvtable.Row{}, false
	}
	return soleRow([]byte(c.Companion))
}

// soleRow is the row of a text that is a header line and one row.
func soleRow(text []byte) (csvtable.Row, bool) {
	table, err := csvtable.Open(text)
	if err != nil {
		return csvtable.Row{}, false
	}
	row, ok, _ := table.Next()
	return row, ok
}

// appendMember adds a member to an object, which may be nil.
func appendMember(object json.RawMessage, name string, value json.RawMessage) (json.RawMessage, error) {
	out := bytes.TrimSuffix(object, []byte("}"))
	separator := byte(',')
	if len(object) == 0 {
		separator = '{'
	}
	out, err := rawjson.AppendName(append(bytes.Clone(out), separator), name)
	if err != nil {
		return nil, err
	}
	return append(append(append(out, ':'), value...), '}'), nil
}
