package googlehealth

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"sync"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

const (
	keysTimeout = 5 * time.Second
	// keysPause is how long the keys are not asked for again (section 6).
	keysPause = time.Minute
)

// keys are the public keys that Google signs notifications with, read when one is
// needed that is not known: they change every 30 days.
type keys struct {
	address string
	client  *httpcall.Client

	mu    sync.Mutex // held while they are read, so that they are read once
	known map[uint32]*ecdsa.PublicKey
	tried time.Time
	err   error // of the last try
}

func newKeys(address string, client *httpcall.Client) *keys {
	return &keys{address: address, client: client}
}

// verify checks a signature over a body: base64 of a prefix, which names the key, and
// of an ECDSA signature with SHA-256.
func (k *keys) verify(ctx context.Context, signature string, body []byte) error {
	const prefix = 1 + 4 // the version, and the key's id
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(raw) <= prefix || raw[0] != 1 {
		return refusedNotice(provider.ClassUnauthorized, reasonBadSignature)
	}
	key, err := k.key(ctx, binary.BigEndian.Uint32(raw[1:prefix]))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if !ecdsa.VerifyASN1(key, sum[:], raw[prefix:]) {
		return refusedNotice(provider.ClassUnauthorized, reasonBadSignature)
	}
	return nil
}

// key is the key of an id. Keys that were known stay when they cannot be read anew.
func (k *keys) key(ctx context.Context, id uint32) (*ecdsa.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.known[id]; key != nil {
		return key, nil
	}
	if now := k.client.Now(); k.tried.IsZero() || now.Sub(k.tried) >= keysPause {
		k.tried = now
		var fresh map[uint32]*ecdsa.PublicKey
		if fresh, k.err = k.read(ctx); k.err == nil {
			k.known = fresh
		}
	}
	switch key := k.known[id]; {
	case key != nil:
		return key, nil
	case k.err != nil:
		return nil, k.err
	default:
		return nil, refusedNotice(provider.ClassUnauthorized, reasonUnknownKey)
	}
}

// read asks for the keys. Whatever goes wrong is for later: Google sends again.
func (k *keys) read(ctx context.Context) (map[uint32]*ecdsa.PublicKey, error) {
	// Whoever waits for the keys must not cut them off for all others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	failed := &provider.Error{Provider: Name, Op: opKeys, Class: provider.ClassUnavailable, Reason: httpcall.ReasonIncomplete}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.address, nil)
	if err != nil {
		failed.Reason = httpcall.ReasonBadAddress
		return nil, failed
	}
	answer, err := k.client.Send(opKeys, request, httpcall.MaxAnswer)
	if err != nil {
		return nil, err
	}
	failed.Status = answer.Status
	if answer.Status != http.StatusOK {
		return nil, failed
	}
	keys, err := parseKeySet(answer.Body)
	if err != nil {
		return nil, failed
	}
	return keys, nil
}
