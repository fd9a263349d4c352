package row

import (
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

func of[T any](v T) *T { return &v }

func TestWhatARecordIsWorth(t *testing.T) {
	watch := events.WorkoutSource{DeviceName: of("Charge 6"), DeviceType: of("tracker")}
	app := events.WorkoutSource{Source: of("com.example.gym")}
	for name, c := range map[string]struct {
		minutes int
		category,
		method string
		source events.WorkoutSource
		set    func(*events.Workout)
		want   Grade
	}{
		"a tracker's run": {60, vocabulary.CategoryRunning, events.RecordingActive, watch,
			func(w *events.Workout) {
				w.DistanceMeters, w.AvgHeartRateBPM, w.Steps = of(1e4), of(140), of(int64(9000))
			},
			Grade{Plausible: true, Measured: true, Measures: 3, Members: 2}},
		"an automatic detection without distance": {60, vocabulary.CategoryRunning, events.RecordingAutomatic, events.WorkoutSource{},
			func(w *events.Workout) { w.AvgHeartRateBPM, w.Steps = of(140), of(int64(9000)) },
			Grade{Plausible: true, Measured: true, Measures: 1, Members: 1}},
		"a phone's own recording": {60, vocabulary.CategoryRunning, events.RecordingActive, app,
			func(w *events.Workout) { w.DistanceMeters = of(1e4) },
			Grade{Plausible: true, Measured: true, Measures: 1, Members: 1}},
		"a run that the provider's own app recorded on a phone": {60, vocabulary.CategoryRunning, events.RecordingActive,
			events.WorkoutSource{Source: of("Fitbit for Android"), DeviceType: of("app")},
			func(w *events.Workout) { w.DistanceMeters = of(1e4) },
			Grade{Plausible: true, Measured: true, Measures: 2, Members: 1}},
		"the same, passed on by another platform": {60, vocabulary.CategoryRunning, events.RecordingActive, events.WorkoutSource{},
			func(w *events.Workout) { w.DistanceMeters = of(1e4) },
			Grade{Plausible: true, Measured: true, Measures: 1, Members: 1}},
		"a hollow copy": {40, vocabulary.CategoryStrength, events.RecordingAutomatic, app,
			func(w *events.Workout) { w.CaloriesKcal, w.ActiveZoneMinutes = of(0.0), of(0) },
			Grade{Plausible: true}},
		"a copy with figures": {40, vocabulary.CategoryRunning, events.RecordingManual, app,
			func(w *events.Workout) { w.DistanceMeters, w.MaxHeartRateBPM = of(5e3), of(150) },
			Grade{Plausible: true, Measured: true, Measures: 1, Members: 2}},
		"entered by hand": {40, vocabulary.CategoryRunning, events.RecordingManual, events.WorkoutSource{},
			func(w *events.Workout) { w.DistanceMeters, w.CaloriesKcal = of(5e3), of(300.0) },
			Grade{Plausible: true, Members: 1}},
		"entered by hand at a device, whose pulse was taken": {40, vocabulary.CategoryRunning, events.RecordingManual, watch,
			func(w *events.Workout) { w.DistanceMeters, w.AvgHeartRateBPM = of(5e3), of(120) },
			Grade{Plausible: true, Measured: true, Measures: 1, Members: 2}},
		"weights at a watch, which cost something": {40, vocabulary.CategoryStrength, events.RecordingActive, watch,
			func(w *events.Workout) { w.CaloriesKcal = of(95.0) }, Grade{Plausible: true, Measured: true, Measures: 1}},
		"twelve hours":            {720, vocabulary.CategoryWalking, events.RecordingUnknown, events.WorkoutSource{}, nil, Grade{Plausible: true}},
		"longer":                  {721, vocabulary.CategoryWalking, events.RecordingUnknown, events.WorkoutSource{}, nil, Grade{}},
		"a tenth of it in motion": {60, vocabulary.CategoryCycling, events.RecordingUnknown, events.WorkoutSource{}, func(w *events.Workout) { w.ActiveDurationSeconds = of(360.0) }, Grade{Plausible: true}},
		"less than a tenth":       {60, vocabulary.CategoryCycling, events.RecordingUnknown, events.WorkoutSource{}, func(w *events.Workout) { w.ActiveDurationSeconds = of(359.0) }, Grade{}},
		"a run of ten hours on the spot": {600, vocabulary.CategoryRunning, events.RecordingActive, watch,
			func(w *events.Workout) { w.DistanceMeters, w.Steps, w.AvgHeartRateBPM = of(0.0), of(int64(0)), of(60) },
			Grade{Measured: true, Measures: 2, Members: 1}},
		"a run that the treadmill told no distance": {30, vocabulary.CategoryRunning, events.RecordingActive, watch,
			func(w *events.Workout) { w.DistanceMeters, w.Steps = of(0.0), of(int64(4000)) },
			Grade{Plausible: true, Measured: true, Measures: 1}},
		"a stroll of few steps in a day's session": {600, vocabulary.CategoryWalking, events.RecordingActive, watch,
			func(w *events.Workout) { w.Steps = of(int64(3000)) }, Grade{Measured: true, Measures: 1}},
		"an exercise bike": {60, vocabulary.CategoryCycling, events.RecordingActive, watch,
			func(w *events.Workout) { w.DistanceMeters, w.Steps, w.CaloriesKcal = of(0.0), of(int64(0)), of(400.0) },
			Grade{Plausible: true, Measured: true, Measures: 1}},
		"a bike that stood": {60, vocabulary.CategoryCycling, events.RecordingActive, watch,
			func(w *events.Workout) { w.DistanceMeters, w.CaloriesKcal = of(0.0), of(0.0) }, Grade{Measures: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Date(2026, 11, 12, 6, 0, 0, 0, time.UTC)
			w := events.Workout{StartTime: start, EndTime: start.Add(time.Duration(c.minutes) * time.Minute), Category: c.category, RecordingMethod: c.method, Source: c.source}
			if c.set != nil {
				c.set(&w)
			}
			c.want.SourceRank = 7
			if got := gradeOf(w, 7); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
