package vocabulary

import (
	"maps"
	"slices"
	"strings"
)

// OpenWearablesVersion names the state of Open Wearables that its words were taken from.
const OpenWearablesVersion = "open-wearables v0.6.3 (7 August 2026)"

// openWearables holds every word that Open Wearables has for a type, with the types here
// that it stands for; none where the word has no pair. A type stands in one row at most.
//
//nolint:gochecknoglobals // a table that is only read: Go has no constant maps
var openWearables = map[string][]string{
	// On foot.
	"running":         {"running", "incline_run"},
	"trail_running":   {"trail_run"},
	"treadmill":       {"treadmill", "treadmill_walk"},
	"walking":         {"walking", "incline_walk", "nordic_walking", "stroller_walk"},
	"walking_fitness": {"power_walking", "walk_with_weights"},
	"casual_walking":  nil,
	"hiking":          {"hiking", "backpacking", "rucking"},
	"trail_hiking":    nil,
	"mountaineering":  nil,
	"orienteering":    {"orienteering"},
	"wheelchair":      {"wheelchair"},
	// On wheels.
	"cycling":         {"biking", "outdoor_bike", "hand_cycling", "unicycling"},
	"mountain_biking": {"mountain_bike"},
	"indoor_cycling":  {"stationary_bike", "assault_bike", "spinning"},
	"cyclocross":      nil,
	"e_biking":        {"electric_bike"},
	"skating":         {"skating", "roller_skating"},
	"inline_skating":  {"rollerblading"},
	"skateboarding":   {"skateboarding"},
	"motorcycling":    {"motorcycle"},
	"motor_sports":    {"motocross"},
	// In and on water.
	"swimming":                {"swimming", "synchronized_swimming"},
	"pool_swimming":           {"swimming_pool"},
	"open_water_swimming":     {"swimming_open_water"},
	"diving":                  {"diving", "scuba_diving"},
	"snorkeling":              {"snorkeling"},
	"rowing":                  {"rowing"},
	"kayaking":                {"kayaking"},
	"canoeing":                {"canoeing"},
	"paddling":                nil,
	"stand_up_paddleboarding": {"paddleboarding"},
	"surfing":                 {"surfing"},
	"kitesurfing":             {"kitesurfing"},
	"windsurfing":             {"windsurfing"},
	"wakeboarding":            {"wakeboarding"},
	"water_skiing":            {"water_skiing"},
	"sailing":                 {"sailing"},
	"boating":                 nil,
	"water_polo":              {"water_polo"},
	"water_sports":            {"water_sport", "foiling", "water_aerobics", "water_jogging", "water_volleyball"},
	// On snow and ice.
	"downhill_skiing":      {"skiing"},
	"alpine_skiing":        nil, // see sameAs
	"backcountry_skiing":   nil,
	"cross_country_skiing": {"cross_country_ski"},
	"snowboarding":         {"snowboarding"},
	"snowshoeing":          {"snowshoeing"},
	"snowmobiling":         {"snowmobiling"},
	"ice_skating":          {"ice_skating", "speed_skating"},
	"curling":              {"curling"},
	"snow_sports":          {"snow_sport"},
	"winter_sports":        nil,
	// In the gym.
	"strength_training": {
		"strength_training", "body_weight", "calisthenics", "core_training", "crossfit", "free_weights",
		"functional_strength_training", "powerlifting", "resistance_bands", "trx", "weight_machines", "weightlifting", "weights",
	},
	"cardio_training": {
		"cardio_workout", "bootcamp", "cardio_sculpt", "circuit_training", "cross_training", "hiit", "interval_workout",
		"jumping_rope", "tabata_workout",
	},
	"fitness_equipment": nil,
	"elliptical":        {"elliptical"},
	"rowing_machine":    {"rowing_machine"},
	"stair_climbing":    {"stairclimber", "step_training"},
	"aerobics":          {"aerobic_workout"},
	"group_exercise":    {"exercise_class", "barre_class"},
	"gymnastics":        {"gymnastics", "cheerleading", "trampoline"},
	"yoga":              {"yoga", "yoga_bikram", "yoga_hatha", "yoga_power", "yoga_vinyasa"},
	"pilates":           {"pilates"},
	"stretching":        {"stretching"},
	"meditation":        {"meditate"},
	"dance": {
		"dancing", "ballet", "ballroom_dance", "breakdancing", "hip_hop", "jazz_dance", "modern_dance", "tango", "zumba",
	},
	// Ball, racket and disc.
	"soccer":            {"soccer"},
	"football":          {"football_australian"},
	"american_football": {"football_american"},
	"basketball":        {"basketball"},
	"baseball":          {"baseball", "softball"},
	"volleyball":        {"volleyball", "volleyball_beach"},
	"handball":          {"handball"},
	"rugby":             {"rugby"},
	"hockey":            {"hockey", "field_hockey"},
	"floorball":         nil,
	"lacrosse":          {"lacrosse"},
	"cricket":           {"cricket"},
	"tennis":            {"tennis"},
	"table_tennis":      {"table_tennis"},
	"badminton":         {"badminton"},
	"squash":            {"squash"},
	"padel":             {"padel"},
	"pickleball":        {"pickelball"},
	"racquetball":       {"racquetball"},
	"racket_sports":     {"racket_sports"},
	"disc_sports":       {"frisbee_playing_general", "ultimate_frisbee"},
	"team_sports":       nil,
	"golf":              {"golf"},
	"bowling":           {"bowling"},
	// Against somebody.
	"boxing":       {"boxing"},
	"martial_arts": {"martial_arts", "jiu_jitsu", "karate", "kickboxing", "muay_thai", "taekwondo", "tai_chi"},
	"wrestling":    {"wrestling"},
	"fencing":      {"fencing"},
	// Outdoors.
	"rock_climbing":    {"rock_climbing", "climbing"},
	"indoor_climbing":  {"indoor_climbing"},
	"bouldering":       nil,
	"archery":          {"archery"},
	"fishing":          {"fishing"},
	"hunting":          {"hunting"},
	"paragliding":      {"paragliding"},
	"parkour":          {"parkour"},
	"horseback_riding": {"equestrian_sports"},
	// Several at once, none in particular, no sport.
	"triathlon":        nil,
	"multisport":       {"multisport"},
	"transition":       nil,
	"virtual_activity": nil,
	"para_sports":      nil,
	"sport":            {"sport", "track_and_field"},
	"generic":          {"workout", "outdoor_workout"},
	"other":            {"other"},
	"chores": {
		"household_chores", "carpentry", "cleaning", "gardening", "hoeing", "mowing_lawn", "painting", "shoveling", "weeding",
	},
	"gaming":     {"fitness_gaming"},
	"play":       nil,
	"recovery":   nil,
	"lifestyle":  nil,
	"work":       nil,
	"operations": nil,
}

// sameAs are words of Open Wearables that mean what another of its words does. A filter
// by one finds what the other stands for; a type is said in the other.
//
//nolint:gochecknoglobals // likewise
var sameAs = map[string]string{"alpine_skiing": "downhill_skiing"}

// OpenWearablesWords lists every word that Open Wearables has for a type, in
// alphabetical order.
func OpenWearablesWords() []string { return slices.Sorted(maps.Keys(openWearables)) }

// OpenWearables makes the table of what Open Wearables calls each type; a type for which
// it has no word is absent.
func OpenWearables() map[string]string {
	words := map[string]string{}
	for word, types := range openWearables {
		for _, name := range types {
			words[name] = word
		}
	}
	return words
}

// FromOpenWearables are the types that a word of Open Wearables stands for, in
// alphabetical order. There are none where it has no pair; known is false for what is no
// word of it. Case does not matter.
func FromOpenWearables(word string) (types []string, known bool) {
	word = strings.ToLower(word)
	if other, ok := sameAs[word]; ok {
		word = other
	}
	types, known = openWearables[word]
	return slices.Sorted(slices.Values(types)), known
}
