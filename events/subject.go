package events

import (
	"fmt"
	"strings"
)

const (
	subjectRoot      = "stridelog"
	deadLetterEntity = "dead_letter"
	// droppedEvent stands where the name of the service is; none has it.
	droppedEvent = "dropped"

	// NoProvider stands in a subject where no provider is concerned.
	NoProvider = "-"
)

// Subject is where an event of this type is published:
// stridelog.<entity>.<event>.<provider>.<user_id>. The user is a token of its
// own so that one person can be subscribed to, or erased, by subject.
func Subject(t Type, provider, userID string) (string, error) {
	entity, event, ok := t.tokens()
	if !ok {
		return "", notAType(t)
	}
	if err := checkToken("provider", provider); err != nil {
		return "", err
	}
	if err := checkToken("user id", userID); err != nil {
		return "", err
	}
	return join(entity, event, provider, userID), nil
}

// TypeSubjects matches every event of one type.
func TypeSubjects(t Type) string {
	entity, event, ok := t.tokens()
	if !ok {
		return ""
	}
	return join(entity, event, "*", "*")
}

// ActivitySubjects matches the activity facts of one user at one provider. It
// is the scope of the expected-last-sequence check: whoever publishes activity
// facts proves that it has seen all earlier ones of that scope.
func ActivitySubjects(provider, userID string) string {
	return FenceActivity.Subjects(provider, userID)
}

// UserSubjects matches every event about one person, in every stream.
func UserSubjects(userID string) string {
	return join("*", "*", "*", userID)
}

// DeadLetterSubject is where a service puts an event that it cannot handle.
func DeadLetterSubject(service, provider, userID string) string {
	return join(deadLetterEntity, token(service), token(provider), token(userID))
}

// DroppedSubject is where the record of a dead letter is that was dropped.
func DroppedSubject(provider, userID string) string {
	return join(deadLetterEntity, droppedEvent, token(provider), token(userID))
}

// DroppedSubjects matches every record of a dropped dead letter.
func DroppedSubjects() string { return join(deadLetterEntity, droppedEvent, "*", "*") }

// IsDropped says that a subject is one of DroppedSubject.
func IsDropped(subject string) bool {
	return strings.HasPrefix(subject, join(deadLetterEntity, droppedEvent)+".")
}

// ParseSubject takes a subject apart. It fails on anything that Subject could
// not have made.
func ParseSubject(subject string) (entity, event, provider, userID string, err error) {
	parts := strings.Split(subject, ".")
	if len(parts) != 5 || parts[0] != subjectRoot {
		return "", "", "", "", fmt.Errorf("subject %q is not %s.<entity>.<event>.<provider>.<user_id>", subject, subjectRoot)
	}
	for _, p := range parts[1:] {
		if err := checkToken("token", p); err != nil {
			return "", "", "", "", fmt.Errorf("subject %q: %w", subject, err)
		}
	}
	return parts[1], parts[2], parts[3], parts[4], nil
}

// UserID is the person a message is about as far as its subject says; empty when
// it says nothing. It serves messages that do not decode, too.
func (m Message) UserID() string {
	_, _, _, userID, err := ParseSubject(m.Subject)
	if err != nil {
		return ""
	}
	return userID
}

func join(tokens ...string) string {
	return subjectRoot + "." + strings.Join(tokens, ".")
}

// token makes any text a legal subject token; it is for dead letters, whose
// origin may be malformed.
func token(s string) string {
	if checkToken("token", s) != nil {
		return NoProvider
	}
	return s
}

func checkToken(what, s string) error {
	if s == "" {
		return fmt.Errorf("%s is empty", what)
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
		default:
			return fmt.Errorf("%s holds %q, which a subject token may not", what, r)
		}
	}
	return nil
}
