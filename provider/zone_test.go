package provider_test

import (
	"testing"

	"github.com/stridelog/stridelog/provider"
)

func TestZoneNamed(t *testing.T) {
	for name, want := range map[string]bool{
		"Europe/Rome": true, "UTC": true, "Asia/Kolkata": true,
		"": false, "Local": false, "Mars/Olympus_Mons": false, "../../etc/passwd": false, "+02:00": false, "Europe/Rome\x00": false,
	} {
		zone, got := provider.ZoneNamed(name)
		if got != want || got && zone.String() != name {
			t.Errorf("%q: %v, %v", name, zone, got)
		}
	}
}
