package fitbit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/csvtable"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

// rowNormalizer reads rows of UserExercises (section 3).
type rowNormalizer struct{}

// Version implements provider.Normalizer.
func (rowNormalizer) Version() int { return exportVersion }

// Normalize implements provider.Normalizer. A record needs its start and its end.
func (rowNormalizer) Normalize(r provider.Record) (events.Workout, error) {
	row, ok := soleRow(r.Raw)
	if !ok {
		return events.Workout{}, fmt.Errorf("normalize %s: the record is not a line of column names and a row", FormatExportCSV)
	}
	times := rowTimesOf(row)
	if times.start.IsZero() {
		return events.Workout{}, fmt.Errorf("normalize %s: %w", FormatExportCSV,
			errors.New("exercise_start or exercise_end is missing or is not a point in time"))
	}
	c := newColumns(row)
	w := events.Workout{Source: events.WorkoutSource{Provider: Name}}
	said := r.Context
	said.UTCOffsetSeconds = times.offset
	placeOf(entryTimes{written: times.start}, &said).span(&w, times.duration)
	c.use("exercise_id", "exercise_start", "exercise_end")
	if times.offset != nil {
		c.use("utc_offset")
	}
	c.kind(&w)
	c.measures(&w)
	var err error
	if w.Details, err = c.rest(); err != nil {
		return events.Workout{}, fmt.Errorf("normalize %s: keep details: %w", FormatExportCSV, err)
	}
	return w, nil
}

// columns takes values off a row and remembers which ones a workout now says.
type columns struct {
	row  csvtable.Row
	used map[string]bool
}

func newColumns(row csvtable.Row) *columns { return &columns{row, map[string]bool{}} }

func (c *columns) use(names ...string) {
	for _, n := range names {
		c.used[n] = true
	}
}

// kind reads what was done, and how it was recorded.
func (c *columns) kind(w *events.Workout) {
	w.Type = vocabulary.Other
	if name := rowText(c.row, "activity_name"); name != "" {
		c.use("activity_name")
		w.ProviderType, w.Name = &name, &name
		w.Type = namedType(name)
	}
	w.Category = vocabulary.Category(w.Type)
	w.RecordingMethod = recordingMethod(strings.ToLower(rowText(c.row, "log_type"))) // stays in the details
}

// measures reads the quantities. In this file a zero stands for what was not
// measured. Speeds and paces are scaled differently from device to device, so they
// are computed from the distance and the whole time; the rows do not tell pauses.
func (c *columns) measures(w *events.Workout) {
	source := "tracker_total_"
	if w.RecordingMethod == events.RecordingManual {
		source = "manually_logged_total_"
	}
	w.CaloriesKcal = c.quantity(source+"calories", 1)
	w.DistanceMeters = c.quantity(source+"distance_mm", 1000)
	w.ElevationGainMeters = c.quantity("tracker_total_altitude_mm", 1000)
	if steps := c.whole(source + "steps"); steps != nil {
		n := int64(*steps)
		w.Steps = &n
	}
	w.AvgHeartRateBPM = c.whole("tracker_avg_heart_rate")
	w.MaxHeartRateBPM = c.whole("tracker_peak_heart_rate")
	if w.DistanceMeters != nil && w.DurationSeconds > 0 {
		speed := rounded(*w.DistanceMeters / w.DurationSeconds)
		pace := rounded(w.DurationSeconds / *w.DistanceMeters * metresPerKM)
		w.AvgSpeedMPS, w.AvgPaceSecPerKM = &speed, &pace
	}
}

// quantity is a column's number divided; nil when it is zero or none.
func (c *columns) quantity(name string, by float64) *float64 {
	n, ok := rawjson.Number(json.RawMessage(c.row.Value(name)))
	if !ok || n <= 0 || n > 1e12 {
		return nil
	}
	c.use(name)
	n = rounded(n / by)
	return &n
}

func (c *columns) whole(name string) *int {
	n, ok := wholeOf(json.RawMessage(c.row.Value(name)))
	if !ok || n == 0 {
		return nil
	}
	c.use(name)
	whole := int(n)
	return &whole
}

// rest is an object of the columns that say something and are not used, as the
// texts they are; nil when there is none.
func (c *columns) rest() (json.RawMessage, error) {
	var rest json.RawMessage
	for _, name := range c.row.Columns() {
		text := c.row.Value(name)
		if text == "" || c.used[name] {
			continue
		}
		value, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		if rest, err = appendMember(rest, name, value); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// beside puts the rest of a companion into the details of its entry.
func (c *columns) beside(details json.RawMessage) (json.RawMessage, error) {
	rest, err := c.rest()
	if err != nil || rest == nil {
		return details, err
	}
	return appendMember(details, "UserExercises", rest)
}
