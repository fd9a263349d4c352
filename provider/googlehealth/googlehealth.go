// Package googlehealth is the connector of the Google Health API v4: consent, the
// exercises of an account, what its notifications say, and the workouts in it.
// Sections named in comments are those of the project's digest of that API.
//
// It is written on net/http: Google's own client cannot tell a zero from an absent
// member and loses a page to one number where it expects a string (section 10).
package googlehealth

import (
	"net/http"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

// Name is the provider's name and token in subjects.
const Name = "google_health"

// The format words: of a data point of type exercise, and of its route as a TCX
// file.
const (
	FormatDataPoint = "google_health.data_point.v4"
	FormatTCX       = "google_health.tcx.v1"
)

// The kinds of what is read here.
const (
	kindActivity = "activity"
	kindRoute    = "route"
)

// HashVersion numbers the set of volatile members. Raise it with every change of
// that set: known records are then hashed anew from the log.
const HashVersion = 1

// The addresses of the real service (sections 2, 3 and 6). The API's is without
// its version.
const (
	DefaultAuthorizeURL       = "https://accounts.google.com/o/oauth2/v2/auth"
	DefaultTokenURL           = "https://oauth2.googleapis.com/token"
	DefaultRevokeURL          = "https://oauth2.googleapis.com/revoke"
	DefaultAPIBaseURL         = "https://health.googleapis.com"
	DefaultNotificationKeyURL = "https://www.gstatic.com/googlehealthapi/webhooks/webhooks_public_keyset.json"
)

// The scopes (section 2).
const (
	scopePrefix   = "https://www.googleapis.com/auth/googlehealth."
	ScopeActivity = scopePrefix + "activity_and_fitness.readonly"
	ScopeMetrics  = scopePrefix + "health_metrics_and_measurements.readonly"
	ScopeLocation = scopePrefix + "location.readonly"
	ScopeSettings = scopePrefix + "settings.readonly"
)

// DefaultScopes are asked for when the configuration names none.
func DefaultScopes() []string {
	return []string{ScopeActivity, ScopeMetrics, ScopeLocation, ScopeSettings}
}

// Volatile lists what may differ between two answers about the same record:
//   - name: whether it spells the account as a number or as "me" is the server's
//     business; the id in it is the record's external id;
//   - displayName: it comes in the account's language. A person who edits it also
//     moves updateTime, which counts: it is the only revision marker (section 4);
//   - civilStartTime and civilEndTime: computed from the instant and the offset,
//     and not always there;
//   - members that are zero or empty, which Google writes or leaves out (section 0).
func Volatile() []string {
	return []string{
		"name",
		"exercise.displayName",
		"exercise.interval.civilStartTime",
		"exercise.interval.civilEndTime",
		provider.OmittedZeros,
	}
}

// Config is what a connector needs to call Google, or a server that speaks like it.
type Config struct {
	ClientID      string
	ClientSecret  provider.Secret
	AuthorizeURL  string   // each address empty: the default above
	TokenURL      string   //
	RevokeURL     string   //
	APIBaseURL    string   // without /v4
	DefaultScopes []string // empty: DefaultScopes; "sleep.readonly" stands for its whole address
	// Verified says that Google has verified the project, so that its limits are
	// higher. Budget and AppBudget, where set, come before that.
	Verified          bool
	Budget, AppBudget provider.Budget
	// NotificationSecret is the whole Authorization header that notifications must
	// carry, as it was given to Google; empty: notifications are not read.
	NotificationSecret provider.Secret
	NotificationKeyURL string
	HTTPClient         *http.Client     // nil: a client of our own; its redirect policy and cookies are not used
	Now                func() time.Time // for limits and keys; nil: time.Now
}

// Descriptor says what Google Health is. It needs no configuration.
func Descriptor() provider.Descriptor {
	return provider.Descriptor{
		Name:        Name,
		Aliases:     []string{"google"},
		DisplayName: "Google Health",
		Status:      provider.StatusAvailable,
		Notice: "Google paused the admission of new Cloud projects in autumn 2026; until a project is admitted, " +
			"import an archive instead. An unverified project may have 100 users.",
		Capabilities: []string{
			provider.CapabilityActivities, provider.CapabilityHistorical, provider.CapabilityGetByID, provider.CapabilityNotifications,
		},
		Needs:      provider.NeedsOf(sources(nil, nil)),
		SourceRank: 1,
		Hints:      hints(),
	}
}

// Normalizers read every format of this package that holds a workout. A TCX file
// holds a workout's route only.
func Normalizers() provider.Normalizers {
	return provider.Normalizers{FormatDataPoint: exerciseNormalizer{}}
}

// New is the connector for a configuration. It calls nobody.
func New(c Config) *provider.Connector {
	c = c.complete()
	client := &httpcall.Client{Provider: Name, HTTP: httpcall.Discreet(c.HTTPClient), Now: c.Now, Refusal: failure}
	google := &api{base: strings.TrimRight(c.APIBaseURL, "/"), client: client}
	connector := &provider.Connector{
		Descriptor:    Descriptor(),
		DefaultScopes: c.DefaultScopes,
		Authorizer:    newAuthorizer(c, google),
		Sources:       sources(&exercises{api: google, zones: newZones(google, c.Now)}, &routes{google}),
		Budgets:       []provider.Budget{c.Budget, c.AppBudget},
	}
	if c.NotificationSecret != "" {
		connector.Notifications = newNotifications(c, client)
	}
	return connector
}

// sources are what is read here. Without calls they still say what they need.
func sources(list *exercises, attach *routes) []provider.Source {
	return []provider.Source{
		{
			Name: kindActivity, Kind: kindActivity, Scopes: []string{ScopeActivity},
			Order: provider.OrderStart, List: list, Get: list, ProvesAbsence: true,
			HashVersion: HashVersion, Volatile: Volatile(),
		},
		{Name: kindRoute, Kind: kindRoute, Scopes: []string{ScopeLocation}, Attach: attach, Attaches: kindActivity, HashVersion: HashVersion},
	}
}

// complete fills in what is not configured.
func (c Config) complete() Config {
	for address, standard := range map[*string]string{
		&c.AuthorizeURL: DefaultAuthorizeURL, &c.TokenURL: DefaultTokenURL, &c.RevokeURL: DefaultRevokeURL,
		&c.APIBaseURL: DefaultAPIBaseURL, &c.NotificationKeyURL: DefaultNotificationKeyURL,
	} {
		if *address == "" {
			*address = standard
		}
	}
	scopes := DefaultScopes()
	if len(c.DefaultScopes) > 0 {
		scopes = nil
		for _, s := range c.DefaultScopes {
			scopes = append(scopes, fullScope(s))
		}
	}
	c.DefaultScopes = scopes
	account, app := budgets(c.Verified)
	if c.Budget.Requests == 0 {
		c.Budget = account
	}
	if c.AppBudget.Requests == 0 {
		c.AppBudget = app
	}
	c.AppBudget.Whose = provider.OfApp
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// budgets are the limits of section 7: an unverified project has half of 5 requests
// a second for each user, and 100 times that in total.
func budgets(verified bool) (account, app provider.Budget) {
	if verified {
		return provider.Budget{Requests: 300, Per: time.Minute}, provider.Budget{Requests: 120_000, Per: time.Minute}
	}
	return provider.Budget{Requests: 150, Per: time.Minute}, provider.Budget{Requests: 15_000, Per: time.Minute}
}

// fullScope is a scope's address. Those that are none of Google Health's, such as
// openid, stay as they are.
func fullScope(scope string) string {
	if strings.HasSuffix(scope, ".readonly") && !strings.Contains(scope, "/") {
		return scopePrefix + scope
	}
	return scope
}
