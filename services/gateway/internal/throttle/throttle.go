// Package throttle counts what strangers do wrong, by their address, in bounded memory.
package throttle

import (
	"net/netip"
	"sync"
	"time"
)

// Failures are the failures of each address in the present period. The zero value allows
// nothing; use New.
type Failures struct {
	most      int           // failures of an address in a period
	period    time.Duration // that begins with an address's first failure
	addresses int           // that are known at a time

	mu    sync.Mutex
	known map[netip.Prefix]*record
}

type record struct {
	failed int
	until  time.Time
}

// New allows an address so many failures in a period, and keeps so many addresses.
func New(most int, period time.Duration, addresses int) *Failures {
	return &Failures{most: most, period: period, addresses: addresses, known: map[netip.Prefix]*record{}}
}

// Wait is how long an address must wait; zero when it need not.
func (f *Failures) Wait(address string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.known[network(address)]
	if r == nil || r.failed < f.most || !now.Before(r.until) {
		return 0
	}
	return r.until.Sub(now)
}

// Fail counts a failure of an address.
func (f *Failures) Fail(address string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := network(address)
	r := f.known[from]
	if r == nil {
		if len(f.known) >= f.addresses {
			f.forget(now)
		}
		r = &record{}
		f.known[from] = r
	}
	if !now.Before(r.until) {
		*r = record{until: now.Add(f.period)}
	}
	r.failed++
}

// forget makes room: all addresses whose period is over go, else the one with the fewest
// failures of some that are looked at, so that whoever is refused stays refused.
func (f *Failures) forget(now time.Time) {
	const looks = 100
	var least netip.Prefix
	looked, fewest := 0, 0
	for address, r := range f.known {
		if !now.Before(r.until) {
			delete(f.known, address)
			continue
		}
		if looked++; looked <= looks && (looked == 1 || r.failed < fewest) {
			least, fewest = address, r.failed
		}
	}
	if len(f.known) >= f.addresses {
		delete(f.known, least)
	}
}

// network is what counts as one address: of IPv6 the /64 that a customer has. Anything
// that is no address counts as one together.
func network(address string) netip.Prefix {
	host, err := netip.ParseAddrPort(address)
	at := host.Addr()
	if err != nil {
		if at, err = netip.ParseAddr(address); err != nil {
			return netip.Prefix{}
		}
	}
	at = at.Unmap().WithZone("")
	bits := 64
	if at.Is4() {
		bits = 32
	}
	p, err := at.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
