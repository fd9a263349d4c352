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
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
)

const notificationSecret = "Bearer " + planted

// signer is Google's side: keys that sign, and the address where they are read.
type signer struct {
	mu     sync.Mutex
	keys   map[uint32]*ecdsa.PrivateKey
	served []uint32 // the ids that are in the set
	status int
	asked  int
	now    time.Time
}

func newSigner(t *testing.T, ids ...uint32) (*signer, provider.Notifications) {
	t.Helper()
	s := &signer{keys: map[uint32]*ecdsa.PrivateKey{}, served: ids, status: http.StatusOK, now: time.Date(2026, 10, 3, 8, 0, 0, 0, time.UTC)}
	for _, id := range append(ids, 99) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s.keys[id] = key
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		w.WriteHeader(s.status)
		_, _ = fmt.Fprint(w, s.set())
	}))
	t.Cleanup(server.Close)
	c := New(Config{
		NotificationSecret: notificationSecret, NotificationKeyURL: server.URL,
		Now: func() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.now },
	})
	return s, c.Notifications
}

// set writes the keys as Tink does, coordinates with a leading zero.
func (s *signer) set() string {
	var keys []string
	for _, id := range s.served {
		keys = append(keys, keyText(id, "ENABLED", "TINK", encodedKey(&s.keys[id].PublicKey, hashSHA256)))
	}
	return fmt.Sprintf(`{"primaryKeyId":%d,"key":[%s]}`, s.served[0], strings.Join(keys, ","))
}

func keyText(id uint32, status, prefix string, value []byte) string {
	return fmt.Sprintf(`{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.EcdsaPublicKey","value":%q,"keyMaterialType":"ASYMMETRIC_PUBLIC"},"status":%q,"keyId":%d,"outputPrefixType":%q}`,
		base64.StdEncoding.EncodeToString(value), status, id, prefix)
}

func encodedKey(key *ecdsa.PublicKey, hash byte) []byte {
	point, err := key.Bytes()
	if err != nil {
		panic(err)
	}
	message := []byte{fieldParams<<3 | 2, 6, paramHash << 3, hash, paramCurve << 3, curveP256, paramEncoding << 3, encodingDER}
	for field, coordinate := range map[byte][]byte{fieldX: point[1:33], fieldY: point[33:]} {
		message = append(append(message, field<<3|2, 33, 0), coordinate...)
	}
	return message
}

