package fitbit

import "github.com/stridelog/stridelog/provider/vocabulary"

// typeOf maps Fitbit's activity ids (section 5) to the vocabulary. Names would
// be no key: they come in the account's language.
//
// Left out on purpose: the categories 0 (dancing; also what a client writes
// that knows no id) and 1 (fishing and hunting in one), and the ids 15, 16, 82
// and 91 of open-wearables' map, which no Fitbit source has.
//
//nolint:gochecknoglobals // a table that is only read: Go has no constant maps
var typeOf = map[string]string{
	// Seen in logs of real accounts; those of eight digits are custom or a partner's.
	"90013":    "walking",          // Walk
	"90009":    "running",          // Run
	"90001":    "biking",           // Bike
	"1071":     "outdoor_bike",     // Outdoor Bike
	"90012":    "hiking",           // Hike
	"90024":    "swimming",         // Swim
	"55001":    "spinning",         // Spinning
	"15000":    "sport",            // Sport
	"3000":     "workout",          // Workout
	"3001":     "aerobic_workout",  // Aerobic Workout
	"2131":     "weights",          // Weights
	"2040":     "circuit_training", // Circuit Training
	"2065":     "stairclimber",     // Stairclimber
	"20047":    "elliptical",       // Elliptical
	"20049":    "treadmill",        // Treadmill
	"20057":    "interval_workout", // Interval Workout
	"52000":    "yoga",             // Yoga
	"53000":    "pilates",          // Pilates
	"55002":    "kickboxing",       // Kickboxing
	"55003":    "bootcamp",         // Bootcamp
	"15430":    "martial_arts",     // Martial Arts
	"15675":    "tennis",           // Tennis
	"12339646": "running",          // Run
	"12350445": "walking",          // Walk
	"23418750": "swimming",         // Swim
	"61980497": "workout",          // Workout
	"17589491": "workout",          // FitStar: Personal Trainer

	// Of 2022 and later.
	"91042": "strength_training", // Strength training
	"91044": "powerlifting",      // Powerlifting
	"91046": "core_training",     // Core training
	"91047": "aerobic_workout",   // Aerobics
	"7075":  "meditate",          // Meditating
	"3101":  "core_training",     // 10 Minute Abs

	// Directory ids.
	"90004": "step_training",     // Aerobic step
	"90005": "aerobic_workout",   // Aerobics
	"90008": "walk_with_weights", // Walking while carrying things
	"90014": "rowing",            // Rowing
	"90015": "cross_country_ski", // Cross-country skiing
	"90017": "elliptical",        // Elliptical
	"90019": "treadmill",         // Treadmill, 0% incline

	// Dancing.
	"3015":  "aerobic_workout", // Aerobic, general
	"3010":  "ballet",          // Ballet
	"3040":  "ballroom_dance",  // Ballroom, slow
	"3031":  "dancing",         // Dancing
	"3025":  "dancing",         // General, Greek, hula, flamenco
	"56001": "zumba",           // Zumba

	// Yoga and Pilates. The vocabulary has no Ashtanga.
	"52001": "yoga",         // Ashtanga
	"52002": "yoga_bikram",  // Bikram
	"52003": "yoga_hatha",   // Hatha
	"52004": "yoga_power",   // Power
	"52005": "yoga_vinyasa", // Vinyasa
	"53001": "pilates",      // Pilates
	"53002": "pilates",      // Pilates, intermediate
	"53003": "pilates",      // Pilates, advanced

	// Walking.
	"17010": "backpacking",       // Backpacking
	"17020": "walk_with_weights", // Carrying a load
	"17080": "hiking",            // Hiking, cross country
	"17085": "walking",           // Bird watching
	"17090": "walking",           // Marching
	"17100": "stroller_walk",     // With a stroller
	"17105": "walking",           // Pushing a wheelchair: the one who pushes walks
	"17110": "power_walking",     // Race walking
	"17120": "rock_climbing",     // Rock climbing
	"17140": "walking",           // On crutches
	"17150": "walking",           // Household
	"17160": "walking",           // For pleasure
	"17260": "walking",           // On a grass track

	// Sports and workouts. A sport that the vocabulary does not have is sport, not its nearest relative.
	"15010": "archery",                 // Archery
	"15020": "badminton",               // Badminton
	"15620": "baseball",                // Baseball
	"15040": "basketball",              // Basketball
	"15070": "basketball",              // Shooting baskets
	"15075": "basketball",              // Wheelchair basketball
	"15080": "billiards",               // Billiards
	"15090": "bowling",                 // Bowling
	"15100": "boxing",                  // Boxing
	"15110": "boxing",                  // Punching bag
	"15120": "boxing",                  // Sparring
	"15130": "sport",                   // Broomball
	"15150": "cricket",                 // Cricket
	"15160": "croquet",                 // Croquet
	"15170": "curling",                 // Curling
	"15180": "sport",                   // Darts
	"15200": "fencing",                 // Fencing
	"15350": "field_hockey",            // Field hockey
	"15210": "football_american",       // Football
	"15230": "football_american",       // Touch football
	"15235": "sport",                   // Playing catch
	"15240": "frisbee_playing_general", // Frisbee
	"15250": "ultimate_frisbee",        // Ultimate
	"15255": "golf",                    // Golf
	"15265": "golf",                    // Golf, walking and carrying
	"15270": "golf",                    // Mini golf, driving range
	"15285": "golf",                    // Golf, pulling clubs
	"15290": "golf",                    // Golf, with a cart
	"15300": "gymnastics",              // Gymnastics
	"15310": "sport",                   // Hacky sack
	"15320": "handball",                // Handball
	"15330": "handball",                // Team handball
	"15340": "sport",                   // Hang gliding
	"15360": "hockey",                  // Hockey
	"15370": "equestrian_sports",       // Horseback riding
	"15410": "sport",                   // Horseshoes
	"15420": "sport",                   // Jai alai
	"15440": "sport",                   // Juggling
	"15450": "sport",                   // Kickball
	"15460": "lacrosse",                // Lacrosse
	"15470": "motocross",               // Motocross
	"15480": "orienteering",            // Orienteering
	"15490": "racket_sports",           // Paddleball, competitive
	"15500": "racket_sports",           // Paddleball
	"15510": "polo",                    // Polo
	"15520": "racquetball",             // Racquetball, competitive
	"15530": "racquetball",             // Racquetball
	"15535": "rock_climbing",           // Rock climbing
	"15540": "rock_climbing",           // Rappelling
	"15550": "jumping_rope",            // Rope, fast
	"15551": "jumping_rope",            // Jumping rope
	"15552": "jumping_rope",            // Rope, slow
	"15560": "rugby",                   // Rugby
	"15570": "sport",                   // Shuffleboard
	"15580": "skateboarding",           // Skateboarding
	"15590": "roller_skating",          // Roller skating
	"15591": "rollerblading",           // Roller blading
	"15600": "skydiving",               // Sky diving
	"15605": "soccer",                  // Soccer
	"15610": "soccer",                  // Soccer, casual
	"15630": "softball",                // Softball, officiating
	"15640": "softball",                // Softball
	"15650": "squash",                  // Squash
	"15660": "table_tennis",            // Table tennis
	"15670": "tai_chi",                 // Tai chi
	"15680": "tennis",                  // Tennis, doubles
	"15690": "tennis",                  // Tennis, singles
	"15700": "trampoline",              // Trampoline
	"15710": "volleyball",              // Volleyball, light
	"15711": "volleyball",              // Volleyball
	"15720": "volleyball",              // Volleyball, casual
	"15725": "volleyball_beach",        // Volleyball, beach
	"15730": "wrestling",               // Wrestling
	"15731": "sport",                   // Wallyball
	"15732": "track_and_field",         // Track and field
	"15733": "track_and_field",         // Track and field
	"15734": "track_and_field",         // Track and field

	// Winter, water and others that a sync service writes.
	"19160": "skiing",        // Downhill skiing
	"19030": "ice_skating",   // Ice skating
	"19190": "snowshoeing",   // Snowshoeing
	"18100": "kayaking",      // Kayaking
	"18220": "surfing",       // Surfing
	"18120": "sailing",       // Sailing
	"18240": "swimming_pool", // Laps, freestyle, slow
	"1009":  "mountain_bike", // Mountain biking
	"2130":  "weightlifting", // Weight lifting
	"4001":  "fishing",       // Fishing
	"4100":  "hunting",       // Hunting
	"4130":  "shooting",      // Shooting

	// Levels: an intensity of Walk, Hike, Run, Bike, Swim and Treadmill.
	"17151": "walking",   // Walk, below 2 mph
	"17152": "walking",   // Walk, 2.0 mph
	"17170": "walking",   // Walk, 2.5 mph
	"17190": "walking",   // Walk, 3.0 mph
	"17200": "walking",   // Walk, 3.5 mph
	"17220": "walking",   // Walk, 4.0 mph
	"17230": "walking",   // Walk, 4.5 mph
	"17231": "walking",   // Walk, 5.0 mph
	"17165": "walking",   // Walk, with a dog
	"17035": "hiking",    // Hike, by weight of the pack
	"17040": "hiking",    // Hike, by weight of the pack
	"17050": "hiking",    // Hike, by weight of the pack
	"17060": "hiking",    // Hike, by weight of the pack
	"12030": "running",   // Run, 5 mph
	"12120": "running",   // Run, 10 mph
	"1010":  "biking",    // Bike, below 10 mph
	"1020":  "biking",    // Bike, 10 to 11.9 mph
	"1030":  "biking",    // Bike, 12 to 13.9 mph
	"58002": "swimming",  // Swim, 50 to 75 yards a minute
	"51007": "treadmill", // Treadmill, 7 mph

	// Categories. None was seen in a log, but a custom entry could name one.
	"20": "sport",   // Sports and Workouts
	"27": "walking", // Walking
	"31": "yoga",    // Yoga
	"32": "pilates", // Pilates
}

// workoutType is the vocabulary's word for an activity id. Fitbit adds ids and
// people make their own, so one that is not known is no fault.
func workoutType(activityTypeID string) string {
	if t, ok := typeOf[activityTypeID]; ok {
		return t
	}
	return vocabulary.Other
}
