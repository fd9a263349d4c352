package provider

import (
	"context"
	"net/http"
	"net/url"

	"github.com/stridelog/stridelog/events"
)

// Notifications reads what a provider sends to our public address when records
// change. It keeps nothing but the provider's public keys.
type Notifications interface {
	// Read checks that a request is the provider's and says what it is about. The
	// error is an *Error: ClassUnauthorized for a request that is not the provider's,
	// ClassBadRequest for one that makes no sense, such as a method that the provider
	// never uses, ClassTooLarge, and ClassUnavailable when it cannot be checked now and
	// should come again.
	Read(ctx context.Context, r NotificationRequest) (Notification, error)
}

// NotificationRequest is what a provider sent.
type NotificationRequest struct {
	Method string // GET, as of challenges, or POST; HEAD comes as GET
	Query  url.Values
	Header http.Header
	// Body is the request's, byte for byte; more than MaxNotification of them need not
	// be read.
	Body []byte
}

// MaxNotification is how many bytes the body of a notification may have.
const MaxNotification = 1 << 20

// Notification is what one request says. The same may come again, late and in
// another order: it tells where to look and never what is there.
type Notification struct {
	// Answer is the HTTP status that the provider wants once the changes are kept
	// safely.
	Answer int
	// Body and ContentType are the answer's own, as a challenge wants it. Without a
	// body the answer has none; a body without a type is application/octet-stream. It is
	// never shown as a page.
	Body        []byte
	ContentType string
	// Changes are in the order of the request, and empty when it says nothing about
	// what is read here.
	Changes []AccountChange
}

// AccountChange is a change of some records of one provider account, which may belong to
// several users.
type AccountChange struct {
	AccountID string
	// Kind is that of the records; empty when the provider does not say: every kind.
	Kind string
	// Window holds the records by their source's order; nil when the provider does not say when.
	Window *events.Window
	// Suspects are external ids that the provider says are gone. They are asked for
	// by id.
	Suspects []string
}
