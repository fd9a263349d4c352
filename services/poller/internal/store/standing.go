package store

import "github.com/stridelog/stridelog/events"

// The statuses of a target.
const (
	TargetActive = "active" // is polled
	TargetPaused = "paused" // somebody must act first
	TargetEnded  = "ended"  // revoked, or being erased
)

// Standing is where a connection stands, as polling sees it.
type Standing struct {
	Status     string // TargetActive, TargetPaused, TargetEnded
	Reason     string
	NextAction string
}

// StandingOf is what a connection's status means for polling. A consent that
// will expire still reads: only the person is asked to renew it in time. A
// status that this version does not know pauses; none at all says nothing.
func StandingOf(status events.ConnectionStatus, reason, nextAction string) Standing {
	s := Standing{Status: TargetPaused, Reason: reason, NextAction: nextAction}
	switch {
	case status == "", status == events.StatusActive, status == events.StatusDegraded,
		status == events.StatusActionRequired && reason == events.ReasonConsentExpiring:
		return Standing{Status: TargetActive}
	case status == events.StatusRevoked:
		s.Status = TargetEnded
	case status == events.StatusProviderRetired && reason == "":
		s.Reason = string(status)
	}
	return s
}
