package fitbit

import (
	"net/http"
	"strings"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// Registration is the provider's entry in the catalogue.
func Registration() provider.Registration {
	return provider.Registration{
		Descriptor: Descriptor(),
		Settings: append(provider.OAuthSettings("fitbit_client_secret", strings.Join(DefaultScopes(), " ")),
			provider.Setting{Name: provider.SettingAuthorizeURL, Kind: provider.ValueURL, Default: DefaultAuthorizeURL},
			provider.Setting{Name: provider.SettingAPIBaseURL, Kind: provider.ValueURL, Default: DefaultAPIBaseURL},
		),
		Normalizers: Normalizers(),
		Importers:   provider.Importers{ImportKind: NewImporter(archive.DefaultLimits())},
		TrackMakers: TrackMakers(),
		New: func(v provider.Values, client *http.Client) *provider.Connector {
			return New(Config{
				ClientID: v.Text(provider.SettingClientID), ClientSecret: v[provider.SettingClientSecret],
				AuthorizeURL: v.Text(provider.SettingAuthorizeURL), APIBaseURL: v.Text(provider.SettingAPIBaseURL),
				DefaultScopes: v.Words(provider.SettingScopes), HTTPClient: client,
			})
		},
	}
}
