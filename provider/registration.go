package provider

import (
	"net/http"
	"strconv"
	"strings"
)

// Registration is all that others know of a provider: the catalogue has one of each,
// and configuration, commands, services and documents follow from it.
type Registration struct {
	Descriptor Descriptor
	// Document is the page for the provider's operators, from the root of the
	// repository; empty: there is none.
	Document string
	// Settings are the provider's environment variables, in the order in which people
	// read them.
	Settings []Setting
	// Normalizers, Importers and TrackMakers need no configuration.
	Normalizers Normalizers
	Importers   Importers
	TrackMakers TrackMakers
	// Subscription is the command that has the provider send notifications; nil where
	// they need none.
	Subscription *Subscription
	// New makes the connector of settings that were checked. It calls nobody. Settings
	// may be missing, those that enable the provider too: then the connector can say
	// what it would do, and read notifications. The client is nil where the connector
	// takes its own.
	New func(v Values, client *http.Client) *Connector
}

// Variable is the name of the environment variable of a provider's setting.
func Variable(provider, setting string) string { return strings.ToUpper(provider) + "_" + setting }

// Setting describes one environment variable of a provider. Its name there begins with
// the provider's (Variable).
type Setting struct {
	Name string // Setting…, or a name of the provider's own
	Kind ValueKind
	// Default is what an unset variable means; it has the form of Values. A secret has
	// none, and that of a callback is the gateway's address on this machine.
	Default string
	// Enables: without a value the provider is disabled. Those that enable it are set
	// all or none.
	Enables bool
	// Notifications: it is about notifications, which the gateway alone receives.
	Notifications bool
	// Shortest is the least length of a secret that is set.
	Shortest int
	// Refused follows what is wrong with a value outside its bounds: why it is bounded,
	// or what to write instead.
	Refused string
	// File is the name of the file that holds a secret where the services run in
	// containers; Begins is how a secret begins that is made up for it.
	File, Begins string
}

// ValueKind says what values a setting has.
type ValueKind int

// The kinds of values, and how Values keeps them.
const (
	ValueText     ValueKind = iota
	ValueSecret             // in the variable, or in the file that NAME_FILE names
	ValueURL                // an address of the provider, without a slash at its end
	ValueCallback           // our address that the provider sends people back to
	ValueWords              // with blanks between
	ValueBool               // true or false
	ValueCount              // a whole number that is not negative
)

// The names of settings that mean the same with every provider.
const (
	SettingClientID           = "CLIENT_ID"
	SettingClientSecret       = "CLIENT_SECRET"
	SettingRedirectURI        = "REDIRECT_URI"
	SettingScopes             = "DEFAULT_SCOPE"
	SettingAuthorizeURL       = "AUTHORIZE_URL"
	SettingTokenURL           = "TOKEN_URL"
	SettingRevokeURL          = "REVOKE_URL"
	SettingAPIBaseURL         = "API_BASE_URL"
	SettingNotificationSecret = "NOTIFICATION_SECRET"
	SettingNotificationKeyURL = "NOTIFICATION_KEY_URL"
)

// OAuthSettings are the settings of an app that people consent to by OAuth. The secret
// is kept in the named file where the services run in containers.
func OAuthSettings(secretFile, scopes string) []Setting {
	return []Setting{
		{Name: SettingClientID, Kind: ValueText, Enables: true},
		{Name: SettingClientSecret, Kind: ValueSecret, Enables: true, File: secretFile},
		{Name: SettingRedirectURI, Kind: ValueCallback},
		{Name: SettingScopes, Kind: ValueWords, Default: scopes},
	}
}

// Values are the settings of one provider by their names. None of them prints, since
// some are secret. A provider whose variables are unset has its defaults in them.
type Values map[string]Secret

// Text is the setting as it is; empty when there is none.
func (v Values) Text(setting string) string { return v[setting].Reveal() }

// Words are the words of the setting.
func (v Values) Words(setting string) []string { return strings.Fields(v.Text(setting)) }

// Bool says whether the setting is true.
func (v Values) Bool(setting string) bool { return v[setting] == "true" }

// Count is the setting's number; 0 when there is none.
func (v Values) Count(setting string) int {
	n, err := strconv.Atoi(v.Text(setting))
	if err != nil {
		return 0
	}
	return n
}

// Lacking are the settings that enable the provider and have no value.
func (r Registration) Lacking(v Values) []string {
	var names []string
	for _, s := range r.Settings {
		if s.Enables && v[s.Name] == "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// Enabled says whether the values have all that enables the provider.
func (r Registration) Enabled(v Values) bool { return len(r.Lacking(v)) == 0 }

// Setting is the setting of that name; ok is false when the provider has none.
func (r Registration) Setting(name string) (s Setting, ok bool) {
	for _, s := range r.Settings {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}
