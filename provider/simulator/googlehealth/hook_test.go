package googlehealth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/apptest"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

const (
	hookSecret  = "Bearer long-random"
	subscribers = "/v4/projects/123456789012/subscribers"
)

// hook is an endpoint that keeps what it gets.
type hook struct {
	server *httptest.Server
	mu     sync.Mutex
	answer func(r *http.Request, body string) int
	got    []received
	came   chan struct{}
}

type received struct {
	body   string
	header http.Header
}

func newHook(t *testing.T) *hook {
	h := &hook{came: make(chan struct{}, 1)}
	h.answer = func(r *http.Request, body string) int {
		switch {
		case r.Header.Get("Authorization") != hookSecret:
			return http.StatusUnauthorized
		case strings.Contains(body, "verification"):
			return http.StatusCreated
		default:
			return http.StatusNoContent
		}
	}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.got = append(h.got, received{string(body), r.Header})
		status := h.answer(r, string(body))
		h.mu.Unlock()
		w.WriteHeader(status)
		select {
		case h.came <- struct{}{}:
		default: // nobody waits
		}
	}))
	t.Cleanup(h.server.Close)
	return h
}

func (h *hook) setAnswer(f func(r *http.Request, body string) int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = f
}

// take gives what came and forgets it.
func (h *hook) take() []received {
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.got
	h.got = nil
	return got
}

func (a *app) subscriber(id, endpoint, secret string) apptest.Answer {
	a.T.Helper()
	body := `{"endpointUri":"` + endpoint + `","endpointAuthorization":{"secret":"` + secret + `"},"subscriberConfigs":[{"dataTypes":["exercise","sleep"],"subscriptionCreatePolicy":"AUTOMATIC"}]}`
	return a.Must(a.Request(http.MethodPost, a.cloud.ProjectToken(), subscribers+"?subscriberId="+id, body))
}

// subscribed is an app with a subscriber that person 0 and 1 consented to.
func subscribed(t *testing.T, change func(*googlehealth.Options)) (*app, *hook) {
	t.Helper()
	a, h := newApp(t, change), newHook(t)
	a.connect(0)
	a.connect(1)
	if got := a.subscriber("my-sub-1", h.server.URL+"/hook", hookSecret); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	h.take()
	return a, h
}

func (a *app) upload(n int) string {
	a.T.Helper()
	id, err := a.cloud.Upload(a.account(n), simulator.Truth{Type: "yoga", Start: a.clock.Now().Add(-time.Hour), Duration: 20 * time.Minute})
	if err != nil {
		a.T.Fatal(err)
	}
	return id
}

// verify checks a signature with the published keys, by the words of the facts
// and nothing of the fake.
func (a *app) verify(r received) error {
	a.T.Helper()
	text := r.header.Get("GOOGLE-HEALTH-API-SIGNATURE") + r.header.Get("X-HEALTHAPI-SIGNATURE")
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(signature) < 6 || signature[0] != 1 {
		return errors.New("no signature: " + text)
	}
	var set struct {
		Key []struct {
			KeyData struct{ TypeURL, Value string }
			Status  string
			KeyID   uint32
		}
	}
	if err := json.Unmarshal([]byte(a.get("", googlehealth.KeysPath).Body), &set); err != nil {
		return err
	}
	for _, k := range set.Key {
		if k.KeyID != binary.BigEndian.Uint32(signature[1:5]) || k.Status != "ENABLED" {
			continue
		}
		value, err := base64.StdEncoding.DecodeString(k.KeyData.Value)
		if err != nil {
			return err
		}
		point := coordinates(value)
		uncompressed := append(new(big.Int).SetBytes(point[3]).FillBytes(make([]byte, 32)), new(big.Int).SetBytes(point[4]).FillBytes(make([]byte, 32))...)
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, uncompressed...))
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(r.body))
		if !ecdsa.VerifyASN1(public, sum[:], signature[5:]) {
			return errors.New("the signature is wrong")
		}
		return nil
	}
	return errors.New("the key is unknown")
}

// coordinates are the byte fields of a small protobuf, by number.
func coordinates(message []byte) map[int][]byte {
	fields := map[int][]byte{}
	for len(message) > 1 {
		number, length := int(message[0]>>3), int(message[1])
		fields[number] = message[2 : 2+length]
		message = message[2+length:]
	}
	return fields
}

// items reads a notification: one object or an array.
func items(t *testing.T, body string) (all []struct {
	Data struct {
		HealthUserID, Operation, DataType, RecordID string
		Intervals                                   []struct {
			PhysicalTimeInterval     *struct{ StartTime, EndTime time.Time }
			CivilDateTimeInterval    *json.RawMessage
			CivilISO8601TimeInterval *struct{ StartTime, EndTime string }
		}
	}
}) {
	t.Helper()
	if strings.HasPrefix(body, "{") {
		body = "[" + body + "]"
	}
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return all
}
