package export

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/internal/wire"
)

// header is that of UserExercises: 33 columns in 2025, 45 since April 2026, 46
// since May (section 3).
func header(columns int) []string {
	return strings.Split("exercise_id,exercise_start,exercise_end,utc_offset,exercise_created,exercise_last_updated,activity_name,log_type,"+
		"pool_length,pool_length_unit,intervals,distance_units,tracker_total_calories,tracker_total_steps,tracker_total_distance_mm,"+
		"tracker_total_altitude_mm,tracker_avg_heart_rate,tracker_peak_heart_rate,tracker_avg_pace_mm_per_second,"+
		"tracker_avg_speed_mm_per_second,tracker_peak_speed_mm_per_second,tracker_auto_stride_run_mm,tracker_auto_stride_walk_mm,"+
		"tracker_swim_lengths,tracker_pool_length,tracker_pool_length_unit,tracker_cardio_load,manually_logged_total_calories,"+
		"manually_logged_total_steps,manually_logged_total_distance_mm,manually_logged_pool_length,manually_logged_pool_length_unit,events,"+
		"activity_type_probabilities,autodetected_confirmed,autodetected_start_timestamp,autodetected_end_timestamp,autodetected_utc_offset,"+
		"autodetected_activity_name,autodetected_sensor_based_activity_name,deletion_reason,activity_label,suggested_start_timestamp,"+
		"suggested_end_timestamp,reconciliation_status,location_metadata", ",")[:columns]
}

// rowName is the English name in rows, which have a vocabulary of their own.
func rowName(word string) string {
	names := map[string]string{
		"walking": "Outdoor Walk", "running": "Outdoor Run", "biking": "Bike", "outdoor_bike": "Outdoor Bike", "hiking": "Hike", "swimming": "Swim",
		"spinning": "Spinning", "sport": "Sport", "weights": "Strength training", "circuit_training": "Circuit Training",
		"elliptical": "Elliptical", "treadmill": "Treadmill", "yoga": "Yoga", "pilates": "Pilates", "tennis": "Tennis",
	}
	if name, ok := names[word]; ok {
		return name
	}
	return "Structured Workout"
}

// writeRows writes a year of UserExercises. Rows are sorted by id as text.
func (a *Archive) writeRows(w io.Writer, records []Record) error {
	names := header(a.columns())
	table := csv.NewWriter(w)
	if err := table.Write(names); err != nil {
		return err
	}
	for _, r := range records {
		cells := a.row(r)
		line := make([]string, len(names))
		for i, name := range names {
			line[i] = cells[name]
		}
		if err := table.Write(line); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

// row gives the cells that are not empty, by column.
func (a *Archive) row(r Record) map[string]string {
	t := r.happened
	cells := map[string]string{
		"exercise_id": r.RowID, "exercise_start": a.instant(r.rowStart), "exercise_end": a.instant(r.rowEnd), "utc_offset": t.Offset(),
		"exercise_created": a.instant(t.Modified.Add(3 * time.Second)), "exercise_last_updated": a.instant(t.Modified.Add(4 * time.Second)),
		"activity_name": rowName(t.Type), "log_type": strings.ToUpper(wire.LogType(&t)), "distance_units": "METRIC",
		"pool_length_unit": "UNSPECIFIED", "tracker_pool_length_unit": "UNSPECIFIED", "manually_logged_pool_length_unit": "UNSPECIFIED",
		"deletion_reason": "UNSPECIFIED", "activity_label": "UNSPECIFIED_ACTIVITY_LABEL", "reconciliation_status": "UNSPECIFIED",
	}
	switch wire.LogType(&t) {
	case "auto_detected":
		a.noticed(cells, r)
	case "manual":
		cells["manually_logged_total_calories"], cells["manually_logged_total_steps"] = orZero(t.CaloriesKcal), orZero(t.Steps)
		cells["manually_logged_total_distance_mm"] = millimeters(t.DistanceMeters)
	default:
		a.tracked(cells, r)
	}
	return cells
}

// tracked fills in what a device measured; what it did not is a zero.
func (a *Archive) tracked(cells map[string]string, r Record) {
	t := r.happened
	cells["tracker_total_calories"], cells["tracker_total_steps"] = orZero(t.CaloriesKcal), orZero(t.Steps)
	cells["tracker_total_distance_mm"], cells["tracker_total_altitude_mm"] = millimeters(t.DistanceMeters), millimeters(t.ElevationGainMeters)
	cells["tracker_avg_heart_rate"], cells["tracker_peak_heart_rate"] = orZero(t.AvgHeartRateBPM), orZero(a.peak(&r))
	cells["tracker_avg_pace_mm_per_second"] = "0"
	speed := 0.0
	if mps := t.AvgSpeedMPS(); mps != nil {
		speed = *mps * 1000 * a.scale(t)
	}
	cells["tracker_avg_speed_mm_per_second"] = strconv.Itoa(int(math.Round(speed)))
	cells["tracker_peak_speed_mm_per_second"] = strconv.Itoa(int(speed * 0.9)) // less than the average, as seen
	cells["tracker_auto_stride_run_mm"], cells["tracker_auto_stride_walk_mm"] = "1020", "740"
	cells["tracker_swim_lengths"], cells["tracker_pool_length"], cells["tracker_cardio_load"] = "0", "0", strconv.Itoa(int(a.draw("load", t.ExternalID)%80))
	if t.Duration > t.ActiveDuration {
		cells["events"] = "[ExerciseEventId: " + r.RowID[:12] + ", Timestamp: " + a.instant(t.Start.Add(t.ActiveDuration/2)) + ", Type: PAUSE, AutoCue: MANUAL]"
	}
	if r.HasGPS {
		cells["location_metadata"] = `{"source":"PHONE","accuracy":"HIGH, filtered"}`
	}
}

// noticed fills in what a row says of a workout that the device noticed by
// itself, which is nothing that was measured.
func (a *Archive) noticed(cells map[string]string, r Record) {
	t := r.happened
	name := strings.ToUpper(strings.ReplaceAll(rowName(t.Type), " ", "_"))
	cells["activity_type_probabilities"] = "[" + name + ": 0.83, BIKE: 0.09, UNSPECIFIED: 0.08]"
	cells["autodetected_confirmed"] = "false"
	cells["autodetected_start_timestamp"], cells["autodetected_end_timestamp"] = a.instant(t.Start), a.instant(t.End())
	cells["autodetected_utc_offset"], cells["autodetected_activity_name"] = t.Offset(), rowName(t.Type)
	cells["autodetected_sensor_based_activity_name"] = rowName(t.Type)
}

// scale is what a device multiplies mm/s by.
func (a *Archive) scale(t simulator.Truth) float64 {
	if a.options.PixelWatch || t.Device == nil || t.Device.Type == simulator.DeviceApp {
		return 1
	}
	return 128
}

func (a *Archive) instant(t time.Time) string { return t.UTC().Format(a.rowTime()) }

func orZero(n *int) string {
	if n == nil {
		return "0"
	}
	return strconv.Itoa(*n)
}

func millimeters(m *float64) string {
	if m == nil {
		return "0"
	}
	return strconv.FormatInt(int64(math.Round(*m*1000)), 10)
}
