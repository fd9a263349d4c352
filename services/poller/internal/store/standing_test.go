package store

import (
	"testing"

	"github.com/stridelog/stridelog/events"
)

func TestStandingOf(t *testing.T) {
	for _, c := range []struct {
		status events.ConnectionStatus
		reason string
		want   Standing
	}{
		{events.StatusActive, "", Standing{Status: TargetActive}},
		{"", "", Standing{Status: TargetActive}},
		{events.StatusDegraded, "unavailable", Standing{Status: TargetActive}},
		{events.StatusActionRequired, events.ReasonConsentExpiring, Standing{Status: TargetActive}},
		{events.StatusActionRequired, events.ReasonReauthRequired, Standing{TargetPaused, events.ReasonReauthRequired, "act"}},
		{events.StatusActionRequired, events.ReasonScopeMissing, Standing{TargetPaused, events.ReasonScopeMissing, "act"}},
		{events.StatusRevoked, "user", Standing{TargetEnded, "user", "act"}},
		{events.StatusProviderRetired, "", Standing{TargetPaused, "provider_retired", "act"}},
		{"unheard_of", "", Standing{TargetPaused, "", "act"}},
	} {
		if got := StandingOf(c.status, c.reason, "act"); got != c.want {
			t.Errorf("%s (%s): %+v, want %+v", c.status, c.reason, got, c.want)
		}
	}
}
