// Package events is Stridelog's contract: what is said on NATS, by whom, on
// which subject, and in which shape.
//
// An event is CloudEvents 1.0 in binary mode: the attributes are NATS headers
// (ce-id, ce-type, …) and the payload is the data as JSON, so a client in any
// language reads it with nothing of ours. A shape may gain members under a type
// name; any other change gets a new version in the name.
//
// Everything here is declared once. No other package spells a subject, a
// stream or a type name.
package events
