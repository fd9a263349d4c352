// Package porttest gives tests addresses for servers that they start later.
package porttest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports lie below those that systems give to outgoing connections: one of these could
// take a port between two servers of a test.
const (
	first = 20000
	count = 12000
)

// Address is a TCP address of this machine that nobody listens on. No other test gets it,
// of this process or of another, until this test has ended.
func Address(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(count)) //nolint:gosec // no secret
		if reserve(t, address) {
			return address
		}
	}
	t.Fatal("no port is free: stop what listens on this machine")
	return ""
}

// reserve says whether an address is free and not reserved. The reservation is a socket
// of UDP under the same number: it is in nobody's way and ends with the process.
func reserve(t testing.TB, address string) bool {
	t.Helper()
	hold, err := (&net.ListenConfig{}).ListenPacket(context.Background(), "udp", address)
	if err != nil {
		return false
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		_ = hold.Close()
		return false
	}
	t.Cleanup(func() { _ = hold.Close() })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return true
}
