// Package status decides the status of a connection: one pure function from a state
// and an input to the next state. It reads no clock and touches no store.
package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// ReasonAPIGone is the reason of provider_retired: the API answers 410.
const ReasonAPIGone = "api_gone"

// The times of the rules where nobody configures another.
const (
	// skew is how far the clock of whoever reports a trouble may be ahead.
	skew = 30 * time.Second
	// Notice is how long before its end a consent is about to end.
	Notice = 24 * time.Hour
	// DefaultRetireConfirm is how far a second 410 must be from the first.
	DefaultRetireConfirm = time.Hour
	// DefaultDegradeAfter is how old a trouble must be to make a connection degraded.
	DefaultDegradeAfter = time.Hour
)

// State is the status of a connection, with what later inputs are judged by.
type State struct {
	Status     events.ConnectionStatus // empty: there was no consent yet
	Reason     string
	NextAction string
	Since      time.Time
	// SucceededBy is the provider at which the same person is connected instead;
	// empty when there is none. Only the next action follows from it.
	SucceededBy string
	// PollGone and TokenGone are the first 410 of the list and of the token
	// endpoint that no good answer has followed; zero when there is none. Each is
	// forgotten by a good answer of its own endpoint: a token endpoint may outlive
	// the API for months.
	PollGone, TokenGone time.Time
	// TokenTrouble is the first of the refreshes that failed for no reason of the
	// grant's, since the last good answer; zero when there is none, or when the
	// polls' own trouble has become the reason of degraded.
	TokenTrouble time.Time
}

// Usable says whether access tokens may be handed out: a consent that is about
// to end still works.
func (s State) Usable() bool {
	return s.Status == events.StatusActive || s.Status == events.StatusDegraded ||
		(s.Status == events.StatusActionRequired && s.Reason == events.ReasonConsentExpiring)
}

// Announced says whether the step from one state to the next is announced by an event:
// a change of what the event has.
func Announced(from, to State) bool {
	return from.Status != to.Status || from.Reason != to.Reason || from.NextAction != to.NextAction
}

// Rules are what a decision depends on beside the state. They differ by
// provider.
type Rules struct {
	DisplayName string // for sentences
	Successor   string // the provider to connect when this one is switched off
	// RequiredScopes are those of everything that can be read.
	RequiredScopes []string
	// RetireConfirm is how far a second 410 must be from the first.
	RetireConfirm time.Duration
	// DegradeAfter is how old a trouble must be to make a connection degraded.
	DegradeAfter time.Duration
}

// RulesOf are the rules for a provider, with the default times.
func RulesOf(d provider.Descriptor) Rules {
	return Rules{
		DisplayName: d.DisplayName, Successor: d.Successor, RequiredScopes: d.Needs.Required(),
		RetireConfirm: DefaultRetireConfirm, DegradeAfter: DefaultDegradeAfter,
	}
}

// lasts says whether a trouble is old enough to be told, by two clocks.
func (r Rules) lasts(since, now time.Time) bool {
	return !since.IsZero() && now.Sub(since) >= r.DegradeAfter-min(skew, r.DegradeAfter/2)
}

// Input is something that happened to a connection.
type Input interface {
	apply(Rules, State, time.Time) State
}

// Next is the state after an input. A revoked connection, one
// whose provider is retired and one that waits for its person are left by a new
// consent, whatever else happens.
func (r Rules) Next(s State, n Input, now time.Time) State {
	next := n.apply(r, s, now)
	if next.SucceededBy == "" {
		next.SucceededBy = s.SucceededBy
	}
	if next.SucceededBy != "" && (next.Status == events.StatusActive || next.Status == events.StatusProviderRetired) {
		next.NextAction = "use " + next.SucceededBy
	}
	if next.Status != s.Status || next.Reason != s.Reason {
		next.Since = now
	}
	return next
}

// Consented is a new consent, first or again. Missing are the scopes to ask for where
// nothing can be read with those that were granted; none where something can.
type Consented struct{ Missing []string }

func (n Consented) apply(r Rules, s State, _ time.Time) State {
	fresh := State{Status: events.StatusActive, Since: s.Since}
	if len(n.Missing) > 0 {
		return fresh.actionRequired(events.ReasonScopeMissing, r.grantScopes(n.Missing))
	}
	return fresh
}

// Succeeded is that the same person's account is connected at the provider that
// succeeds this one.
type Succeeded struct{ By string }

func (n Succeeded) apply(_ Rules, s State, _ time.Time) State {
	s.SucceededBy = n.By
	return s
}

// Ended is the end of the consent: by the person, by another account, by erasure.
type Ended struct{}

func (Ended) apply(_ Rules, s State, _ time.Time) State {
	return State{Status: events.StatusRevoked, Since: s.Since}
}

// Refreshed is a new token pair, stored. Missing is as of Consented. Ends is when the consent ends by itself,
// zero when it does not.
type Refreshed struct {
	Missing []string
	Ends    time.Time
}

func (n Refreshed) apply(r Rules, s State, now time.Time) State {
	byToken := s.degradedByToken()
	s.TokenGone, s.TokenTrouble = time.Time{}, time.Time{}
	switch {
	case s.Status == events.StatusRevoked, s.Status == events.StatusProviderRetired:
		return s
	case s.Reason == events.ReasonScopeMissing, s.Reason == events.ReasonAccountNotLinked:
		return s // a token says nothing new about what the person did not allow
	case s.Reason == events.ReasonReauthRequired, s.Reason == events.ReasonConsentExpiring, byToken:
		// A pair that comes after reauth_required is that of a process which slept
		// with the answer in its hands: it is the good one.
		s.Status, s.Reason, s.NextAction = events.StatusActive, "", ""
	}
	if len(n.Missing) > 0 {
		return s.actionRequired(events.ReasonScopeMissing, r.grantScopes(n.Missing))
	}
	return r.ending(s, n.Ends, now)
}

