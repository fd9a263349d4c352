// Package rpc is the request/reply half of the contract: the subjects and the
// shapes of what services ask each other. No stream stores any of it.
package rpc

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events"
)

// Method is the subject of one request: rpc.<service>.v1.<method>.
type Method string

// The methods, by the service that answers.
const (
	OAuthProviders     Method = "rpc.oauth.v1.providers"
	OAuthAuthorize     Method = "rpc.oauth.v1.authorize"
	OAuthCallback      Method = "rpc.oauth.v1.callback"
	OAuthDisconnect    Method = "rpc.oauth.v1.disconnect"
	OAuthErase         Method = "rpc.oauth.v1.erase"
	OAuthToken         Method = "rpc.oauth.v1.token"
	OAuthTokenRejected Method = "rpc.oauth.v1.token_rejected"
	OAuthReport        Method = "rpc.oauth.v1.report"
	PollerErase        Method = "rpc.poller.v1.erase"
	PollerImport       Method = "rpc.poller.v1.import"
	ProjectorErase     Method = "rpc.projector.v1.erase"
)

// Retry is the method by which a service handles a stored event again that it
// has given up: rpc.<service>.v1.retry.
func Retry(service string) Method { return Method("rpc." + service + ".v1.retry") }

// Service is the service that answers a method.
func (m Method) Service() string {
	parts := strings.Split(string(m), ".")
	if len(parts) != 4 {
		return ""
	}
	return parts[1]
}

// The codes of an Error that callers act on. The gateway shows them as the
// stable code of a problem.
const (
	CodeInvalidArgument  = "invalid_argument"  // 400, Field names the culprit
	CodeNotFound         = "not_found"         // 404
	CodeConflict         = "conflict"          // 409
	CodeUnknownProvider  = "unknown_provider"  // 404
	CodeProviderDisabled = "provider_disabled" // 409
	CodeInvalidState     = "invalid_state"     // 400: an OAuth state unknown, used, expired or foreign
	CodeActionRequired   = "action_required"   // 409: NextAction says what
	CodeTooMany          = "too_many_requests" // 429: RetryAt says when to try again
	CodeUnavailable      = "unavailable"       // 503: try again later
	CodeInternal         = "internal"          // 500
)

