package status

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

func rules() Rules {
	return Rules{DisplayName: "Acme", Successor: "acme_health", RequiredScopes: []string{"activity"}, RetireConfirm: time.Hour, DegradeAfter: time.Hour}
}

func TestTransitions(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	active := State{Status: events.StatusActive, Since: ago(48 * time.Hour)}
	with := func(status events.ConnectionStatus, reason string) State {
		return State{Status: status, Reason: reason, NextAction: "act", Since: ago(48 * time.Hour)}
	}
	degraded := with(events.StatusDegraded, "unavailable")
	reauth := with(events.StatusActionRequired, events.ReasonReauthRequired)
	scope := with(events.StatusActionRequired, events.ReasonScopeMissing)
	expiring := with(events.StatusActionRequired, events.ReasonConsentExpiring)
	revoked := State{Status: events.StatusRevoked, Since: ago(48 * time.Hour)}
	retired := with(events.StatusProviderRetired, ReasonAPIGone)
	noted := active
	noted.PollGone = ago(time.Hour)
	fresh := active
	fresh.PollGone = ago(59 * time.Minute)
	tokenNoted := active
	tokenNoted.TokenGone = ago(time.Hour)
	noAnswer := TokenFailed{Class: provider.ClassUnavailable}
	failing := active
	failing.TokenTrouble = ago(time.Hour)
	failingLess := active
	failingLess.TokenTrouble = ago(59 * time.Minute)
	byToken := State{Status: events.StatusDegraded, Reason: "unavailable", NextAction: "act", Since: ago(time.Minute), TokenTrouble: ago(2 * time.Hour)}
	alsoToken := degraded // by the polls, and refreshes fail since then, too
	alsoToken.TokenTrouble = ago(2 * time.Hour)
	younger := Polled{Class: provider.ClassUnavailable, Since: ago(time.Hour - time.Minute)}
	older := Polled{Class: provider.ClassUnavailable, Since: ago(time.Hour)}
	invalid := TokenFailed{Class: provider.ClassInvalidGrant}
	for name, c := range map[string]struct {
		from   State
		input  Input
		status events.ConnectionStatus
		reason string
	}{
		"first consent":                     {State{}, Consented{}, events.StatusActive, ""},
		"consent without a scope":           {State{}, Consented{Missing: []string{"activity"}}, events.StatusActionRequired, events.ReasonScopeMissing},
		"consent revives reauth":            {reauth, Consented{}, events.StatusActive, ""},
		"consent revives scope":             {scope, Consented{}, events.StatusActive, ""},
		"consent revives expiring":          {expiring, Consented{}, events.StatusActive, ""},
		"consent revives degraded":          {degraded, Consented{}, events.StatusActive, ""},
		"consent revives revoked":           {revoked, Consented{}, events.StatusActive, ""},
		"consent revives retired":           {retired, Consented{}, events.StatusActive, ""},
		"end of active":                     {active, Ended{}, events.StatusRevoked, ""},
		"end of retired":                    {retired, Ended{}, events.StatusRevoked, ""},
		"trouble of less than an hour":      {active, younger, events.StatusActive, ""},
		"trouble of an hour":                {active, older, events.StatusDegraded, "unavailable"},
		"html for more":                     {active, Polled{provider.ClassInvalidResponse, ago(2 * time.Hour)}, events.StatusDegraded, "invalid_response"},
		"conflict for more":                 {active, Polled{provider.ClassConflict, ago(2 * time.Hour)}, events.StatusDegraded, "conflict"},
		"too large for more":                {active, Polled{provider.ClassTooLarge, ago(2 * time.Hour)}, events.StatusDegraded, "too_large"},
		"a quota is no trouble":             {active, Polled{provider.ClassRateLimited, ago(9 * time.Hour)}, events.StatusActive, ""},
		"our mistake is no trouble":         {active, Polled{provider.ClassBadRequest, ago(9 * time.Hour)}, events.StatusActive, ""},
		"another trouble keeps the reason":  {degraded, Polled{provider.ClassConflict, ago(9 * time.Hour)}, events.StatusDegraded, "unavailable"},
		"a quota heals nothing":             {degraded, Polled{provider.ClassRateLimited, ago(time.Minute)}, events.StatusDegraded, "unavailable"},
		"an answer heals":                   {degraded, Polled{}, events.StatusActive, ""},
		"a refresh heals no polls":          {degraded, Refreshed{}, events.StatusDegraded, "unavailable"},
		"an answer leaves reauth":           {reauth, Polled{}, events.StatusActionRequired, events.ReasonReauthRequired},
		"trouble leaves expiring":           {expiring, older, events.StatusActionRequired, events.ReasonConsentExpiring},
		"first 410":                         {active, Polled{Class: provider.ClassGone}, events.StatusActive, ""},
		"second 410 too soon":               {fresh, Polled{Class: provider.ClassGone}, events.StatusActive, ""},
		"second 410":                        {noted, Polled{Class: provider.ClassGone}, events.StatusProviderRetired, ReasonAPIGone},
		"second 410 by the token endpoint":  {noted, TokenFailed{Class: provider.ClassGone}, events.StatusProviderRetired, ReasonAPIGone},
		"410 twice at the token endpoint":   {tokenNoted, TokenFailed{Class: provider.ClassGone}, events.StatusProviderRetired, ReasonAPIGone},
		"410 after the token endpoint's":    {tokenNoted, Polled{Class: provider.ClassGone}, events.StatusProviderRetired, ReasonAPIGone},
		"retired hears no answer":           {retired, Polled{}, events.StatusProviderRetired, ReasonAPIGone},
		"retired hears no refusal":          {retired, invalid, events.StatusProviderRetired, ReasonAPIGone},
		"retired hears no tokens":           {retired, Refreshed{}, events.StatusProviderRetired, ReasonAPIGone},
		"revoked hears no tokens":           {revoked, Refreshed{Missing: []string{"x"}}, events.StatusRevoked, ""},
		"revoked hears no refusal":          {revoked, invalid, events.StatusRevoked, ""},
		"a refresh that fails":              {active, noAnswer, events.StatusActive, ""},
		"refreshes that fail for less":      {failingLess, noAnswer, events.StatusActive, ""},
		"refreshes that fail for an hour":   {failing, noAnswer, events.StatusDegraded, "unavailable"},
		"without sense for an hour":         {failing, TokenFailed{Class: provider.ClassInvalidResponse}, events.StatusDegraded, "invalid_response"},
		"a quota of refreshes":              {failing, TokenFailed{Class: provider.ClassRateLimited}, events.StatusActive, ""},
		"our secret is wrong for an hour":   {failing, TokenFailed{Class: provider.ClassInvalidClient}, events.StatusActive, ""},
		"a refresh heals refreshes":         {byToken, Refreshed{}, events.StatusActive, ""},
		"an answer heals refreshes":         {byToken, Polled{}, events.StatusActive, ""},
		"a refresh leaves the polls'":       {alsoToken, Refreshed{}, events.StatusDegraded, "unavailable"},
		"dead grant":                        {active, invalid, events.StatusActionRequired, events.ReasonReauthRequired},
		"dead grant of an ending one":       {expiring, invalid, events.StatusActionRequired, events.ReasonReauthRequired},
		"account not linked":                {active, TokenFailed{Class: provider.ClassInvalidGrant, NotLinked: true}, events.StatusActionRequired, events.ReasonAccountNotLinked},
		"wrong client secret":               {active, TokenFailed{Class: provider.ClassInvalidClient}, events.StatusActive, ""},
		"a late pair is the good one":       {reauth, Refreshed{}, events.StatusActive, ""},
		"a late pair brings no scope":       {scope, Refreshed{}, events.StatusActionRequired, events.ReasonScopeMissing},
		"a refresh that lost a scope":       {active, Refreshed{Missing: []string{"activity"}}, events.StatusActionRequired, events.ReasonScopeMissing},
		"scope refused":                     {degraded, ScopesMissing{}, events.StatusActionRequired, events.ReasonScopeMissing},
		"ends in two days":                  {active, EndsSoon{now.Add(48 * time.Hour)}, events.StatusActive, ""},
		"ends in a day":                     {degraded, EndsSoon{now.Add(24 * time.Hour)}, events.StatusActionRequired, events.ReasonConsentExpiring},
		"reauth does not expire":            {reauth, EndsSoon{now}, events.StatusActionRequired, events.ReasonReauthRequired},
		"a refresh near the end":            {active, Refreshed{Ends: now.Add(time.Hour)}, events.StatusActionRequired, events.ReasonConsentExpiring},
		"a refresh that prolongs the grant": {expiring, Refreshed{Ends: now.Add(90 * 24 * time.Hour)}, events.StatusActive, ""},
	} {
		got := rules().Next(c.from, c.input, now)
		if got.Status != c.status || got.Reason != c.reason {
			t.Errorf("%s: %s (%s), want %s (%s)", name, got.Status, got.Reason, c.status, c.reason)
		}
		changed := got.Status != c.from.Status || got.Reason != c.from.Reason
		if want := map[bool]time.Time{true: now, false: c.from.Since}[changed]; !got.Since.Equal(want) {
			t.Errorf("%s: since %v, want %v", name, got.Since, want)
		}
		if Announced(c.from, got) != changed {
			t.Errorf("%s: an event: %v, a change: %v", name, !changed, changed)
		}
		if needs := got.Status != events.StatusActive && got.Status != events.StatusRevoked; needs != (got.NextAction != "") {
			t.Errorf("%s: %s has the next action %q", name, got.Status, got.NextAction)
		}
	}
	if got := rules().Next(noted, Polled{Class: provider.ClassGone}, now).NextAction; got != "connect acme_health" {
		t.Errorf("the next action of a retired provider is %q", got)
	}
}