// ending is a state whose grant ends by itself at some time, or never.
func (r Rules) ending(s State, ends, now time.Time) State {
	if ends.IsZero() || now.Before(ends.Add(-Notice)) {
		return s
	}
	next := fmt.Sprintf("Ask the person to connect %s again before %s.", r.DisplayName, ends.UTC().Format(time.RFC3339))
	return s.actionRequired(events.ReasonConsentExpiring, next)
}

// EndsSoon reminds of when the consent ends by itself.
type EndsSoon struct{ At time.Time }

func (n EndsSoon) apply(r Rules, s State, now time.Time) State {
	if s.Status != events.StatusActive && s.Status != events.StatusDegraded {
		return s
	}
	return r.ending(s, n.At, now)
}

// TokenFailed is a refresh that the provider did not grant, on the current
// version of the tokens.
type TokenFailed struct {
	Class     provider.Class
	NotLinked bool // the provider says that the account is not linked to the service
}

func (n TokenFailed) apply(r Rules, s State, now time.Time) State {
	switch {
	case !s.Usable():
		return s
	case n.Class == provider.ClassInvalidGrant && n.NotLinked:
		return s.actionRequired(events.ReasonAccountNotLinked,
			fmt.Sprintf("Ask the person to link their account at %s and to connect it again.", r.DisplayName))
	case n.Class == provider.ClassInvalidGrant:
		return s.actionRequired(events.ReasonReauthRequired, r.connectAgain())
	case n.Class == provider.ClassGone:
		return r.gone(s, true, now)
	case troubles(n.Class) && s.TokenTrouble.IsZero():
		s.TokenTrouble = now
	case troubles(n.Class) && s.Status == events.StatusActive && now.Sub(s.TokenTrouble) >= r.DegradeAfter:
		return r.degraded(s, n.Class)
	}
	return s
}

// degradedByToken says whether it was refreshes that made the connection degraded,
// and not the polls, whose own good answer must end what they have begun.
func (s State) degradedByToken() bool {
	return s.Status == events.StatusDegraded && !s.TokenTrouble.IsZero() && s.TokenTrouble.Before(s.Since)
}

func (r Rules) degraded(s State, c provider.Class) State {
	s.Status, s.Reason = events.StatusDegraded, string(c)
	s.NextAction = fmt.Sprintf("Nothing to do: %s is tried again until it answers.", r.DisplayName)
	return s
}

// ScopesMissing is a request that the provider refused for want of a scope. Which
// one is not known, and what was stored of the grant may be wrong.
type ScopesMissing struct{}

func (ScopesMissing) apply(r Rules, s State, _ time.Time) State {
	if !s.Usable() {
		return s
	}
	return s.actionRequired(events.ReasonScopeMissing, r.grantScopes(r.RequiredScopes)+
		fmt.Sprintf(" Where that does not help, they first take this app's access away in their %s account.", r.DisplayName))
}

// Polled is how the provider answers requests for records: well when the class
// is empty, else with a trouble of some age.
type Polled struct {
	Class provider.Class
	Since time.Time
}

func (n Polled) apply(r Rules, s State, now time.Time) State {
	switch {
	case !s.Usable():
		return s
	case n.Class == "":
		s.PollGone, s.TokenGone, s.TokenTrouble = time.Time{}, time.Time{}, time.Time{}
		if s.Status == events.StatusDegraded {
			s.Status, s.Reason, s.NextAction = events.StatusActive, "", ""
		}
	case n.Class == provider.ClassGone:
		return r.gone(s, false, now)
	case troubles(n.Class) && r.lasts(n.Since, now):
		s.TokenTrouble = time.Time{}
		if s.Status == events.StatusActive {
			return r.degraded(s, n.Class)
		}
	}
	return s
}

// gone confirms a 410 by an earlier one that is old enough, whichever endpoint
// it came from. Else it is only noted, by the caller's choice of endpoint.
func (r Rules) gone(s State, token bool, now time.Time) State {
	for _, first := range []time.Time{s.PollGone, s.TokenGone} {
		if !first.IsZero() && now.Sub(first) >= r.RetireConfirm {
			s.Status, s.Reason, s.NextAction = events.StatusProviderRetired, ReasonAPIGone, r.elsewhere()
			return s
		}
	}
	if token && s.TokenGone.IsZero() {
		s.TokenGone = now
	}
	if !token && s.PollGone.IsZero() {
		s.PollGone = now
	}
	return s
}

// troubles says whether a class, once it lasts, makes a connection degraded. A
// used-up quota is no trouble, and what needs the person or the operator is told
// in other words.
func troubles(c provider.Class) bool {
	switch c {
	case provider.ClassUnavailable, provider.ClassInvalidResponse, provider.ClassConflict, provider.ClassTooLarge:
		return true
	default:
		return false
	}
}

func (r Rules) elsewhere() string {
	if r.Successor == "" {
		return "connect another provider"
	}
	return "connect " + r.Successor
}

func (s State) actionRequired(reason, next string) State {
	s.Status, s.Reason, s.NextAction = events.StatusActionRequired, reason, next
	return s
}

func (r Rules) connectAgain() string {
	return fmt.Sprintf("Ask the person to connect %s again.", r.DisplayName)
}

func (r Rules) grantScopes(missing []string) string {
	return fmt.Sprintf("Ask the person to connect %s again and to allow %s.", r.DisplayName, strings.Join(missing, ", "))
}
