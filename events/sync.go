package events

import "time"

// Window is a half-open span of time [From, To) that a sync reads.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Contains says whether an instant lies in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// The triggers of a sync.
const (
	TriggerConnect      = "connect"
	TriggerScheduled    = "scheduled"
	TriggerManual       = "manual"
	TriggerBackfill     = "backfill"
	TriggerNotification = "notification"
	// TriggerKindAdded is of the first reading of a kind on a connection that is older
	// than what reads it.
	TriggerKindAdded = "kind_added"
)

// SyncStatus is how a sync stands.
type SyncStatus string

// The statuses of a sync. Queued and running are never in an event.
const (
	SyncQueued   SyncStatus = "queued"
	SyncRunning  SyncStatus = "running"
	SyncDeferred SyncStatus = "deferred"
	SyncSuccess  SyncStatus = "success"
	SyncPartial  SyncStatus = "partial"
	SyncFailed   SyncStatus = "failed"
	// SyncSkipped is of one kind alone: the consent lacks what its reading needs.
	SyncSkipped SyncStatus = "skipped"
)

// SyncRequested asks the poller to read a window.
type SyncRequested struct {
	SyncID string `json:"sync_id"`
	// ConnectionID is the connection that is to be read: it may be newer than the one
	// that the poller knows. Absent is whichever the user has.
	ConnectionID string   `json:"connection_id,omitempty"`
	UserID       string   `json:"user_id"`
	Provider     string   `json:"provider"`
	Window       Window   `json:"window"`
	Suspects     []string `json:"suspects,omitempty"` // external ids to check
	Trigger      string   `json:"trigger"`
	// Kinds are the kinds of data to read. Absent is every item and day that the consent
	// allows.
	Kinds       []string  `json:"kinds,omitempty"`
	RequestedAt time.Time `json:"requested_at"`
	// NotBefore is the earliest start: requests for the same that come until then
	// are one.
	NotBefore *time.Time `json:"not_before,omitempty"`
}

// EventType implements Data.
func (*SyncRequested) EventType() Type { return TypeSyncRequested }

// SyncCounts says what a sync found.
type SyncCounts struct {
	Pages     int `json:"pages"`
	Seen      int `json:"seen"`      // records the provider sent
	New       int `json:"new"`       // not known before
	Changed   int `json:"changed"`   // known with another content
	Unchanged int `json:"unchanged"` // known, the same
	Removed   int `json:"removed"`   // proved to be gone
	Rejected  int `json:"rejected"`  // not understood, but kept raw; or too large for the log
}

// SyncError says why a sync did not succeed.
type SyncError struct {
	Code   string `json:"code"`   // stable, lower_snake_case
	Detail string `json:"detail"` // a sentence: what was tried, what to do
}

// SyncFinished says how a sync ended, or that it was deferred and until when.
// It stands alone: a scheduled or initial sync has no SyncRequested.
type SyncFinished struct {
	SyncID       string     `json:"sync_id"`
	ConnectionID string     `json:"connection_id,omitempty"`
	UserID       string     `json:"user_id"`
	Provider     string     `json:"provider"`
	Trigger      string     `json:"trigger"`
	Window       Window     `json:"window"`            // asked for
	Covered      *Window    `json:"covered,omitempty"` // really read; absent when nothing was
	Status       SyncStatus `json:"status"`
	NotBefore    *time.Time `json:"not_before,omitempty"` // of a deferred sync
	Counts       SyncCounts `json:"counts"`
	Error        *SyncError `json:"error,omitempty"`
	RequestedAt  time.Time  `json:"requested_at"`
	FinishedAt   time.Time  `json:"finished_at"`
	Report       int        `json:"report"` // 1 for the first report about this sync; the highest wins
	// Kinds say how it ended for each kind of data that it read; the members above are
	// about all of them. It is absent in what earlier programs wrote.
	Kinds []SyncKind `json:"kinds,omitempty"`
}

// SyncKind says how a sync ended for one kind of data.
type SyncKind struct {
	Kind   string     `json:"kind"`
	Status SyncStatus `json:"status"` // of a sync, or skipped
	Counts SyncCounts `json:"counts"`
	Error  *SyncError `json:"error,omitempty"`
}

// EventType implements Data.
func (*SyncFinished) EventType() Type { return TypeSyncFinished }
