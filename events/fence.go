package events

import "slices"

// Fence is the scope of an expected-last-sequence check: a publisher of facts of one
// user and provider in it proves that it has seen all earlier ones of that scope. An
// atomic batch holds facts of one fence.
type Fence string

// The fences. Chunks have one of their own, so that a person's records can be read
// without their samples.
const (
	FenceActivity Fence = "activity"
	FenceRecord   Fence = "record"
	FenceChunk    Fence = "chunk"
)

// Fences are all of them, in the order in which an index keeps their sequences.
func Fences() []Fence { return []Fence{FenceActivity, FenceRecord, FenceChunk} }

// Subjects matches the facts of one user at one provider that lie within the fence.
func (f Fence) Subjects(provider, userID string) string {
	return join(string(f), "*", provider, userID)
}

// Fence is where the facts of a kind lie. A route travels with its activity.
func (k Kind) Fence() Fence {
	switch {
	case k.Name == kindActivity || k.Name == kindRoute:
		return FenceActivity
	case k.Shape == ShapeChunk:
		return FenceChunk
	default:
		return FenceRecord
	}
}

// FenceOf is the fence that an event's type lies in; ok is false for what is no fact
// about a record, such as a consent.
func FenceOf(t Type) (f Fence, ok bool) {
	entity, _, ok := t.tokens()
	f = Fence(entity)
	return f, ok && slices.Contains(Fences(), f)
}
