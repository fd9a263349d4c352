// Package vocabulary is the one list of workout types that all providers are
// mapped to, and the categories that group them.
//
// The types are those of the Google Health API v4 enum ExerciseType in
// lower_snake_case, spelled as Google spells them (pickelball). The list is
// open: Google adds to it, so readers must take a type they do not know.
package vocabulary

import (
	"maps"
	"slices"
)

// Version names the state of the enum that the list was taken from.
const Version = "google-health-v4/2026-10-30"

// Origin says in words where the types are from.
const Origin = "those of Google Health's ExerciseType in lower_snake_case"

// The types that say no more than that somebody was active.
const (
	Other   = "other"
	Workout = "workout"
	Sport   = "sport"
)

// The categories. The list is closed: every type has exactly one of them.
const (
	CategoryRunning     = "running"   // on any ground, treadmill included
	CategoryWalking     = "walking"   // hiking and walking with a load included
	CategoryCycling     = "cycling"   // outdoors and indoors
	CategorySwimming    = "swimming"  // laps and open water
	CategoryWater       = "water"     // on, in or under water, but not swimming
	CategoryWinter      = "winter"    // on snow or ice
	CategoryStrength    = "strength"  // against weight
	CategoryCardio      = "cardio"    // machines, intervals, classes
	CategoryMindBody    = "mind_body" // yoga, pilates, stretching
	CategoryDance       = "dance"
	CategoryTeamSport   = "team_sport"   // with a ball, a puck or a disc, team against team
	CategoryRacketSport = "racket_sport" //
	CategoryCombat      = "combat"
	CategoryClimbing    = "climbing"
	CategorySkating     = "skating"   // on wheels; on ice it is winter
	CategoryHousehold   = "household" // work at home and in the garden
	CategoryOther       = "other"     // what fits none of these, and other, workout and sport themselves
)

// Categories lists every category, in the order a chart may use.
func Categories() []string {
	return []string{
		CategoryRunning, CategoryWalking, CategoryCycling, CategorySwimming, CategoryWater, CategoryWinter,
		CategoryStrength, CategoryCardio, CategoryMindBody, CategoryDance, CategoryTeamSport, CategoryRacketSport,
		CategoryCombat, CategoryClimbing, CategorySkating, CategoryHousehold, CategoryOther,
	}
}

// Types lists every known type in alphabetical order.
func Types() []string { return slices.Sorted(maps.Keys(categoryOf)) }

// Known says whether the type is in the pinned list.
func Known(workoutType string) bool {
	_, ok := categoryOf[workoutType]
	return ok
}

// Category is the group of a type; other for one that is not in the pinned list.
func Category(workoutType string) string {
	if c, ok := categoryOf[workoutType]; ok {
		return c
	}
	return CategoryOther
}

// Generic says whether a type tells nothing about the kind of activity, so that
// it may be the same workout as one of any category. A type that is not in the
// pinned list may be anything.
func Generic(workoutType string) bool {
	switch workoutType {
	case Other, Workout, Sport:
		return true
	default:
		return !Known(workoutType)
	}
}
