// Package clouds is the list of all fake clouds. A new one is one line in All.
package clouds

import (
	"slices"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// All are the registrations of every fake cloud. The first is the one that is meant
// where none is named; a demo connects its user to them in this order.
func All() []simulator.Registration {
	return []simulator.Registration{
		fitbit.Registration(),
		googlehealth.Registration(),
	}
}

// Find is the fake cloud of a provider by name; ok is false where there is none.
func Find(provider string) (r simulator.Registration, ok bool) {
	all := All()
	at := slices.IndexFunc(all, func(r simulator.Registration) bool { return r.Provider == provider })
	if at < 0 {
		return simulator.Registration{}, false
	}
	return all[at], true
}

// Exports are the archives that can be made: those of the first cloud that has any.
func Exports() (simulator.Exports, bool) {
	for _, r := range All() {
		if r.Exports != nil {
			return *r.Exports, true
		}
	}
	return simulator.Exports{}, false
}
