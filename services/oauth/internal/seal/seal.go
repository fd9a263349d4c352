// Package seal encrypts tokens for the database with an AEAD, so that neither a
// dump nor a copied data directory shows them.
package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/stridelog/stridelog/provider"
)

// ErrUnreadable says that sealed bytes cannot be opened: another key, another
// owner, or changed bytes.
var ErrUnreadable = errors.New("the sealed token cannot be opened")

// Pair is what a connection keeps: both tokens, sealed together so that they
// can never be mixed up between two versions.
type Pair struct {
	Access  provider.Secret
	Refresh provider.Secret
}

// sealedPair exists because provider.Secret does not marshal its content.
type sealedPair struct {
	Access  string `json:"a"`
	Refresh string `json:"r"`
}

// Sealer seals and opens with one Tink keyset. Older keys of the keyset still
// open what they have sealed.
type Sealer struct{ aead tink.AEAD }

// NewKey makes a keyset with one AES-256-GCM key, as cleartext JSON.
func NewKey() (string, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return "", fmt.Errorf("make a sealing key: %w", err)
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return "", fmt.Errorf("write the sealing key: %w", err)
	}
	return out.String(), nil
}

// New reads a keyset. The error never shows any of it.
func New(keysetJSON string) (*Sealer, error) {
	if strings.TrimSpace(keysetJSON) == "" {
		return nil, errors.New("the sealing key is empty: set STRIDELOG_SEALING_KEY to a Tink AEAD keyset in JSON")
	}
	// Errors of Tink's readers can quote their input, so they are not wrapped.
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(keysetJSON)))
	if err != nil {
		return nil, errors.New("the sealing key cannot be read: STRIDELOG_SEALING_KEY must be a cleartext Tink keyset in JSON")
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("the sealing key is no AEAD keyset: make one with the AES256_GCM template")
	}
	return &Sealer{aead: primitive}, nil
}

// SealPair seals both tokens for one connection. They open for no other.
func (s *Sealer) SealPair(p Pair, connectionID string) ([]byte, error) {
	plain, err := json.Marshal(sealedPair{Access: p.Access.Reveal(), Refresh: p.Refresh.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("seal the tokens of connection %s: %w", connectionID, err)
	}
	return s.seal(plain, connectionID)
}

// OpenPair opens what SealPair made for the same connection; anything else is
// ErrUnreadable.
func (s *Sealer) OpenPair(sealed []byte, connectionID string) (Pair, error) {
	plain, err := s.open(sealed, connectionID)
	if err != nil {
		return Pair{}, err
	}
	var p sealedPair
	if err := json.Unmarshal(plain, &p); err != nil {
		return Pair{}, fmt.Errorf("%w: its content is not a token pair", ErrUnreadable)
	}
	return Pair{Access: provider.Secret(p.Access), Refresh: provider.Secret(p.Refresh)}, nil
}

// SealText seals one secret for the owner that the label names.
func (s *Sealer) SealText(text provider.Secret, label string) ([]byte, error) {
	return s.seal([]byte(text.Reveal()), label)
}

// OpenText opens what SealText made under the same label.
func (s *Sealer) OpenText(sealed []byte, label string) (provider.Secret, error) {
	plain, err := s.open(sealed, label)
	return provider.Secret(plain), err
}

func (s *Sealer) seal(plain []byte, label string) ([]byte, error) {
	out, err := s.aead.Encrypt(plain, []byte(label))
	if err != nil {
		return nil, fmt.Errorf("seal for %s: %w", label, err)
	}
	return out, nil
}

func (s *Sealer) open(sealed []byte, label string) ([]byte, error) {
	plain, err := s.aead.Decrypt(sealed, []byte(label))
	if err != nil {
		return nil, fmt.Errorf("%w for %s: check that STRIDELOG_SEALING_KEY is the key it was sealed with", ErrUnreadable, label)
	}
	return plain, nil
}

// EarlierLabel is the owner that an earlier token is sealed for.
func EarlierLabel(id string) string { return "earlier token " + id }

// StateLabel is the owner that the verifier of an OAuth state is sealed for; it has the
// state's hash.
func StateLabel(hash []byte) string { return "state " + hex.EncodeToString(hash) }