// A good answer forgets the 410 of its endpoint, and only that.
func TestA410IsForgottenByItsOwnEndpoint(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	both := State{Status: events.StatusActive, PollGone: now, TokenGone: now}
	if got := rules().Next(both, Refreshed{}, now); !got.TokenGone.IsZero() || got.PollGone.IsZero() {
		t.Errorf("after a refresh the notes are %v and %v", got.PollGone, got.TokenGone)
	}
	if got := rules().Next(both, Polled{}, now); !got.TokenGone.IsZero() || !got.PollGone.IsZero() {
		t.Errorf("after an answer the notes are %v and %v", got.PollGone, got.TokenGone)
	}
	if got := rules().Next(both, Consented{}, now); !got.TokenGone.IsZero() || !got.PollGone.IsZero() {
		t.Errorf("after a consent the notes are %v and %v", got.PollGone, got.TokenGone)
	}
}

// Whoever made a connection degraded must end it: what the polls reported by then
// is theirs, and a good refresh forgets the refreshes' own.
func TestTroubleOfRefreshesIsForgotten(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := State{Status: events.StatusActive, TokenTrouble: now.Add(-2 * time.Hour)}
	if got := rules().Next(s, Refreshed{}, now); !got.TokenTrouble.IsZero() {
		t.Errorf("after a refresh the trouble is of %v", got.TokenTrouble)
	}
	if got := rules().Next(s, Consented{}, now); !got.TokenTrouble.IsZero() {
		t.Errorf("after a consent the trouble is of %v", got.TokenTrouble)
	}
	s = rules().Next(s, TokenFailed{Class: provider.ClassUnavailable}, now)
	s = rules().Next(s, Polled{Class: provider.ClassUnavailable, Since: now.Add(-time.Hour)}, now)
	if s = rules().Next(s, Refreshed{}, now.Add(time.Minute)); s.Status != events.StatusDegraded {
		t.Errorf("a refresh ended the polls' trouble: %+v", s)
	}
	if s = rules().Next(s, Polled{}, now.Add(time.Hour)); s.Status != events.StatusActive {
		t.Errorf("a good answer leaves it %+v", s)
	}
}

