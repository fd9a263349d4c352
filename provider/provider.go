// Package provider holds what Stridelog knows of wearable clouds: the small
// interfaces a connector implements, the error classes it speaks, and the
// canonical form records are compared in. Each connector is a folder of its own.
package provider

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/stridelog/stridelog/events"
)

// Secret is a token or key. It prints as a placeholder wherever it ends up.
type Secret string

// String implements fmt.Stringer without the secret.
func (Secret) String() string { return "[secret]" }

// GoString implements fmt.GoStringer without the secret.
func (Secret) GoString() string { return "[secret]" }

// Format implements fmt.Formatter, so that no verb reaches the secret.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[secret]")) }

// LogValue implements slog.LogValuer without the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText keeps the secret out of JSON and every other text encoding.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Reveal is the secret itself, for the one call that needs it.
func (s Secret) Reveal() string { return string(s) }

// The statuses of a provider as a whole.
const (
	StatusAvailable = "available"
	StatusRetired   = "retired" // switched off by its owner; private mirrors may still answer
)

// The capabilities a provider can have.
const (
	CapabilityActivities    = "activities"
	CapabilityHistorical    = "historical"
	CapabilityImport        = "import"
	CapabilityGetByID       = "get_by_id"
	CapabilityNotifications = "notifications"
)

// Descriptor says what a provider is, without any credentials.
type Descriptor struct {
	Name string // a token of subjects, and the path of its folder of routes
	// Aliases are other names that clients may write for it in paths and filters, as
	// other platforms call it. Answers have Name.
	Aliases      []string
	DisplayName  string
	Status       string
	Notice       string // a sentence for people, when there is something to know
	Capabilities []string
	// Needs are the scopes that its sources need, as NeedsOf makes them.
	Needs Needs
	// Successor is the provider to connect when this one is switched off; empty
	// when there is none.
	Successor string
	// SourceRank orders providers where their records of one workout are worth the
	// same: those of the lowest are shown. What changes and is removed at its source
	// comes before what stays as it is.
	SourceRank int
	// Hints are for the operator who registers an app with the provider.
	Hints []Hint
}

// Hint is what an operator must know about a provider, and what to do about it.
type Hint struct{ Says, Do string }

// Connector is a provider that is configured and can be called.
type Connector struct {
	Descriptor
	DefaultScopes []string
	Authorizer    Authorizer
	// Sources are what can be read, in the order in which a person's history is read.
	Sources []Source
	// Notifications reads what the provider tells on its own; nil when it tells
	// nothing, or is not set up to.
	Notifications Notifications
	// Budgets are the provider's rate limits, as far as its answers do not say
	// otherwise.
	Budgets []Budget
}

// Connectors are the configured connectors by name. A provider that is known
// but not configured is absent.
type Connectors map[string]*Connector

// Authorizer is a provider's OAuth. Its errors are *Error: rebuilt from status
// and class, so that no body, URL or token is in them.
type Authorizer interface {
	// AuthorizeURL is where the person gives consent (PKCE S256).
	AuthorizeURL(r AuthorizeRequest) string
	// Exchange turns a code into a grant and names the provider account. When the
	// account cannot be used, now or later, the grant comes with the error, for the
	// caller to revoke. With ClassInsufficientScope the grant says what was granted.
	Exchange(ctx context.Context, code Secret, verifier Secret, redirectURI string) (Grant, error)
	// Refresh gets a new pair. The refresh token may rotate: store the new pair
	// before using it.
	Refresh(ctx context.Context, refreshToken Secret) (Grant, error)
	// Revoke ends the consent that a token belongs to. A grant that is already
	// gone is no error.
	Revoke(ctx context.Context, token Secret) error
}

// AuthorizeRequest is what a consent page is asked for.
type AuthorizeRequest struct {
	RedirectURI   string // our callback, as registered with the provider
	State         string
	CodeChallenge string // S256
	Scopes        []string
}

// Grant is what a provider's token endpoint gave.
type Grant struct {
	AccountID    string // the provider's id of the account; empty on a refresh that does not say
	AccessToken  Secret
	RefreshToken Secret // empty when the provider keeps the old one valid
	ExpiresAt    time.Time
	// RefreshExpiresAt is zero when the grant has no known end.
	RefreshExpiresAt time.Time
	Scopes           []string // as granted; nil when the answer does not say
	// LinkedAccounts are accounts of the same person at other providers, by
	// provider, where this one knows them: {NAME: "7XQ2LM"}.
	LinkedAccounts map[string]string
}

// ListRequest asks for one page.
type ListRequest struct {
	Token  Secret
	Window events.Window
	Cursor string // of the page before, verbatim
}

// Page is one page as the provider sent it.
type Page struct {
	Records []Record
	Next    string  // cursor of the next page; empty when the window is read to its end
	Quotas  []Quota // as far as the answer says
	// Oldest is the earliest instant on this page in the source's order; zero when the
	// page is empty.
	Oldest time.Time
	// Resume is where the reading may go on without Next: a new request whose
	// window ends here leaves nothing out that Next would have shown, and cannot
	// lose its place when records vanish meanwhile. Zero when only Next can.
	Resume time.Time
	// Positional says that Next counts records: when one vanishes above, the list
	// moves, and the next page leaves another out.
	Positional bool
}

// Record is one record as a provider or an archive gave it, with what is needed to
// understand it. One that the connector cannot identify gets an id made from its
// bytes, so that it is kept and reported.
type Record struct {
	Provider   string `json:",omitempty"`
	Kind       string `json:",omitempty"`
	ExternalID string
	Format     string
	Raw        []byte
	Context    events.ActivityContext
	// StartedAt and EndedAt have the UTC offset where the record has one; nil when
	// unreadable, or when the source has no use for it.
	StartedAt *time.Time
	EndedAt   *time.Time `json:",omitempty"`
	// LocalDate is the civil date that the provider states, YYYY-MM-DD. No instant is
	// made up for it.
	LocalDate  string `json:",omitempty"`
	ModifiedAt *time.Time
	// Step and Slot are parts of the ids of days and chunks: the resolution of samples
	// such as 1min, and which of several devices or apps it is.
	Step string `json:",omitempty"`
	Slot string `json:",omitempty"`
	// Parent is the record that this one belongs to; nil when there is none.
	Parent *events.ParentRef `json:",omitempty"`
	// Aliases are other ids that the same record had or has at the provider.
	Aliases []string `json:",omitempty"`
	// Delivery says what a delivery of samples replaces; empty is a snapshot. Complete
	// says that it is all that the provider has of its span.
	Delivery string `json:",omitempty"`
	Complete bool   `json:",omitempty"`
	// Problem says what is wrong with the record; empty when nothing is.
	Problem string
}

// Normalizer turns records of one format into workouts. It is pure: the same
// record gives the same workout, on any machine, at any time.
type Normalizer interface {
	// Normalize fills everything but the ids of the workout (ID, UserID,
	// ExternalID) and its Version, which belong to the caller. An error says
	// what in the record is wrong, without personal data.
	Normalize(r Record) (events.Workout, error)
	// Version rises whenever the same record may give another workout.
	Version() int
}

// Normalizers are all normalizers by format word. They need no configuration:
// old records stay readable when a provider is switched off.
type Normalizers map[string]Normalizer
