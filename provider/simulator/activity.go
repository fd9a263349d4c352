package simulator

// activity is one kind of exercise and how it shows in numbers. Ranges are low
// and high ends, both included.
type activity struct {
	word           string // of the workout vocabulary
	english        string
	italian        string
	minutes        [2]int
	metersPerMin   [2]int // {0, 0} when it covers no distance
	stepsPerMin    int    // 0 when the provider sends no steps
	kcalPer10Min   [2]int
	bpm            [2]int
	floorsPer10Min int // upper end; 0 when no height is gained
	pauses         int // cases of a hundred with a pause
	paced          bool
}

// activities is the table of what people do.
func activities() []activity {
	return []activity{
		{"running", "Run", "Corsa", [2]int{24, 75}, [2]int{150, 215}, 168, [2]int{95, 135}, [2]int{138, 168}, 3, 30, true},
		{"walking", "Walk", "Camminata", [2]int{16, 80}, [2]int{72, 104}, 108, [2]int{38, 62}, [2]int{88, 116}, 2, 40, true},
		{"hiking", "Hike", "Escursione", [2]int{80, 150}, [2]int{52, 78}, 96, [2]int{55, 85}, [2]int{104, 134}, 9, 80, true},
		{"outdoor_bike", "Outdoor Bike", "Bici all'aperto", [2]int{30, 140}, [2]int{290, 480}, 0, [2]int{70, 110}, [2]int{118, 150}, 6, 60, false},
		{"biking", "Bike", "Bicicletta", [2]int{15, 45}, [2]int{240, 360}, 0, [2]int{55, 85}, [2]int{100, 130}, 2, 20, false},
		{"spinning", "Spinning", "Spinning", [2]int{30, 60}, [2]int{0, 0}, 4, [2]int{80, 115}, [2]int{128, 158}, 0, 10, false},
		{"swimming", "Swim", "Nuoto", [2]int{25, 60}, [2]int{26, 44}, 0, [2]int{75, 105}, [2]int{112, 140}, 0, 20, false},
		{"treadmill", "Treadmill", "Tapis roulant", [2]int{20, 50}, [2]int{130, 190}, 160, [2]int{85, 120}, [2]int{132, 160}, 0, 10, true},
		{"elliptical", "Elliptical", "Ellittica", [2]int{20, 45}, [2]int{0, 0}, 120, [2]int{70, 100}, [2]int{122, 148}, 0, 5, false},
		{"yoga", "Yoga", "Yoga", [2]int{25, 75}, [2]int{0, 0}, 6, [2]int{22, 36}, [2]int{78, 98}, 0, 0, false},
		{"pilates", "Pilates", "Pilates", [2]int{30, 60}, [2]int{0, 0}, 8, [2]int{26, 40}, [2]int{84, 106}, 0, 0, false},
		{"weights", "Weights", "Pesi", [2]int{30, 70}, [2]int{0, 0}, 22, [2]int{42, 68}, [2]int{98, 124}, 0, 15, false},
		{"tennis", "Tennis", "Tennis", [2]int{50, 95}, [2]int{0, 0}, 82, [2]int{62, 92}, [2]int{116, 146}, 0, 25, false},
		{"circuit_training", "Circuit Training", "Allenamento a circuito", [2]int{20, 45}, [2]int{0, 0}, 60, [2]int{75, 105}, [2]int{124, 152}, 0, 10, false},
		{"workout", "Workout", "Allenamento", [2]int{15, 60}, [2]int{0, 0}, 40, [2]int{45, 80}, [2]int{100, 130}, 0, 10, false},
		{"sport", "Sport", "Sport", [2]int{30, 90}, [2]int{0, 0}, 70, [2]int{60, 95}, [2]int{110, 145}, 0, 20, false},
	}
}

func activityOf(word string) activity {
	for _, a := range activities() {
		if a.word == word {
			return a
		}
	}
	return activities()[0]
}

// ownTypes are names that people gave to types of their own. They hold what
// makes careless encoders stumble: markup, quotes, U+2028, other scripts.
func ownTypes() []string {
	return []string{"Parkrun <5k> & coffee", "Gassi gehen 🐕", "Skærgårdsløb", "\"Old\" gym\\yard", "Turno\u2028di notte", "太極拳"}
}
