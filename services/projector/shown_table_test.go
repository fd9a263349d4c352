package projector_test

import "github.com/stridelog/stridelog/provider/simulator"

// seenBeside is the table that the records beside real workouts are drawn from. Each
// row stays inside what links promise: a repetition shares at least 80 % of the
// shorter record and 50 % of the longer with its workout (the least that each row
// can share is noted, for the shortest workout that has such records), one of
// another type begins and ends nearly when the workout does, and no figures come
// from nowhere. Starts are in seconds, lengths in percent of the workout.
func seenBeside() simulator.Extras {
	return simulator.Extras{
		Copies: []simulator.Repeat{
			{ // Another app's copy: a moment off, hollow. 87 % and 54 %.
				Percent: 45, Start: simulator.Spread{{Weight: 6, Low: -10, High: 10}, {Weight: 3, Low: -45, High: 45}, {Weight: 1, Low: 0, High: 0}},
				Length:    simulator.Spread{{Weight: 7, Low: 95, High: 105}, {Weight: 3, Low: 62, High: 150}},
				Automatic: 35, Lost: simulator.Lost{Distance: 60, HeartRate: 70, Energy: 40, Steps: 60, Name: 20},
			},
			{ // One that was begun by hand on another device. 81 % and 76 %.
				Percent: 20, Start: simulator.Spread{{Weight: 1, Low: -110, High: 110}}, Length: simulator.Spread{{Weight: 1, Low: 95, High: 110}},
				Lost: simulator.Lost{Distance: 20, HeartRate: 50, Energy: 20, Steps: 30},
			},
			{ // One whose app has no word for the activity. Both ends within 40 s.
				Percent: 15, Type: "workout", Start: simulator.Spread{{Weight: 1, Low: -20, High: 20}}, Length: simulator.Spread{{Weight: 1, Low: 98, High: 102}},
				Automatic: 50, Lost: simulator.Lost{Distance: 50, HeartRate: 50, Energy: 50, Steps: 50},
			},
		},
		Detections: []simulator.Repeat{
			{ // Noticed after a while and given up before the end, or after it. 81 % and 57 %.
				Percent: 40, Start: simulator.Spread{{Weight: 6, Low: 10, High: 90}, {Weight: 2, Low: -30, High: 60}, {Weight: 1, Low: 90, High: 170}},
				Length: simulator.Spread{{Weight: 6, Low: 80, High: 98}, {Weight: 3, Low: 60, High: 80}, {Weight: 1, Low: 100, High: 120}},
				Lost:   simulator.Lost{HeartRate: 20, Energy: 10, Steps: 20},
			},
			{ // Taken for some sport. Both ends within a tenth of the length.
				Percent: 10, Type: "sport", Start: simulator.Spread{{Weight: 1, Low: -30, High: 30}}, Length: simulator.Spread{{Weight: 1, Low: 96, High: 104}},
			},
		},
		Forgotten: []simulator.Forgotten{
			{ // More than twice as long as any workout: it is nobody's repetition.
				Percent: 20, Start: simulator.Spread{{Weight: 1, Low: -90, High: 0}},
				Length: simulator.Spread{{Weight: 3, Low: 345, High: 720}, {Weight: 2, Low: 721, High: 2400}}, HeartRate: 40,
			},
		},
	}
}

// withShortSessions adds sessions that were not forgotten for long, which may share
// more than half with a workout. Google's records may leave out what is zero, and
// nobody can tell then that there was no motion: this is for Fitbit alone.
func withShortSessions(e simulator.Extras) simulator.Extras {
	e.Forgotten = append(e.Forgotten, simulator.Forgotten{
		Percent: 20, Start: simulator.Spread{{Weight: 1, Low: -20, High: 0}}, Length: simulator.Spread{{Weight: 1, Low: 120, High: 345}}, HeartRate: 50,
	})
	return e
}
