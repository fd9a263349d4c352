package provider

import "time"

// ZoneNamed is the zone of the time zone database with this name. Local, which is
// the machine's, and the empty name are none.
func ZoneNamed(name string) (*time.Location, bool) {
	if name == "" || name == "Local" {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}
