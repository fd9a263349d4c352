package demo

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/clouds"
)

// Sample says which export archive of the demo's people to make.
type Sample struct {
	Person string // a name of the roster; empty is the one that the demo connects
	Years  int    // of history until now
	simulator.ExportOptions
}

// maxYears is about as long as there have been such accounts.
const maxYears = 15

// NewExport makes an export archive of one of the people behind the fake cloud. It
// tells of the same workouts as the cloud, under the same ids.
func NewExport(s Sample, now time.Time) (simulator.Archive, error) {
	if s.Years < 1 || s.Years > maxYears {
		return nil, fmt.Errorf("a history of %d years is asked for; give 1 to %d", s.Years, maxYears)
	}
	everybody, err := simulator.Roster(peopleSeed, now)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, person := range everybody {
		if names = append(names, person.Name()); s.Person == "" || s.Person == person.Name() {
			s.At = now
			exports, ok := clouds.Exports()
			if !ok {
				return nil, errors.New("no fake cloud has archives")
			}
			return exports.New(person.From(now.AddDate(-s.Years, 0, 0)), s.ExportOptions)
		}
	}
	return nil, fmt.Errorf("there is no simulated person %q; there are %s", s.Person, strings.Join(names, ", "))
}
