package export

import (
	"path"
	"strings"
	"time"
)

// Era is a time in which archives looked the same.
type Era string

// The eras (section 1.1 of the facts on Takeout).
const (
	EraA Era = "A" // about 2018 to 2021: fitbit.com, one folder with all JSON
	EraB Era = "B" // about 2021 to 2023: fitbit.com, a folder for each topic
	EraC Era = "C" // 2023 to early June 2026: Google Takeout, product Fitbit
	EraD Era = "D" // since then: Google Takeout, product Google Health
)

// Eras are all of them, oldest first.
func Eras() []Era { return []Era{EraA, EraB, EraC, EraD} }

// day is a day of the era.
func (e Era) day() time.Time {
	switch e {
	case EraA:
		return time.Date(2020, time.June, 15, 9, 30, 0, 0, time.UTC)
	case EraB:
		return time.Date(2022, time.June, 15, 9, 30, 0, 0, time.UTC)
	case EraC:
		return time.Date(2025, time.August, 15, 9, 30, 0, 0, time.UTC)
	default:
		return time.Date(2026, time.October, 20, 9, 30, 0, 0, time.UTC)
	}
}

// takeout says whether Google wrote the archive.
func (e Era) takeout() bool { return e == EraC || e == EraD }

// layout is where an era keeps its families, below the top folder.
type layout struct {
	top       string // PERSON stands for the display name without spaces
	exercises string
	sleep     string
	profile   string // empty: no table that says zone and units
	product   string // around the families of Takeout
}

func layouts() map[Era]layout {
	return map[Era]layout{
		EraA: {top: "MyFitbitData/PERSON", exercises: "user-site-export", sleep: "user-site-export"},
		EraB: {top: "MyFitbitData/PERSON", exercises: "Physical Activity", sleep: "Sleep", profile: "Personal & Account"},
		EraC: {top: "Takeout", product: "Fitbit", exercises: "Global Export Data", sleep: "Global Export Data", profile: "Your Profile"},
		EraD: {top: "Takeout", product: "Google Health", exercises: "Global Export Data", sleep: "Global Export Data", profile: "Your Profile"},
	}
}

func (a *Archive) layout() layout { return layouts()[a.options.Era] }

// at is the path of a family's file.
func (a *Archive) at(family, name string) string {
	l := a.layout()
	return path.Join(a.top(), l.product, family, name)
}

func (a *Archive) top() string {
	if a.options.Top != "" {
		return a.options.Top
	}
	return strings.ReplaceAll(a.layout().top, "PERSON", strings.ReplaceAll(a.person.DisplayName(), " ", ""))
}

// columns is how many columns UserExercises has: none before mid-2025.
func (a *Archive) columns() int {
	at := a.options.At
	switch {
	case !a.options.Era.takeout(), at.Before(time.Date(2025, time.June, 1, 0, 0, 0, 0, time.UTC)):
		return 0
	case a.options.Era == EraD:
		return 46
	case at.Before(time.Date(2026, time.April, 1, 0, 0, 0, 0, time.UTC)):
		return 33
	default:
		return 45
	}
}

// rowTime is how UserExercises writes instants.
func (a *Archive) rowTime() string {
	if a.options.Era == EraD && !a.options.At.Before(time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)) {
		return "2006-01-02T15:04:05Z"
	}
	return "2006-01-02 15:04:05+0000"
}
