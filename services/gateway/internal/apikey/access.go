package apikey

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Kind tells what a caller showed.
type Kind string

// The kinds.
const (
	KindKey        Kind = "key"        // an API key of the database
	KindToken      Kind = "token"      // a token of one person
	KindConfigured Kind = "configured" // the admin key of the configuration
)

// Access is what a caller may do. It is never changed once it is made.
type Access struct {
	Kind   Kind
	ID     uuid.UUID // of the key or token; the nil UUID for the configured key
	Scopes []Scope
	// Bound access reaches the people of Users and nobody else.
	Bound bool
	Users []uuid.UUID
	// PerMinute is how many requests a minute it may send; 0: as many as it likes.
	PerMinute int
	ends      *time.Time // nil: never
}

// configured is the access of the configuration's admin key.
func configured() *Access { return &Access{Kind: KindConfigured, Scopes: []Scope{Admin}} }

// Has says whether a scope is granted.
func (a *Access) Has(s Scope) bool { return have(a.Scopes, s) }

// Reaches says whether a person's data is in reach.
func (a *Access) Reaches(user uuid.UUID) bool { return !a.Bound || slices.Contains(a.Users, user) }

// over says whether the access has ended by its own time.
func (a *Access) over(now time.Time) bool { return a.ends != nil && !now.Before(*a.ends) }
