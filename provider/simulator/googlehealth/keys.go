package googlehealth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
)

// keys sign notifications. The newest signs; the one before it still verifies,
// the one before that is disabled.
type keys struct {
	made uint32
	all  []*key // the newest first
}

type key struct {
	id      uint32
	private *ecdsa.PrivateKey
}

const keptKeys = 3

func newKeys() (*keys, error) {
	k := &keys{}
	return k, k.rotate()
}

func (k *keys) rotate() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key for notifications: %w", err)
	}
	k.made++
	id := uint32(hash("key", fmt.Sprint(k.made)))
	k.all = append([]*key{{id, private}}, k.all[:min(len(k.all), keptKeys-1)]...)
	return nil
}

// RotateKeys makes a new key for notifications, as Google does every 30 days.
func (c *Cloud) RotateKeys() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys.rotate()
}

// sign gives the header of a body: a byte, the key's id, and the signature.
func (k *key) sign(body []byte) (string, error) {
	sum := sha256.Sum256(body)
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign a notification: %w", err)
	}
	head := binary.BigEndian.AppendUint32([]byte{1}, k.id)
	return base64.StdEncoding.EncodeToString(append(head, signature...)), nil
}

// showKeys is the public key set, a Tink keyset in JSON.
func (c *Cloud) showKeys(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	type keyData struct {
		TypeURL  string `json:"typeUrl"`
		Value    string `json:"value"`
		Material string `json:"keyMaterialType"`
	}
	type entry struct {
		KeyData keyData `json:"keyData"`
		Status  string  `json:"status"`
		ID      uint32  `json:"keyId"`
		Prefix  string  `json:"outputPrefixType"`
	}
	set := struct {
		Primary uint32  `json:"primaryKeyId"`
		Keys    []entry `json:"key"`
	}{Primary: c.keys.all[0].id}
	for i, k := range c.keys.all {
		value, err := k.public()
		if err != nil {
			broken(w, err)
			return
		}
		status := "ENABLED"
		if i >= 2 {
			status = "DISABLED"
		}
		data := keyData{"type.googleapis.com/google.crypto.tink.EcdsaPublicKey", base64.StdEncoding.EncodeToString(value), "ASYMMETRIC_PUBLIC"}
		set.Keys = append(set.Keys, entry{data, status, k.id, "TINK"})
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	reply(w, set)
}

// public is the key as a protobuf: 2 the parameters (SHA-256, P-256, DER), 3 and
// 4 the coordinates. They come as Java writes them, with a zero before a high
// bit, and for every other key always with one.
func (k *key) public() ([]byte, error) {
	point, err := k.private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, fmt.Errorf("write a public key: %w", err)
	}
	out := []byte{0x12, 6, 0x08, 3, 0x10, 2, 0x18, 2}
	for i, tag := range []byte{0x1a, 0x22} {
		coordinate := point[1+32*i : 33+32*i]
		if coordinate[0] >= 0x80 || k.id%2 == 0 {
			coordinate = append([]byte{0}, coordinate...)
		}
		out = append(append(out, tag, byte(len(coordinate))), coordinate...)
	}
	return out, nil
}
