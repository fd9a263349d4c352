// Package peer is what clients of Open Wearables meet here: their requests with what
// becomes of each, the operations that are not there, and the faults of Open Wearables
// that Stridelog does not share. An end-to-end test sends the requests and compares what
// is said; docs/from-open-wearables.md is written from the same tables.
//
// What Open Wearables does was read in its code of version 0.6.3 and in the OpenAPI
// document of its version 0.9.0, which counts where they differ.
package peer

import "strings"

//go:generate go run ./write ../../../docs/from-open-wearables.md

// Outcome is what becomes of a request.
type Outcome string

// The outcomes.
const (
	Same    Outcome = "same"    // the status and every member that a client reads are as there
	Differs Outcome = "differs" // something is otherwise
)

// Request is one that clients of Open Wearables send.
type Request struct {
	Method string
	// Path is below /api/v1, with names in braces where the test puts values: {user},
	// {nobody}, {workout}; {from} and {to} are days, {from_unix} and {to_unix} seconds,
	// {from_time} and {to_time} times without an offset.
	Path string
	Body string
	// There is their answer's status, Here is ours.
	There, Here int
	// Reads are the members that clients read, each with its type: "items[].id text".
	// A question mark after a name says that it may be null.
	Reads []string
	// Ignored is what the header Stridelog-Ignored must say.
	Ignored string
	Outcome Outcome
	Says    string // what differs, or what is worth knowing
}

// Key is the header that their clients send the API key in.
const Key = "X-Open-Wearables-API-Key"

// Requests are all of them in the order in which a test can send them.
func Requests() []Request {
	var all []Request
	for _, some := range [][]Request{people(), consents(), workouts(), lists(), syncs(), endings()} {
		all = append(all, some...)
	}
	return all
}

// Operations is how many operations version 0.9.0 of Open Wearables has.
const Operations = 129

// Sum counts what becomes of operations.
type Sum struct{ Same, Differs, Absent int }

// Operation is that of a request, with names in braces: "GET /users/{user}".
func (r Request) Operation() string {
	path, _, _ := strings.Cut(r.Path, "?")
	path = strings.ReplaceAll(path, "{nobody}", "{user}")
	for _, provider := range []string{"google", "garmin"} {
		for _, before := range []string{"/oauth/", "/providers/", "/connections/"} {
			path = strings.ReplaceAll(path, before+provider, before+"{provider}")
		}
	}
	return r.Method + " " + path
}

// Count sums the operations. One is the same when all its requests are.
func Count() Sum {
	worst := map[string]Outcome{}
	for _, r := range Requests() {
		if worst[r.Operation()] != Differs {
			worst[r.Operation()] = r.Outcome
		}
	}
	var s Sum
	for _, outcome := range worst {
		if outcome == Same {
			s.Same++
		} else {
			s.Differs++
		}
	}
	for _, g := range Groups() {
		s.Absent += len(g.Paths)
	}
	return s
}
