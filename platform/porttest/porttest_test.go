package porttest

import (
	"net"
	"testing"
)

func TestAnAddressIsGivenOnce(t *testing.T) {
	given := map[string]bool{}
	for range 500 { // of 12000: two tests in three would meet a port again by chance
		given[Address(t)] = true
	}
	if len(given) != 500 {
		t.Errorf("500 addresses are %d different ones", len(given))
	}
	for address := range given {
		if reserve(t, address) {
			t.Fatalf("%s is given away twice", address)
		}
	}
}

func TestAnAddressIsFreeAndComesBackAfterItsTest(t *testing.T) {
	var address string
	t.Run("a test", func(t *testing.T) {
		address = Address(t)
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	})
	if !reserve(t, address) {
		t.Errorf("%s stays reserved after its test", address)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	if reserve(t, busy.Addr().String()) {
		t.Errorf("%s is given away while somebody listens there", busy.Addr())
	}
}