// Error is a failure that crosses a service boundary. Its text never holds a
// token, a secret or a person's data.
type Error struct {
	Code       string     `json:"code"`
	Detail     string     `json:"detail"`
	Field      string     `json:"field,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	NextAction string     `json:"next_action,omitempty"`
	RetryAt    *time.Time `json:"retry_at,omitempty"`
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Detail) }

// ProvidersRequest asks which providers there are.
type ProvidersRequest struct{}

// ProvidersResponse lists the providers this installation knows.
type ProvidersResponse struct {
	Providers []Provider `json:"providers"`
}

// Provider describes one provider to clients.
type Provider struct {
	Name         string   `json:"name"`
	DisplayName  string   `json:"display_name"`
	Enabled      bool     `json:"enabled"` // credentials are configured
	Status       string   `json:"status"`  // available, retired
	Notice       string   `json:"notice,omitempty"`
	Capabilities []string `json:"capabilities"` // activities, historical, import, get_by_id, notifications
}

// AuthorizeRequest starts a consent.
type AuthorizeRequest struct {
	Provider string `json:"provider"`
	UserID   string `json:"user_id"`
	// RedirectURI is where the person ends up; empty: on the gateway's own page.
	RedirectURI string `json:"redirect_uri"`
}

// AuthorizeResponse is where to send the person.
type AuthorizeResponse struct {
	AuthorizationURL string `json:"authorization_url"`
	State            string `json:"state"`
}

// CallbackRequest carries what the provider's redirect brought.
type CallbackRequest struct {
	Provider string `json:"provider"`
	State    string `json:"state"`
	Code     string `json:"code,omitempty"`
	// ProviderError is the OAuth error code of a refused consent (access_denied).
	ProviderError string `json:"error,omitempty"`
}

// CallbackResponse is where to send the person back, and what to say there. On
// failure ErrorCode and Reason are set and the consent made no active connection.
type CallbackResponse struct {
	RedirectURI  string                  `json:"redirect_uri"` // as the consent began; empty: the gateway's own page
	Provider     string                  `json:"provider"`
	UserID       string                  `json:"user_id"`
	ConnectionID string                  `json:"connection_id,omitempty"`
	Status       events.ConnectionStatus `json:"status,omitempty"`
	ErrorCode    string                  `json:"error,omitempty"`
	Reason       string                  `json:"reason,omitempty"`
}

// DisconnectRequest ends a user's connection at a provider.
type DisconnectRequest struct {
	Provider string `json:"provider"`
	UserID   string `json:"user_id"`
}

// DisconnectResponse says what ended.
type DisconnectResponse struct {
	ConnectionID string                  `json:"connection_id"`
	Status       events.ConnectionStatus `json:"status"`
}

// The parts of an erasure, in order.
const (
	// EraseRows ends the work on the user and deletes every row about them.
	EraseRows = "rows"
	// EraseLog deletes messages about the user from the log for one turn, some
	// seconds at most. It is asked for until nothing is left.
	EraseLog = "log"
)

// EraseRequest tells a service to delete everything about a user. It may come
// more than once.
type EraseRequest struct {
	UserID    string `json:"user_id"`
	ErasureID string `json:"erasure_id"`
	// Part is EraseRows or EraseLog. Empty is both to the end, however long that
	// takes: so ask gateways of before there were parts.
	Part string `json:"part,omitempty"`
	// Progress is that of the last answer for EraseLog; none for the first.
	Progress json.RawMessage `json:"progress,omitempty"`
}

// EraseResponse counts what was deleted.
type EraseResponse struct {
	// Counts are the rows, by kind; for an empty Part the messages, too.
	Counts map[string]int64 `json:"counts"`
	// Erased are the messages deleted since the first turn, by kind.
	Erased map[string]int64 `json:"erased,omitempty"`
	// Left is how many messages are still there.
	Left int64 `json:"left,omitempty"`
	// Progress is for the next turn; only the service that made it reads it.
	Progress json.RawMessage `json:"progress,omitempty"`
}

// ImportRequest asks to bring in an export archive that was uploaded. It may come
// more than once.
type ImportRequest struct {
	ImportID string   `json:"import_id"`
	UserID   string   `json:"user_id"`
	Kind     string   `json:"kind"` // fitbit-export
	DryRun   bool     `json:"dry_run,omitempty"`
	TimeZone string   `json:"time_zone,omitempty"` // IANA name, as stated with the import
	Uploads  []Upload `json:"uploads"`             // the parts of one export
}

// Upload is a file in the bucket of uploads.
type Upload struct {
	Name   string `json:"name"`           // in the bucket
	Pieces int    `json:"pieces"`         // objects that it is made of
	Bytes  int64  `json:"bytes"`          // of the whole file
	File   string `json:"file,omitempty"` // base name that the person gave it
	// Key is the secret that the pieces are encrypted with: AES-256-GCM, 32 bytes. It is
	// empty for a file that a gateway of before encryption stored, in clear.
	Key []byte `json:"key,omitempty"`
}

// ImportResponse says that the import is queued. From now on whoever asked need
// not care for the uploads.
type ImportResponse struct {
	Provider    string    `json:"provider"` // whose records they are
	RequestedAt time.Time `json:"requested_at"`
}

// TokenRejectedRequest tells that the provider refused an access token.
type TokenRejectedRequest struct {
	ConnectionID string `json:"connection_id"`
	TokenVersion int64  `json:"token_version"` // of the refused token
	// Class is the provider error class: unauthorized, insufficient_scope, gone.
	Class string `json:"class"`
}

// ReportRequest tells how the provider answers for a connection, so that its
// status can follow: trouble that lasts makes it degraded, a provider that is
// switched off makes it provider_retired, and an answer heals both.
type ReportRequest struct {
	ConnectionID string `json:"connection_id"`
	// Class is the provider error class; empty when the provider answered.
	Class string `json:"class,omitempty"`
	// Since is when the trouble began; zero without a class.
	Since time.Time `json:"since,omitzero"`
}

// ReportResponse says where the connection stands afterwards.
type ReportResponse struct {
	Status     events.ConnectionStatus `json:"status"`
	Reason     string                  `json:"reason,omitempty"`
	NextAction string                  `json:"next_action,omitempty"`
}

// TokenRejectedResponse says where the connection stands afterwards.
type TokenRejectedResponse struct {
	Status     events.ConnectionStatus `json:"status"`
	Reason     string                  `json:"reason,omitempty"`
	NextAction string                  `json:"next_action,omitempty"`
}

// RetryRequest names a stored event that a service is to handle again.
type RetryRequest struct {
	Stream   string `json:"stream"`
	Sequence uint64 `json:"sequence"`
}

// RetryResponse says that the event was handled.
type RetryResponse struct{}
