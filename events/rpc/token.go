package rpc

import (
	"crypto/ecdh"
	"crypto/hpke"
	"errors"
	"fmt"
	"time"
)

// TokenRequest asks for an access token that is good for at least MinValidity.
type TokenRequest struct {
	ConnectionID string        `json:"connection_id"`
	MinValidity  time.Duration `json:"min_validity_ns,omitempty"`
	// ReplyKey is the public half of the asker's ReplyKey. With it the token comes
	// sealed: permissions keep others from listening to an inbox, but whoever may make
	// streams could store what goes to it.
	ReplyKey []byte `json:"reply_key,omitempty"`
}

// TokenResponse holds the access token, never the refresh token.
type TokenResponse struct {
	AccessToken  string    `json:"access_token,omitempty"`
	Sealed       []byte    `json:"sealed_access_token,omitempty"` // instead of AccessToken; ReplyKey.Open opens it
	ExpiresAt    time.Time `json:"expires_at"`
	TokenVersion int64     `json:"token_version"`
}

// The suite of HPKE (RFC 9180): X25519, HKDF-SHA256, AES-256-GCM.
func kem() hpke.KEM                      { return hpke.DHKEM(ecdh.X25519()) }
func suite() (hpke.KDF, hpke.AEAD)       { return hpke.HKDFSHA256(), hpke.AES256GCM() }
func tokenInfo(connection string) []byte { return []byte("stridelog access token of " + connection) }

// ReplyKey opens what is sealed for one process. It lives as long as that.
type ReplyKey struct{ private hpke.PrivateKey }

// NewReplyKey makes a key.
func NewReplyKey() (*ReplyKey, error) {
	private, err := kem().GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("make a key for replies: %w", err)
	}
	return &ReplyKey{private}, nil
}

// Public is what a request carries.
func (k *ReplyKey) Public() []byte { return k.private.PublicKey().Bytes() }

// Open gives the answer with its token in clear. One that is not sealed stays as it is.
func (k *ReplyKey) Open(connection string, r TokenResponse) (TokenResponse, error) {
	if len(r.Sealed) == 0 {
		return r, nil
	}
	kdf, aead := suite()
	token, err := hpke.Open(k.private, kdf, aead, tokenInfo(connection), r.Sealed)
	if err != nil {
		return TokenResponse{}, errors.New("the access token is sealed for another process or connection")
	}
	r.AccessToken, r.Sealed = string(token), nil
	return r, nil
}

// Seal gives the answer to a request with its token sealed, if the request has a key.
func (q TokenRequest) Seal(r TokenResponse) (TokenResponse, error) {
	if len(q.ReplyKey) == 0 {
		return r, nil
	}
	public, err := kem().NewPublicKey(q.ReplyKey)
	if err != nil {
		return TokenResponse{}, &Error{Code: CodeInvalidArgument, Field: "reply_key", Detail: "The reply key is no X25519 public key."}
	}
	kdf, aead := suite()
	if r.Sealed, err = hpke.Seal(public, kdf, aead, tokenInfo(q.ConnectionID), []byte(r.AccessToken)); err != nil {
		return TokenResponse{}, fmt.Errorf("seal an access token for its asker: %w", err)
	}
	r.AccessToken = ""
	return r, nil
}
