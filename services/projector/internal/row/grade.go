package row

import (
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

// Grade is what a record is worth beside others of the same workout. It depends on
// the record alone; that a workout has a route is known apart from it.
type Grade struct {
	// SourceRank is the rank of its provider; of records that are worth the same the
	// lowest is shown.
	SourceRank int16
	// Plausible records last at most longestPlausible, and at least a tenth of the
	// time is in motion as far as they tell.
	Plausible bool
	// Measured says whether a sensor gave any figure of it.
	Measured bool
	// Measures counts which of distance, heart rate and device were measured, rather
	// than copied or entered by hand.
	Measures int16
	// Members counts which of distance and heart rate the record tells at all.
	Members int16
}

const (
	// longestPlausible is the longest a workout usually is. What is longer is most
	// often a session that nobody ended.
	longestPlausible = 12 * time.Hour
	// leastMotion is the share of the time that somebody who works out is in motion.
	leastMotion = 0.1
	// The slowest that somebody on foot can be while in motion. Both are far below a
	// stroll, so that no real workout fails by them.
	slowestSteps  = 1.0 // a second
	slowestMetres = 0.5 // a second
)

// gradeOf grades a normalized record of a provider with a rank.
func gradeOf(w events.Workout, rank int16) Grade {
	g := Grade{SourceRank: rank, Plausible: w.EndTime.Sub(w.StartTime) <= longestPlausible && motion(w) >= leastMotion}
	named := w.Source.Device != nil || w.Source.DeviceName != nil || onPhone(w)
	// An app that passes on what another one recorded names itself and no device. By
	// hand is what names neither, or a device that the person typed the record into.
	copied := !named && w.Source.Source != nil && w.RecordingMethod != events.RecordingActive
	byHand := !copied && w.RecordingMethod == events.RecordingManual
	if named && !byHand {
		g.Measures++
	}
	if above(w.DistanceMeters) {
		g.Members++
		if !copied && !byHand {
			g.Measures++
		}
	}
	// Nobody types a heart rate: also in a record by hand it is the sensor's of that time.
	heart := above(w.AvgHeartRateBPM) || above(w.MaxHeartRateBPM)
	if heart {
		g.Members++
		g.Measures++
	}
	g.Measured = heart || !byHand && (above(w.DistanceMeters) || above(w.Steps) || above(w.CaloriesKcal) || above(w.ActiveZoneMinutes))
	return g
}

// onPhone says whether the provider's own app recorded on a phone, which then is the
// device. Apps that pass on what another one recorded have no kind of device, or
// another one.
func onPhone(w events.Workout) bool {
	return w.RecordingMethod == events.RecordingActive && w.Source.DeviceType != nil && *w.Source.DeviceType == "app"
}

// above says whether a figure is known and more than nothing.
func above[N int | int64 | float64](n *N) bool { return n != nil && *n > 0 }

// motion is the largest share of its time that a record can have been in motion by
// what it tells; 1 when it tells nothing of that.
func motion(w events.Workout) float64 {
	seconds := w.EndTime.Sub(w.StartTime).Seconds()
	if seconds <= 0 {
		return 1
	}
	share := 1.0
	if w.ActiveDurationSeconds != nil {
		share = min(share, *w.ActiveDurationSeconds/seconds)
	}
	if w.DistanceMeters == nil && w.Steps == nil {
		return share
	}
	var moving float64
	if w.DistanceMeters != nil {
		moving = *w.DistanceMeters / slowestMetres
	}
	if w.Steps != nil {
		moving = max(moving, float64(*w.Steps)/slowestSteps)
	}
	if onFoot(w.Category) {
		return min(share, moving/seconds)
	}
	// Elsewhere, as on an exercise bike, zeros say something only where nothing was
	// spent either.
	if moving == 0 && w.CaloriesKcal != nil && *w.CaloriesKcal == 0 {
		return 0
	}
	return share
}

func onFoot(category string) bool {
	return category == vocabulary.CategoryRunning || category == vocabulary.CategoryWalking
}
