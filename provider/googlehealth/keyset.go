package googlehealth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// parseKeySet reads a Tink key set in JSON (section 6). Keys that are switched off,
// of another kind or broken are left out: the set must work while Google adds a new
// kind. The error says that no key is left.
func parseKeySet(body []byte) (map[uint32]*ecdsa.PublicKey, error) {
	var set struct {
		Key []struct {
			KeyID            uint32 `json:"keyId"`
			Status           string `json:"status"`
			OutputPrefixType string `json:"outputPrefixType"`
			KeyData          struct {
				TypeURL string `json:"typeUrl"`
				Value   string `json:"value"`
			} `json:"keyData"`
		} `json:"key"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	known := map[uint32]*ecdsa.PublicKey{}
	for _, k := range set.Key {
		// Other prefixes are written, or signed over, in another way.
		if k.Status != "ENABLED" || k.OutputPrefixType != "TINK" || k.KeyData.TypeURL != "type.googleapis.com/google.crypto.tink.EcdsaPublicKey" {
			continue
		}
		value, err := base64.StdEncoding.DecodeString(k.KeyData.Value)
		if err != nil {
			continue
		}
		if key, err := parsePublicKey(value); err == nil {
			known[k.KeyID] = key
		}
	}
	if len(known) == 0 {
		return nil, errors.New("the key set holds no key that can be used")
	}
	return known, nil
}

// Fields and values of Tink's EcdsaPublicKey and EcdsaParams.
const (
	fieldParams = 2
	fieldX      = 3
	fieldY      = 4

	paramHash     = 1
	paramCurve    = 2
	paramEncoding = 3

	hashSHA256  = 3
	curveP256   = 2
	encodingDER = 2
)

// coordinate is how many bytes one of a P-256 point has.
const coordinate = 32

// parsePublicKey reads a public key of P-256, SHA-256 and DER from its protocol
// buffer. Coordinates may have a leading zero.
func parsePublicKey(message []byte) (*ecdsa.PublicKey, error) {
	fields, err := readFields(message)
	if err != nil {
		return nil, err
	}
	params, err := readFields(fields[fieldParams].bytes)
	if err != nil {
		return nil, err
	}
	if params[paramHash].number != hashSHA256 || params[paramCurve].number != curveP256 || params[paramEncoding].number != encodingDER {
		return nil, errors.New("the key is of another kind")
	}
	uncompressed := make([]byte, 1+2*coordinate)
	uncompressed[0] = 4
	if !fill(uncompressed[1:1+coordinate], fields[fieldX].bytes) || !fill(uncompressed[1+coordinate:], fields[fieldY].bytes) {
		return nil, errors.New("a coordinate is too long")
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), uncompressed)
}

// fill writes a big-endian number to the end of a place; ok is false when it does
// not fit.
func fill(place, number []byte) (ok bool) {
	for len(number) > len(place) && number[0] == 0 {
		number = number[1:]
	}
	if len(number) > len(place) {
		return false
	}
	copy(place[len(place)-len(number):], number)
	return true
}

// field is the last value of a field of a protocol buffer, whichever kind it has.
type field struct {
	number uint64
	bytes  []byte
}

// readFields reads a protocol buffer as far as keys need it.
func readFields(message []byte) (map[uint64]field, error) {
	broken := errors.New("the key is not a whole message")
	fields := map[uint64]field{}
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 {
			return nil, broken
		}
		message = message[n:]
		var f field
		var size int
		switch tag & 7 {
		case 0: // varint
			if f.number, size = binary.Uvarint(message); size <= 0 {
				return nil, broken
			}
		case 1: // 64 bits
			size = 8
		case 2: // bytes
			length, n := binary.Uvarint(message)
			if n <= 0 || length > math.MaxInt32 || n+int(length) > len(message) {
				return nil, broken
			}
			size = n + int(length)
			f.bytes = message[n:size]
		case 5: // 32 bits
			size = 4
		default:
			return nil, broken
		}
		if size > len(message) {
			return nil, broken
		}
		fields[tag>>3], message = f, message[size:]
	}
	return fields, nil
}
