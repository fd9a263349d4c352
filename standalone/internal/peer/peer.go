// Package peer is what clients of Open Wearables meet here: their requests with what
// becomes of each, the operations that are not there, and the faults of Open Wearables
// that Stridelog does not share. An end-to-end test sends the requests and compares what
// is said; docs/from-open-wearables.md is written from the same tables.
//
// What Open Wearables does is that of version 0.6.3, of 7 August 2026, and of its merged
// changes until September 2026 where that is said.
package peer

//go:generate go run ./write ../../../docs/from-open-wearables.md

// Outcome is what becomes of a request.
type Outcome string

// The outcomes.
const (
	Same    Outcome = "same"    // the status and every member that a client reads are as there
	Differs Outcome = "differs" // it is answered, and something is otherwise
	Absent  Outcome = "absent"  // there is no such operation
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

// Operations is how many operations Open Wearables has, and Shared for how many of them
// there is a route here.
const (
	Operations = 121
	Shared     = 13
)
