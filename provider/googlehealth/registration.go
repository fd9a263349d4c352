package googlehealth

import (
	"net/http"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
)

// The settings that no other provider has.
const (
	// settingVerified says that Google has verified the project, which raises its limits.
	settingVerified = "VERIFIED"
	// settingPerMinute and settingAppPerMinute are limits of an operator's own, for each
	// account and for all together; zero is what settingVerified says.
	settingPerMinute    = "REQUESTS_PER_MINUTE"
	settingAppPerMinute = "APP_REQUESTS_PER_MINUTE"
)

// Registration is the provider's entry in the catalogue.
func Registration() provider.Registration {
	const zero = "0 is the default for this kind of project"
	return provider.Registration{
		Descriptor: Descriptor(),
		Document:   "docs/google-health.md",
		Settings: append(provider.OAuthSettings("google_client_secret", shortScopes()),
			provider.Setting{Name: provider.SettingAuthorizeURL, Kind: provider.ValueURL, Default: DefaultAuthorizeURL},
			provider.Setting{Name: provider.SettingTokenURL, Kind: provider.ValueURL, Default: DefaultTokenURL},
			provider.Setting{Name: provider.SettingRevokeURL, Kind: provider.ValueURL, Default: DefaultRevokeURL},
			provider.Setting{Name: provider.SettingAPIBaseURL, Kind: provider.ValueURL, Default: DefaultAPIBaseURL},
			provider.Setting{Name: settingVerified, Kind: provider.ValueBool, Default: "false"},
			provider.Setting{Name: settingPerMinute, Kind: provider.ValueCount, Default: "0", Refused: zero},
			provider.Setting{Name: settingAppPerMinute, Kind: provider.ValueCount, Default: "0", Refused: zero},
			provider.Setting{
				Name: provider.SettingNotificationSecret, Kind: provider.ValueSecret, Notifications: true, File: "google_notification_secret", Begins: "Bearer ",
				Shortest: 24, Refused: "anybody who guesses it can send notifications",
			},
			provider.Setting{Name: provider.SettingNotificationKeyURL, Kind: provider.ValueURL, Notifications: true, Default: DefaultNotificationKeyURL},
		),
		Normalizers:  Normalizers(),
		Subscription: subscription(),
		New: func(v provider.Values, client *http.Client) *provider.Connector {
			return New(Config{
				ClientID: v.Text(provider.SettingClientID), ClientSecret: v[provider.SettingClientSecret],
				AuthorizeURL: v.Text(provider.SettingAuthorizeURL), TokenURL: v.Text(provider.SettingTokenURL),
				RevokeURL: v.Text(provider.SettingRevokeURL), APIBaseURL: v.Text(provider.SettingAPIBaseURL),
				DefaultScopes: v.Words(provider.SettingScopes), HTTPClient: client,
				Verified:           v.Bool(settingVerified),
				Budget:             provider.Budget{Requests: v.Count(settingPerMinute), Per: time.Minute},
				AppBudget:          provider.Budget{Requests: v.Count(settingAppPerMinute), Per: time.Minute},
				NotificationSecret: v[provider.SettingNotificationSecret], NotificationKeyURL: v.Text(provider.SettingNotificationKeyURL),
			})
		},
	}
}

// shortScopes are the default scopes as an operator writes them: without what is the
// same in all their addresses.
func shortScopes() string {
	scopes := DefaultScopes()
	for i := range scopes {
		scopes[i] = strings.TrimPrefix(scopes[i], scopePrefix)
	}
	return strings.Join(scopes, " ")
}