// No sequence of transient failures suspends a healthy connection, however long
// it lasts and whatever good answers come between, and one answer heals it.
func TestTroubleNeverSuspends(t *testing.T) {
	transient := rapid.SampledFrom([]provider.Class{
		provider.ClassUnavailable, provider.ClassInvalidResponse, provider.ClassConflict, provider.ClassTooLarge,
		provider.ClassRateLimited, provider.ClassInvalidClient, provider.ClassBadRequest, provider.ClassUnauthorized, "",
	})
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s := State{Status: events.StatusActive, Since: now}
		for range rapid.IntRange(1, 60).Draw(t, "input") {
			now = now.Add(time.Duration(rapid.IntRange(0, 72*3600).Draw(t, "seconds")) * time.Second)
			class := transient.Draw(t, "class")
			var n Input = TokenFailed{Class: class, NotLinked: rapid.Bool().Draw(t, "not linked")}
			switch {
			case class == "" && rapid.Bool().Draw(t, "refreshed"):
				n = Refreshed{}
			case class == "" || rapid.Bool().Draw(t, "polled"):
				n = Polled{Class: class, Since: now.Add(-time.Duration(rapid.IntRange(0, 72*3600).Draw(t, "age")) * time.Second)}
			}
			s = rules().Next(s, n, now)
			if s.Status != events.StatusActive && s.Status != events.StatusDegraded {
				t.Fatalf("%T %+v made it %s (%s)", n, n, s.Status, s.Reason)
			}
		}
		if s = rules().Next(s, Polled{}, now); s.Status != events.StatusActive || s.Reason != "" || s.NextAction != "" {
			t.Fatalf("a good answer leaves it %+v", s)
		}
	})
}

