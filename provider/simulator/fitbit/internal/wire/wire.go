// Package wire holds the words and numbers that the fake Web API's answers and
// the export archives have in common.
package wire

import (
	"hash/fnv"
	"math"
	"strconv"

	"github.com/stridelog/stridelog/provider/simulator"
)

// What the provider's lengths are in metres.
const (
	MetersPerKM = 1000
	MetersMile  = 1609.344
	MetersFoot  = 0.3048
)

// Rounded takes off what binary arithmetic adds behind the sixth decimal.
func Rounded(n float64) float64 { return math.Round(n*1e6) / 1e6 }

// Decimal is a number without an exponent.
func Decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// LogType is the word for how a workout was recorded.
func LogType(t *simulator.Truth) string {
	switch {
	case t.Recording == simulator.RecordedManually:
		return "manual"
	case t.Recording == simulator.RecordedAutomatically:
		return "auto_detected"
	case t.Device != nil && t.Device.Type == simulator.DeviceApp:
		return "mobile_run"
	default:
		return "tracker"
	}
}

// TypeIDs are the ids seen in logs of real accounts, by vocabulary word.
func TypeIDs() map[string]string {
	return map[string]string{
		"walking": "90013", "running": "90009", "biking": "90001", "outdoor_bike": "1071", "hiking": "90012", "swimming": "90024",
		"spinning": "55001", "sport": "15000", "workout": "3000", "aerobic_workout": "3001", "weights": "2131",
		"circuit_training": "2040", "stairclimber": "2065", "elliptical": "20047", "treadmill": "20049",
		"interval_workout": "20057", "yoga": "52000", "pilates": "53000", "kickboxing": "55002", "bootcamp": "55003",
		"martial_arts": "15430", "tennis": "15675",
	}
}

// TypeID is the id of a workout's type. Custom types have eight digits: those
// of partners are known, the person's own are made up from the name.
func TypeID(t *simulator.Truth) string {
	if !t.Custom {
		return TypeIDs()[t.Type]
	}
	switch t.Type {
	case "running":
		return "12339646"
	case "walking":
		return "12350445"
	case "swimming":
		return "23418750"
	case "workout":
		return "61980497"
	}
	name := fnv.New32a()
	if t.Name != nil {
		_, _ = name.Write([]byte(*t.Name))
	}
	return strconv.Itoa(70_000_000 + int(name.Sum32()%20_000_000))
}

// ZoneTypes are the words for the zones of Active Zone Minutes, rising.
func ZoneTypes() [4]string { return [4]string{"OUT_OF_ZONE", "FAT_BURN", "CARDIO", "PEAK"} }

// ZoneNames are the English names of the same zones.
func ZoneNames() [4]string { return [4]string{"Out of Range", "Fat Burn", "Cardio", "Peak"} }
