// Package fitbit is the connector of the Fitbit Web API: consent, the activity
// log list, and the workouts in it. Sections named in comments are those of the
// project's digest of that API.
package fitbit

import (
	"net/http"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

// Name is the provider's name and token in subjects.
const Name = "fitbit"

// FormatActivityList is the format word of an entry of the activity log list.
const FormatActivityList = "fitbit.activity_list.v1"

// HashVersion numbers the set of volatile members. Raise it with every change
// of that set: known records are then hashed anew from the log.
const HashVersion = 1

// The addresses of the real service.
const (
	DefaultAuthorizeURL = "https://www.fitbit.com/oauth2/authorize"
	DefaultAPIBaseURL   = "https://api.fitbit.com"
)

const scopeActivity = "activity"

// kindActivity is the kind of all that is read here.
const kindActivity = "activity"

// DefaultScopes are asked for when the configuration names none.
func DefaultScopes() []string { return []string{scopeActivity, "heartrate", "sleep", "profile"} }

// Volatile lists the members that change without the record changing: links,
// whose host and parameters are the server's business, and names, which come
// in the account's language. A person who edits a name also moves
// lastModified, which counts.
func Volatile() []string {
	return []string{
		"activityName",
		"caloriesLink",
		"detailsLink",
		"heartRateLink",
		"tcxLink",
		"source.url",
		"heartRateZones[].name",
		"activeZoneMinutes.minutesInHeartRateZones[].zoneName",
	}
}

// Config is what a connector needs to call Fitbit or a private mirror of it.
type Config struct {
	ClientID      string
	ClientSecret  provider.Secret
	AuthorizeURL  string           // empty: DefaultAuthorizeURL
	APIBaseURL    string           // empty: DefaultAPIBaseURL; the token endpoint is below it
	DefaultScopes []string         // empty: DefaultScopes
	HTTPClient    *http.Client     // nil: a client of our own; its redirect policy and cookies are not used
	Now           func() time.Time // for the resets of rate limits; nil: time.Now
}

// Descriptor says what Fitbit is. It needs no configuration.
func Descriptor() provider.Descriptor {
	return provider.Descriptor{
		Name:        Name,
		DisplayName: "Fitbit",
		Status:      provider.StatusRetired,
		Notice: "Google announced the end of the Fitbit Web API for 2026-10-30, later for 2026-11-02. " +
			"Connect google_health or import an archive instead; private mirrors and the simulator still work.",
		Capabilities: []string{provider.CapabilityActivities, provider.CapabilityHistorical, provider.CapabilityImport},
		Needs:        provider.NeedsOf(sources(nil)),
		Successor:    "google_health",
		SourceRank:   2, // its cloud is gone: nothing is changed or removed there any more
	}
}

// Normalizers read every format of this package.
func Normalizers() provider.Normalizers {
	return provider.Normalizers{
		FormatActivityList: activityNormalizer{},
		FormatExportJSON:   entryNormalizer{},
		FormatExportCSV:    rowNormalizer{},
	}
}

// TrackMakers make TCX files of the routes of this package that are none.
func TrackMakers() provider.TrackMakers {
	return provider.TrackMakers{FormatExportPoints: TCXOfPoints}
}

// New is the connector for a configuration. It calls nobody.
func New(c Config) *provider.Connector {
	if c.AuthorizeURL == "" {
		c.AuthorizeURL = DefaultAuthorizeURL
	}
	if c.APIBaseURL == "" {
		c.APIBaseURL = DefaultAPIBaseURL
	}
	if len(c.DefaultScopes) == 0 {
		c.DefaultScopes = DefaultScopes()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	base := strings.TrimRight(c.APIBaseURL, "/")
	client := &httpcall.Client{Provider: Name, HTTP: httpcall.Discreet(c.HTTPClient), Now: c.Now, Refusal: failure}
	return &provider.Connector{
		Descriptor:    Descriptor(),
		DefaultScopes: c.DefaultScopes,
		Authorizer:    newAuthorizer(c, base, client),
		Sources:       sources(&activities{base: base, client: client}),
		Budgets:       []provider.Budget{{Requests: 150, Per: time.Hour}}, // section 3
	}
}

// sources are what is read here. Without a list they still say what they need.
func sources(list *activities) []provider.Source {
	return []provider.Source{{
		Name: kindActivity, Kind: kindActivity, Scopes: []string{scopeActivity},
		Order: provider.OrderStart, List: list, ProvesAbsence: true,
		HashVersion: HashVersion, Volatile: Volatile(),
	}}
}
