package googlehealth

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// grantAssertion is the grant of RFC 7523, by which a service account gets the
// project's access token.
const grantAssertion = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// ServiceAccount is an account of the project itself.
type ServiceAccount struct {
	Email string
	Key   *rsa.PublicKey // of the key file's private key
}

// assert is the token endpoint for a service account. What people consented to
// stays closed to its token.
func (c *Cloud) assert(w http.ResponseWriter, r *http.Request) {
	if err := c.readAssertion(r); err != nil {
		refuseToken(w, http.StatusBadRequest, "invalid_grant", "Invalid JWT: "+err.Error())
		return
	}
	reply(w, tokens{AccessToken: c.ProjectToken(), ExpiresIn: int(projectTokenTTL.Seconds()) - 1, Scope: cloudPlatform, TokenType: "Bearer"})
}

// readAssertion checks signature, issuer, audience, scope and times, in this order.
func (c *Cloud) readAssertion(r *http.Request) error {
	signed, signature, found := cutLast(r.PostForm.Get("assertion"), ".")
	header, claims, both := strings.Cut(signed, ".")
	if !found || !both {
		return errors.New("it is not three parts")
	}
	if c.options.ServiceAccount == nil {
		return errors.New("the project has no service account")
	}
	var head struct{ Alg string }
	if err := readPart(header, &head); err != nil || head.Alg != "RS256" {
		return errors.New("its algorithm is not RS256")
	}
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(signed))
	if err != nil || rsa.VerifyPKCS1v15(c.options.ServiceAccount.Key, crypto.SHA256, sum[:], raw) != nil {
		return errors.New("its signature is wrong")
	}
	var claim struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	if err := readPart(claims, &claim); err != nil {
		return err
	}
	now, from, until := c.options.Now(), time.Unix(claim.Iat, 0), time.Unix(claim.Exp, 0)
	switch {
	case claim.Iss != c.options.ServiceAccount.Email:
		return errors.New("its issuer is not the service account")
	case !slices.Contains([]string{"http://" + r.Host + "/token", "https://" + r.Host + "/token"}, claim.Aud):
		return errors.New("its audience is not this endpoint")
	case !slices.Contains(strings.Fields(claim.Scope), cloudPlatform):
		return errors.New("its scope is not cloud-platform")
	case now.Before(from.Add(-time.Minute)) || !now.Before(until) || until.Sub(from) > time.Hour:
		return errors.New("it must be a short-lived token of now: at most an hour, and not over")
	}
	return nil
}

func readPart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("a part cannot be read: %w", err)
	}
	return nil
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}
