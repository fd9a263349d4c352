package googlehealth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

// The headers that may hold the signature; the second is its older name (section 6).
const (
	headerSignature    = "Google-Health-Api-Signature"
	headerSignatureOld = "X-Healthapi-Signature"
)

// notifications reads what Google posts to our subscriber's address (section 6).
type notifications struct {
	secret [sha256.Size]byte // of the Authorization header, as a hash
	keys   *keys
}

func newNotifications(c Config, client *httpcall.Client) *notifications {
	return &notifications{
		secret: sha256.Sum256([]byte(c.NotificationSecret.Reveal())),
		keys:   newKeys(c.NotificationKeyURL, client),
	}
}

// Read implements provider.Notifications. A request must carry the secret that the
// subscriber was registered with, and, unless it is the handshake of a registration,
// a signature over its bytes. Google sends the handshake a second time without the
// secret and wants that one refused.
func (n *notifications) Read(ctx context.Context, r provider.NotificationRequest) (provider.Notification, error) {
	if !n.knowsSecret(r.Header) {
		return provider.Notification{}, refusedNotice(provider.ClassUnauthorized, reasonBadSecret)
	}
	if r.Method != http.MethodPost {
		return provider.Notification{}, refusedNotice(provider.ClassBadRequest, reasonBadMethod)
	}
	if len(r.Body) > provider.MaxNotification {
		return provider.Notification{}, refusedNotice(provider.ClassTooLarge, "")
	}
	if isHandshake(r.Body) {
		return provider.Notification{Answer: http.StatusCreated}, nil
	}
	if err := n.keys.verify(ctx, signatureOf(r.Header), r.Body); err != nil {
		return provider.Notification{}, err
	}
	changes, err := parseNotification(r.Body)
	if err != nil {
		return provider.Notification{}, refusedNotice(provider.ClassBadRequest, httpcall.ReasonIncomplete)
	}
	// Any other answer than 204 makes Google send it again for a week.
	return provider.Notification{Answer: http.StatusNoContent, Changes: changes}, nil
}

// knowsSecret compares hashes, so that neither content nor length of the secret shows
// in the time it takes.
func (n *notifications) knowsSecret(header http.Header) bool {
	given := sha256.Sum256([]byte(header.Get("Authorization")))
	return subtle.ConstantTimeCompare(given[:], n.secret[:]) == 1
}

func signatureOf(header http.Header) string {
	if s := header.Get(headerSignature); s != "" {
		return s
	}
	return header.Get(headerSignatureOld)
}

func refusedNotice(class provider.Class, reason string) *provider.Error {
	return &provider.Error{Provider: Name, Op: opNotice, Class: class, Reason: reason}
}
