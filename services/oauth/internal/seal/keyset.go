package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

// prefixSize is how many bytes of sealed ones name their key: a one and the key's id,
// as Tink writes them.
const prefixSize = 5

// KeyID names a key of a keyset. It says nothing about the key itself.
type KeyID uint32

// Prefix is how everything begins that the key has sealed.
func (id KeyID) Prefix() []byte {
	return binary.BigEndian.AppendUint32([]byte{1}, uint32(id))
}

// SealedBy is the key that sealed bytes name; ok is false where they name none.
func SealedBy(sealed []byte) (id KeyID, ok bool) {
	if len(sealed) < prefixSize || sealed[0] != 1 {
		return 0, false
	}
	return KeyID(binary.BigEndian.Uint32(sealed[1:prefixSize])), true
}

// Keyset is a sealing key with the older or newer keys beside it.
type Keyset struct{ handle *keyset.Handle }

// ParseKeyset reads a keyset whose sealed bytes name their key, which those of NewKey
// do. The error never shows any of it.
func ParseKeyset(text string) (Keyset, error) {
	if _, err := New(text); err != nil {
		return Keyset{}, err
	}
	// New has read the same text.
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(text)))
	if err != nil {
		return Keyset{}, errors.New("the sealing key cannot be read")
	}
	for _, key := range handle.KeysetInfo().GetKeyInfo() {
		if key.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK {
			return Keyset{}, fmt.Errorf("key %d of the sealing key writes no prefix of Tink, so nobody can tell what it has sealed: rotate it by new consents, or use a key of `stridelog keys new-sealing-key`", key.GetKeyId())
		}
	}
	return Keyset{handle}, nil
}

// Keys are the enabled keys, the newest last.
func (k Keyset) Keys() (ids []KeyID) {
	for _, key := range k.handle.KeysetInfo().GetKeyInfo() {
		if key.GetStatus() == tinkpb.KeyStatusType_ENABLED {
			ids = append(ids, KeyID(key.GetKeyId()))
		}
	}
	return ids
}

// Primary is the key that seals; the others only open.
func (k Keyset) Primary() KeyID { return KeyID(k.handle.KeysetInfo().GetPrimaryKeyId()) }

// Newest is the key that was added last.
func (k Keyset) Newest() KeyID {
	keys := k.Keys() // one at least: the primary key is enabled, or New had refused it
	return keys[len(keys)-1]
}

// Add adds a new key, which opens and does not seal yet.
func (k Keyset) Add() (Keyset, error) {
	return k.change(func(m *keyset.Manager) error {
		_, err := m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
}

// UseNewest lets the newest key seal.
func (k Keyset) UseNewest() (Keyset, error) {
	return k.change(func(m *keyset.Manager) error { return m.SetPrimary(uint32(k.Newest())) })
}

// DropOthers leaves the key that seals alone.
func (k Keyset) DropOthers() (Keyset, error) {
	return k.change(func(m *keyset.Manager) error {
		for _, key := range k.handle.KeysetInfo().GetKeyInfo() {
			if KeyID(key.GetKeyId()) != k.Primary() {
				if err := m.Delete(key.GetKeyId()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (k Keyset) change(do func(*keyset.Manager) error) (Keyset, error) {
	m := keyset.NewManagerFromHandle(k.handle)
	err := do(m)
	if err == nil {
		k.handle, err = m.Handle()
	}
	if err != nil {
		return Keyset{}, fmt.Errorf("change the sealing key: %w", err)
	}
	return k, nil
}

// Text is the keyset as cleartext JSON.
func (k Keyset) Text() (string, error) {
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&out)); err != nil {
		return "", fmt.Errorf("write the sealing key: %w", err)
	}
	return out.String(), nil
}

// Reseal seals with the present key what any key of the keyset has sealed under the
// same label.
func (s *Sealer) Reseal(sealed []byte, label string) ([]byte, error) {
	plain, err := s.open(sealed, label)
	if err != nil {
		return nil, err
	}
	return s.seal(plain, label)
}