// Whatever was heard before, a new consent makes any connection active; and the
// same input twice at once is one change.
func TestAConsentRevivesAndRepeatsSayNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s := State{Status: events.StatusActive, Since: now}
		for range rapid.IntRange(1, 40).Draw(t, "input") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5*3600).Draw(t, "seconds")) * time.Second)
			n := rapid.SampledFrom([]Input{
				Consented{}, Consented{Missing: []string{"activity"}}, Ended{}, Refreshed{}, Refreshed{Missing: []string{"activity"}},
				Refreshed{Ends: now.Add(time.Hour)}, EndsSoon{now}, ScopesMissing{}, Polled{}, Polled{Class: provider.ClassGone},
				Polled{Class: provider.ClassUnavailable, Since: now.Add(-2 * time.Hour)},
				TokenFailed{Class: provider.ClassGone}, TokenFailed{Class: provider.ClassInvalidGrant}, TokenFailed{Class: provider.ClassUnavailable},
			}).Draw(t, "input")
			s = rules().Next(s, n, now)
			if twice := rules().Next(s, n, now); Announced(s, twice) {
				t.Fatalf("%T %+v twice is two changes: %+v, then %+v", n, n, s, twice)
			}
		}
		if s = rules().Next(s, Consented{}, now); s.Status != events.StatusActive || !s.Usable() {
			t.Fatalf("a consent leaves it %+v", s)
		}
	})
}

// Whoever has moved on to the successor is pointed there, whatever became of the old
// connection since; what needs the person or heals by itself is told first.
func TestASucceededConnectionPointsToItsSuccessor(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := rules().Next(State{}, Consented{}, now)
	s = rules().Next(s, Succeeded{By: "acme_health"}, now)
	const use = "use acme_health"
	for _, step := range []struct {
		input  Input
		status events.ConnectionStatus
		next   string
	}{
		{Refreshed{}, events.StatusActive, use},
		{Polled{Class: provider.ClassUnavailable, Since: now.Add(-2 * time.Hour)}, events.StatusDegraded, "Nothing to do: Acme is tried again until it answers."},
		{Polled{}, events.StatusActive, use},
		{TokenFailed{Class: provider.ClassInvalidGrant}, events.StatusActionRequired, "Ask the person to connect Acme again."},
		{Consented{}, events.StatusActive, use},
		{Polled{Class: provider.ClassGone}, events.StatusActive, use},
		{Polled{Class: provider.ClassGone}, events.StatusProviderRetired, use},
	} {
		s = rules().Next(s, step.input, now)
		if s.Status != step.status || s.NextAction != step.next {
			t.Fatalf("after %+v it is %+v", step.input, s)
		}
		now = now.Add(2 * time.Hour)
	}
}