func (s *signer) sign(t *testing.T, id uint32, body string) http.Header {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	der, err := ecdsa.SignASN1(rand.Reader, s.keys[id], sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(binary.BigEndian.AppendUint32([]byte{1}, id), der...)
	header := http.Header{}
	header.Set("Authorization", notificationSecret)
	header.Set("GOOGLE-HEALTH-API-SIGNATURE", base64.StdEncoding.EncodeToString(signature))
	return header
}

func posted(h http.Header, body string) provider.NotificationRequest {
	return provider.NotificationRequest{Method: http.MethodPost, Header: h, Body: []byte(body)}
}

const upsert = `[{"data":{"version":"1","healthUserId":"1234567890123456789","operation":"UPSERT","dataType":"exercise","intervals":[{"physicalTimeInterval":{"startTime":"2026-10-03T06:30:00Z","endTime":"2026-10-03T07:12:30Z"}}]}}]`

func TestASignedNotification(t *testing.T) {
	s, n := newSigner(t, 7, 8)
	for _, id := range []uint32{7, 8, 7} {
		got, err := n.Read(t.Context(), posted(s.sign(t, id, upsert), upsert))
		if err != nil {
			t.Fatal(err)
		}
		if got.Answer != http.StatusNoContent || len(got.Changes) != 1 || got.Changes[0].AccountID != testAccount {
			t.Errorf("got %+v", got)
		}
	}
	old := s.sign(t, 7, upsert)
	old.Set("X-HEALTHAPI-SIGNATURE", old.Get("GOOGLE-HEALTH-API-SIGNATURE"))
	old.Del("GOOGLE-HEALTH-API-SIGNATURE")
	if _, err := n.Read(t.Context(), posted(old, upsert)); err != nil {
		t.Errorf("under its older name the signature is not found: %v", err)
	}
	if s.asked != 1 {
		t.Errorf("the keys were read %d times", s.asked)
	}
}

func TestForgedNotifications(t *testing.T) {
	s, n := newSigner(t, 7)
	for name, test := range map[string]struct {
		change func(h http.Header)
		body   string
		class  provider.Class
	}{
		"no secret":           {func(h http.Header) { h.Del("Authorization") }, upsert, provider.ClassUnauthorized},
		"another secret":      {func(h http.Header) { h.Set("Authorization", notificationSecret+"x") }, upsert, provider.ClassUnauthorized},
		"half a secret":       {func(h http.Header) { h.Set("Authorization", notificationSecret[:20]) }, upsert, provider.ClassUnauthorized},
		"no signature":        {func(h http.Header) { h.Del("GOOGLE-HEALTH-API-SIGNATURE") }, upsert, provider.ClassUnauthorized},
		"no base64":           {func(h http.Header) { h.Set("GOOGLE-HEALTH-API-SIGNATURE", "%%%") }, upsert, provider.ClassUnauthorized},
		"a short one":         {func(h http.Header) { h.Set("GOOGLE-HEALTH-API-SIGNATURE", "AQAAAAc=") }, upsert, provider.ClassUnauthorized},
		"another version":     {func(h http.Header) { changeSignature(h, func(b []byte) []byte { b[0] = 0; return b }) }, upsert, provider.ClassUnauthorized},
		"a broken signature":  {func(h http.Header) { changeSignature(h, func(b []byte) []byte { b[20] ^= 1; return b }) }, upsert, provider.ClassUnauthorized},
		"more bytes":          {func(h http.Header) { changeSignature(h, func(b []byte) []byte { return append(b, 0) }) }, upsert, provider.ClassUnauthorized},
		"another body":        {func(http.Header) {}, strings.Replace(upsert, "06:30", "06:31", 1), provider.ClassUnauthorized},
		"another white space": {func(http.Header) {}, upsert + " ", provider.ClassUnauthorized},
		"a bare handshake":    {func(h http.Header) { h.Del("Authorization") }, `{"type":"verification"}`, provider.ClassUnauthorized},
		"a large one":         {func(http.Header) {}, strings.Repeat(" ", provider.MaxNotification+1), provider.ClassTooLarge},
	} {
		header := s.sign(t, 7, upsert)
		test.change(header)
		got, err := n.Read(t.Context(), posted(header, test.body))
		if e := wantClean(t, err); e.Class != test.class || len(got.Changes) > 0 || got.Answer != 0 {
			t.Errorf("%s: got %+v, error %v", name, got, err)
		}
	}
	// Signed by a key that is not in the set.
	_, err := n.Read(t.Context(), posted(s.sign(t, 99, upsert), upsert))
	if e := wantClean(t, err); e.Class != provider.ClassUnauthorized || e.Reason != reasonUnknownKey {
		t.Errorf("an unknown key gave %v", err)
	}
	const broken = `[{"data":`
	if _, err := n.Read(t.Context(), posted(s.sign(t, 7, broken), broken)); provider.ClassOf(err) != provider.ClassBadRequest {
		t.Errorf("a signed text of no sense gave %v", err)
	}
}

func changeSignature(h http.Header, change func([]byte) []byte) {
	raw, err := base64.StdEncoding.DecodeString(h.Get("GOOGLE-HEALTH-API-SIGNATURE"))
	if err != nil {
		panic(err)
	}
	h.Set("GOOGLE-HEALTH-API-SIGNATURE", base64.StdEncoding.EncodeToString(change(raw)))
}

func TestHandshake(t *testing.T) {
	s, n := newSigner(t, 7)
	header := http.Header{"Authorization": {notificationSecret}}
	got, err := n.Read(t.Context(), posted(header, ` {"type": "verification"} `))
	if err != nil || got.Answer != http.StatusCreated || len(got.Changes) != 0 || s.asked != 0 {
		t.Errorf("got %+v, %v; the keys were read %d times", got, err, s.asked)
	}
	for _, body := range []string{`{"type":"verification","data":{}}`, `{"type":"hello"}`, `[{"type":"verification"}]`} {
		if _, err := n.Read(t.Context(), posted(header, body)); provider.ClassOf(err) != provider.ClassUnauthorized {
			t.Errorf("%s passes without a signature: %v", body, err)
		}
	}
}

// Keys rotate: an unknown one makes us read them anew, but once a minute at most.
func TestKeysAreReadAnew(t *testing.T) {
	s, n := newSigner(t, 7)
	read := func(id uint32) provider.Class {
		_, err := n.Read(t.Context(), posted(s.sign(t, id, upsert), upsert))
		return provider.ClassOf(err)
	}
	steps := []struct {
		what   string
		change func()
		id     uint32
		class  provider.Class
		asked  int
	}{
		{"the first", func() {}, 7, "", 1},
		{"unknown, within the minute", func() {}, 99, provider.ClassUnauthorized, 1},
		{"a new key, within the minute", func() { s.served = []uint32{99} }, 99, provider.ClassUnauthorized, 1},
		{"after the minute", func() { s.now = s.now.Add(keysPause) }, 99, "", 2},
		{"the old key is gone", func() {}, 7, provider.ClassUnauthorized, 2},
		{"no answer", func() { s.now, s.status = s.now.Add(keysPause), 503 }, 7, provider.ClassUnavailable, 3},
		{"what is known stays", func() {}, 99, "", 3},
		{"no answer yet", func() {}, 7, provider.ClassUnavailable, 3},
		{"an answer again", func() { s.now, s.status, s.served = s.now.Add(keysPause), 200, []uint32{7} }, 7, "", 4},
	}
	for _, step := range steps {
		s.mu.Lock()
		step.change()
		s.mu.Unlock()
		if class := read(step.id); class != step.class || s.asked != step.asked {
			t.Errorf("%s: class %q, keys read %d times", step.what, class, s.asked)
		}
	}
}

func TestKeysAreReadOnceForAll(t *testing.T) {
	s, n := newSigner(t, 7)
	header := s.sign(t, 7, upsert)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if _, err := n.Read(t.Context(), posted(header, upsert)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if s.asked != 1 {
		t.Errorf("the keys were read %d times", s.asked)
	}
}

func TestKeySets(t *testing.T) {
	s, _ := newSigner(t, 7, 8)
	good, other := encodedKey(&s.keys[7].PublicKey, hashSHA256), encodedKey(&s.keys[8].PublicKey, hashSHA256)
	set := func(keys ...string) string { return `{"primaryKeyId":7,"key":[` + strings.Join(keys, ",") + `]}` }
	usable := keyText(7, "ENABLED", "TINK", good)
	offCurve := slices.Clone(good)
	offCurve[20] ^= 1
	for name, test := range map[string]struct {
		set  string
		keys int
	}{
		"one":             {set(usable), 1},
		"two":             {set(usable, keyText(8, "ENABLED", "TINK", other)), 2},
		"switched off":    {set(usable, keyText(8, "DISABLED", "TINK", other)), 1},
		"another prefix":  {set(usable, keyText(8, "ENABLED", "RAW", other)), 1},
		"another kind":    {set(usable, strings.Replace(keyText(8, "ENABLED", "TINK", other), "EcdsaPublicKey", "Ed25519PublicKey", 1)), 1},
		"another hash":    {set(usable, keyText(8, "ENABLED", "TINK", encodedKey(&s.keys[8].PublicKey, 4))), 1},
		"off the curve":   {set(usable, keyText(8, "ENABLED", "TINK", offCurve)), 1},
		"cut off":         {set(usable, keyText(8, "ENABLED", "TINK", other[:40])), 1},
		"only cut off":    {set(keyText(8, "ENABLED", "TINK", other[:40])), 0},
		"empty":           {set(), 0},
		"no JSON":         {"<html>", 0},
		"a longer number": {set(usable, keyText(8, "ENABLED", "TINK", append(slices.Clone(other[:8]), fieldX<<3|2, 34, 1, 0))), 1},
	} {
		keys, err := parseKeySet([]byte(test.set))
		if len(keys) != test.keys || (err == nil) != (test.keys > 0) {
			t.Errorf("%s: %d keys, error %v", name, len(keys), err)
		}
	}
}

func FuzzKeySet(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encodedKey(&key.PublicKey, hashSHA256))
	f.Add([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, message []byte) {
		key, err := parsePublicKey(message)
		if err != nil {
			return
		}
		if _, err := key.ECDH(); err != nil {
			t.Fatalf("a key that is none: %v", err)
		}
	})
}
