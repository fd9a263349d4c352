package events

import "time"

// ConnectionStatus is where a connection stands.
type ConnectionStatus string

// The statuses a connection can have.
const (
	StatusActive          ConnectionStatus = "active"
	StatusDegraded        ConnectionStatus = "degraded"
	StatusActionRequired  ConnectionStatus = "action_required"
	StatusRevoked         ConnectionStatus = "revoked"
	StatusProviderRetired ConnectionStatus = "provider_retired"
)

// The reasons of a status; empty for a connection that is simply active.
const (
	ReasonReauthRequired   = "reauth_required"
	ReasonScopeMissing     = "scope_missing"
	ReasonAccountNotLinked = "account_not_linked"
	ReasonConsentExpiring  = "consent_expiring"
)

// Who ended a connection.
const (
	RevokedByUser     = "user"     // the client disconnected it
	RevokedByReplaced = "replaced" // the user consented with another account
	RevokedByProvider = "provider" // the provider says the grant is gone
	RevokedByErasure  = "erasure"
)

// ConnectionActivated says that a person gave consent, first or again.
type ConnectionActivated struct {
	ConnectionID      string    `json:"connection_id"`
	UserID            string    `json:"user_id"`
	Provider          string    `json:"provider"`
	ProviderAccountID string    `json:"provider_account_id"`
	Scopes            []string  `json:"scopes"` // as granted, in the provider's words
	ActivatedAt       time.Time `json:"activated_at"`
}

// EventType implements Data.
func (*ConnectionActivated) EventType() Type { return TypeConnectionActivated }

// ConnectionStatusChanged says where a connection stands now and what to do.
type ConnectionStatusChanged struct {
	ConnectionID string           `json:"connection_id"`
	UserID       string           `json:"user_id"`
	Provider     string           `json:"provider"`
	Status       ConnectionStatus `json:"status"`
	Previous     ConnectionStatus `json:"previous,omitempty"`
	Reason       string           `json:"reason,omitempty"`
	NextAction   string           `json:"next_action,omitempty"` // a sentence for the person who can act
	Since        time.Time        `json:"since"`
	Until        *time.Time       `json:"until,omitempty"` // when the status ends by itself, if it does
}

// EventType implements Data.
func (*ConnectionStatusChanged) EventType() Type { return TypeConnectionStatusChanged }

// ConnectionRevoked says that a connection ended, and by whom. The data stays.
type ConnectionRevoked struct {
	ConnectionID string    `json:"connection_id"`
	UserID       string    `json:"user_id"`
	Provider     string    `json:"provider"`
	By           string    `json:"by"`
	RevokedAt    time.Time `json:"revoked_at"`
}

// EventType implements Data.
func (*ConnectionRevoked) EventType() Type { return TypeConnectionRevoked }
