package workouts

import "bytes"

// The members of a document that lists leave out. The projector writes them last, and
// leaves out one of which the record tells nothing; a document from before they were read
// has neither. In a text the quotes would be escaped.
const (
	beforeSplits = `,"splits":`
	beforeLaps   = `,"laps":`
)

// cutLaps parts a document without its closing brace: what lists show, the splits and the
// laps. The latter two are empty where the document has none.
func cutLaps(doc []byte) (rest, splits, laps []byte) {
	rest = doc
	if at := bytes.Index(rest, []byte(beforeLaps)); at >= 0 {
		rest, laps = rest[:at], rest[at+len(beforeLaps):]
	}
	if at := bytes.Index(rest, []byte(beforeSplits)); at >= 0 {
		rest, splits = rest[:at], rest[at+len(beforeSplits):]
	}
	return rest, splits, laps
}

// appendLaps appends both lists as members; an empty one is null.
func appendLaps(dst, splits, laps []byte) []byte {
	dst = append(dst, beforeSplits...)
	dst = appendOrNull(dst, splits)
	dst = append(dst, beforeLaps...)
	return appendOrNull(dst, laps)
}

// appendOrNull appends a JSON value; an empty one is null.
func appendOrNull(dst, value []byte) []byte {
	if len(value) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, value...)
}
