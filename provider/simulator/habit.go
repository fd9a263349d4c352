package simulator

import "time"

// Style is what a person mostly does.
type Style string

// The styles.
const (
	StyleRunner Style = "runner"
	StyleRider  Style = "rider"
	StyleGym    Style = "gym"
	StyleWalker Style = "walker"
)

// slot is a time of day at which a workout may begin, in minutes of the local
// day, and the most minutes it may take so that slots do not collide.
type slot struct{ from, to, most int }

// A day's slots, in order. The last reaches over midnight.
func dawn() slot    { return slot{5*60 + 40, 6*60 + 50, 70} }
func morning() slot { return slot{9 * 60, 10 * 60, 150} }
func noon() slot    { return slot{13 * 60, 13*60 + 45, 80} }
func evening() slot { return slot{17*60 + 30, 19 * 60, 100} }
func late() slot    { return slot{23*60 + 15, 23*60 + 50, 70} }

// habit is something that a person may do on a weekday.
type habit struct {
	percent int // cases of a hundred
	slot    slot
	word    string
}

// habits gives a style's plan of a weekday: about seven workouts a week.
func (s Style) habits(day time.Weekday) []habit {
	switch s {
	case StyleRider:
		return plan(day, "outdoor_bike", "biking", "spinning", "yoga", "outdoor_bike")
	case StyleGym:
		return plan(day, "weights", "treadmill", "circuit_training", "swimming", "tennis")
	case StyleWalker:
		return plan(day, "walking", "walking", "pilates", "swimming", "hiking")
	default:
		return plan(day, "running", "walking", "weights", "yoga", "running")
	}
}

// plan lays five activities of a style over the week.
func plan(day time.Weekday, main, light, indoor, calm, long string) []habit {
	switch day {
	case time.Monday:
		return []habit{{70, evening(), main}, {6, late(), light}}
	case time.Tuesday:
		return []habit{{35, dawn(), calm}, {70, evening(), indoor}}
	case time.Wednesday:
		return []habit{{45, noon(), light}, {50, evening(), main}, {5, late(), "walking"}}
	case time.Thursday:
		return []habit{{40, dawn(), "biking"}, {50, evening(), indoor}}
	case time.Friday:
		return []habit{{40, noon(), light}, {30, evening(), "sport"}, {14, late(), "walking"}}
	case time.Saturday:
		return []habit{{75, morning(), long}, {30, evening(), "workout"}, {12, late(), main}}
	default:
		return []habit{{55, morning(), "hiking"}, {45, evening(), calm}}
	}
}
