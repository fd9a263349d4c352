package googlehealth_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/apptest"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

const (
	serviceEmail = "hooks@project.example"
	assertion    = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

func signedJWT(t *testing.T, key *rsa.PrivateKey, algorithm string, claims map[string]any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"`+algorithm+`","typ":"JWT"}`)) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

func TestAServiceAccountGetsATokenOfTheProject(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(o *googlehealth.Options) {
		o.ServiceAccount = &googlehealth.ServiceAccount{Email: serviceEmail, Key: &key.PublicKey}
	})
	good := map[string]any{
		"iss": serviceEmail, "scope": platform, "aud": a.Server.URL + "/token",
		"iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix(),
	}
	send := func(jwt string) apptest.Answer { return a.form("/token", "grant_type", assertion, "assertion", jwt) }
	token := a.tokensOf(send(signedJWT(t, key, "RS256", good)))
	if token.Refresh != "" || token.Expires != 3599 {
		t.Errorf("%d s, a refresh token: %t", token.Expires, token.Refresh != "")
	}
	if got := a.get(token.Access, subscribers); got.Status != 200 {
		t.Errorf("subscribers: %d %s", got.Status, got.Body)
	}
	a.wantProblem(a.get(token.Access, identityPath), 401, "UNAUTHENTICATED", "")
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) map[string]any {
		claims := maps.Clone(good)
		claims[name] = value
		return claims
	}
	for name, jwt := range map[string]string{
		"another key":       signedJWT(t, other, "RS256", good),
		"another algorithm": signedJWT(t, key, "none", good),
		"another account":   signedJWT(t, key, "RS256", with("iss", "other@project.example")),
		"another audience":  signedJWT(t, key, "RS256", with("aud", "https://other.example/token")),
		"another scope":     signedJWT(t, key, "RS256", with("scope", activity)),
		"too long":          signedJWT(t, key, "RS256", with("exp", noon.Add(2*time.Hour).Unix())),
		"over":              signedJWT(t, key, "RS256", with("exp", noon.Unix())),
		"not yet":           signedJWT(t, key, "RS256", with("iat", noon.Add(10*time.Minute).Unix())),
		"no parts":          "nonsense",
		"a changed claim":   strings.Replace(signedJWT(t, key, "RS256", good), ".", ".e30", 1),
	} {
		t.Log(name)
		a.wantTokenError(send(jwt), 400, "invalid_grant")
	}
	a.clock.Forward(time.Hour)
	a.wantProblem(a.get(token.Access, subscribers), 401, "UNAUTHENTICATED", "")
	none := newApp(t, nil)
	none.wantTokenError(none.form("/token", "grant_type", assertion, "assertion", signedJWT(t, key, "RS256", good)), 400, "invalid_grant")
}
