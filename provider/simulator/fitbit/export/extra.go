package export

import (
	"strconv"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

// shortWalks are what UserExercises holds and the pages do not: walks of less
// than a quarter of an hour that the device noticed. They lie in the afternoon,
// when nobody does anything else.
func (a *Archive) shortWalks(truths []simulator.Truth) []simulator.Truth {
	if a.columns() == 0 {
		return nil
	}
	var walks []simulator.Truth
	last := ""
	for _, t := range truths {
		date := t.LocalDate()
		if date == last || t.Start.Hour() < 5 || !a.oneIn(9, "short walk", date) {
			continue // before five the clocks may still change
		}
		last = date
		minutes := a.draw("short walk's start", date) % 40
		start := time.Date(t.Start.Year(), t.Start.Month(), t.Start.Day(), 16, int(minutes), 7, 0, t.Start.Location())
		long := 5*time.Minute + time.Duration(a.draw("short walk's length", date)%400)*time.Second
		walk := simulator.Truth{Type: "walking", Start: start, Duration: long, Modified: start.Add(time.Hour).UTC(), Recording: simulator.RecordedAutomatically}
		if !walk.Modified.After(a.options.At) {
			walks = append(walks, walk)
		}
	}
	return walks
}

// forgotten is a session that went on for 95 hours, three hours after another one.
func (a *Archive) forgotten(after simulator.Truth) simulator.Truth {
	t := after.Copy()
	id, _ := strconv.ParseUint(after.ExternalID, 10, 64) // not a number: the session has the smallest id
	kcal, name := 9120, a.person.Label("workout")
	t.ExternalID, t.Type, t.Custom, t.Name = strconv.FormatUint(id+1, 10), "workout", false, &name
	t.Recording = simulator.RecordedActively
	t.Start = after.Start.Add(3 * time.Hour)
	t.Duration, t.ActiveDuration = 342_250*time.Second, 342_250*time.Second
	t.OriginalStart, t.OriginalDuration, t.Modified = t.Start, t.Duration, t.End().UTC()
	t.DistanceMeters, t.Steps, t.ElevationGainMeters, t.CaloriesKcal = nil, nil, nil, &kcal
	t.AvgHeartRateBPM, t.Zones, t.Levels = nil, nil, simulator.Levels{Sedentary: 5704}
	return t
}
