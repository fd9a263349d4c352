package store

import "time"

// Tier is one scan of the schedule: the last Span, every Every.
type Tier struct {
	Span  time.Duration
	Every time.Duration
}
