package apikey

import (
	"fmt"
	"slices"
	"strings"
)

// A Scope is one right that a key or a token has. A route states the scope that it needs.
type Scope string

// The scopes. Admin has every other one, and it alone manages keys, erases people and reads
// dead letters and the audit.
const (
	Read     Scope = "read"     // reads data, apart from where people were
	Location Scope = "location" // reads routes and coordinates
	Write    Scope = "write"    // manages people, syncs, imports and tokens
	Connect  Scope = "connect"  // begins a consent at a provider
	Push     Scope = "push"     // sends records of a phone or a device
	Events   Scope = "events"   // reads changes and manages webhooks
	Admin    Scope = "admin"    // everything
)

// Scopes are all of them, in the order of the documents.
func Scopes() []Scope { return []Scope{Read, Location, Write, Connect, Push, Events, Admin} }

// TokenScopes are those that a token of one person may have.
func TokenScopes() []Scope { return []Scope{Read, Location, Connect} }

// ParseScopes reads names of scopes that are among some, without repeats and in the order
// of Scopes. The error names what is wrong in words for the caller.
func ParseScopes(names []string, among []Scope) ([]Scope, error) {
	given := map[Scope]bool{}
	for _, name := range names {
		if !slices.Contains(among, Scope(name)) {
			return nil, fmt.Errorf("has %q, which is not one of %s", name, Join(among))
		}
		given[Scope(name)] = true
	}
	if len(given) == 0 {
		return nil, fmt.Errorf("is empty: name at least one of %s", Join(among))
	}
	var scopes []Scope
	for _, s := range Scopes() {
		if given[s] {
			scopes = append(scopes, s)
		}
	}
	return scopes, nil
}

// Join lists scopes in words.
func Join(scopes []Scope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// have says whether a set of scopes has one, itself or by admin.
func have(scopes []Scope, s Scope) bool {
	return slices.Contains(scopes, s) || slices.Contains(scopes, Admin)
}
