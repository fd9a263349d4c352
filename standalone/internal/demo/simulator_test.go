package demo

import "testing"

func TestOriginIsWhereABrowserReachesTheServer(t *testing.T) {
	for addr, want := range map[string]string{
		":8000": "http://localhost:8000", "0.0.0.0:80": "http://localhost:80", "[::]:8000": "http://localhost:8000",
		"127.0.0.1:8123": "http://localhost:8123", "[::1]:8123": "http://localhost:8123",
		"192.168.1.5:8000": "http://192.168.1.5:8000", "[fe80::1]:8000": "http://[fe80::1]:8000", "nas.local:8000": "http://nas.local:8000",
	} {
		if got, err := Origin(addr); err != nil || got != want {
			t.Errorf("%s is reached at %q, %v; want %s", addr, got, err, want)
		}
	}
	if got, err := Origin("8000"); err == nil {
		t.Errorf("an address without a port is reached at %s", got)
	}
}
