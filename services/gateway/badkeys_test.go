package gateway_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// Bad keys from one address are refused after some, without a look into the database.
// Whoever has a good key from the same address, behind one proxy, is served.
func TestBadKeysOfAnAddressAreBounded(t *testing.T) {
	s := gatewaytest.New(t)
	// A key of the database, not the configured one.
	s.Exec(`WITH made AS (INSERT INTO gateway.api_keys (id, name, scopes) VALUES (gen_random_uuid(), 'test', '{admin}') RETURNING id)
		INSERT INTO gateway.api_key_secrets (hash, key_id) SELECT sha256('a-good-key'), id FROM made`)
	ask := func(key string) gatewaytest.Answer {
		return s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users", Header: map[string]string{"Authorization": "Bearer " + key}})
	}
	if a := ask("a-good-key"); a.Status != http.StatusOK {
		t.Fatalf("a good key answers %d", a.Status)
	}
	for i := range 30 {
		checkProblem(t, "a bad key", ask("bad-"+strconv.Itoa(i)), http.StatusUnauthorized, "unauthorized")
	}
	a := ask("bad-again")
	checkProblem(t, "one bad key too many", a, http.StatusTooManyRequests, "too_many_requests")
	if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 || n > 60 {
		t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
	}
	for _, key := range []string{gatewaytest.Key, "a-good-key"} {
		if a := ask(key); a.Status != http.StatusOK {
			t.Errorf("a good key from the same address answers %d: %s", a.Status, a.Body)
		}
	}
	s.Exec(`DELETE FROM gateway.api_keys WHERE name = 'test'`)
	for range 2 {
		checkProblem(t, "no key", s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users", NoKey: true}), http.StatusTooManyRequests, "too_many_requests")
	}
	if a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/healthz", NoKey: true}); a.Status != http.StatusOK {
		t.Errorf("a route without a key answers %d", a.Status)
	}
}
