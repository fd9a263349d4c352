package events

import (
	"fmt"
	"slices"
	"strings"
)

// Entities are the words that the subjects of a stream's events begin with behind the
// root: what the events are about.
func (s Stream) Entities() []string {
	var list []string
	for _, subject := range s.Subjects {
		entity := strings.TrimPrefix(subject, subjectRoot+".")
		entity, _, _ = strings.Cut(entity, ".")
		list = append(list, entity)
	}
	return list
}

// StreamOf is the stream that holds the events of a subject, which may have wildcards
// behind the entity.
func StreamOf(subject string) (Stream, error) {
	parts := strings.Split(subject, ".")
	var known []string
	if len(parts) > 1 && parts[0] == subjectRoot {
		for _, s := range Streams() {
			if slices.Contains(s.Entities(), parts[1]) {
				return s, nil
			}
		}
	}
	for _, s := range Streams() {
		known = append(known, s.Entities()...)
	}
	slices.Sort(known)
	return Stream{}, fmt.Errorf("no stream holds %q: a subject begins with %s. and one of %s", subject, subjectRoot, strings.Join(known, ", "))
}

// IsLaterEntity says whether a subject of a stream is about an entity that this program
// does not know. A subject that reaches beyond one entity is not.
func IsLaterEntity(subject string) bool {
	parts := strings.Split(subject, ".")
	if len(parts) < 3 || parts[0] != subjectRoot || checkToken("entity", parts[1]) != nil {
		return false
	}
	_, err := StreamOf(subject)
	return err != nil
}

// EntitySubjects matches every event about an entity, such as workout, of one user or
// of all ("*").
func EntitySubjects(entity, userID string) string { return join(entity, "*", "*", userID) }
