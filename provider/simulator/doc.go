// Package simulator holds seeded people and the workouts they really did. A
// fake provider cloud renders those truths in the provider's words, and a test
// compares the same truths with what the system serves in the end.
//
// The people are a pure function of their seed: the same seed gives the same
// workouts on any machine and at any time. What a person did on a day depends on
// the seed and the date alone, so tomorrow's history is today's and one day more.
package simulator
