package events

// Unknown is the data of an event whose type this program does not know: an event
// or a version of one that a later program publishes. Its envelope was checked, its
// payload was not.
//
// Such an event is no fault. A handler of single types passes over it, without an
// error and without a dead letter; a consumer that makes tables of the log keeps it, and folds
// it once a program knows its type.
type Unknown struct {
	Type Type
	// Payload is the message's data, byte for byte. It may be anything, also no JSON.
	Payload []byte
}

// EventType implements Data.
func (u *Unknown) EventType() Type { return u.Type }

// MarshalJSON gives the payload back as it came.
func (u *Unknown) MarshalJSON() ([]byte, error) { return u.Payload, nil }

// Known says whether this program knows the type of the event's data. An event that
// did not decode has no data and is not known either.
func (e Event) Known() bool {
	_, unknown := e.Data.(*Unknown)
	return e.Data != nil && !unknown
}

// Unknown says whether the event decoded and is of a type that this program does not
// know.
func (e Event) Unknown() bool {
	_, unknown := e.Data.(*Unknown)
	return unknown
}
