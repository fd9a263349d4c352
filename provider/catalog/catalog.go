// Package catalog is the list of all providers. A new one is one line in each
// function here.
package catalog

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
	"github.com/stridelog/stridelog/provider/fitbit"
)

// Settings are what the operator says about one provider. An empty address or
// scope list means the provider's own default.
type Settings struct {
	ClientID      string
	ClientSecret  provider.Secret
	AuthorizeURL  string
	APIBaseURL    string
	DefaultScopes []string
	HTTPClient    *http.Client // nil: the connector's own
}

// Descriptors lists every provider, configured or not.
func Descriptors() []provider.Descriptor {
	return []provider.Descriptor{
		fitbit.Descriptor(),
	}
}

// Normalizers read every format of every provider. They need no configuration.
func Normalizers() provider.Normalizers {
	all := provider.Normalizers{}
	for _, some := range []provider.Normalizers{
		fitbit.Normalizers(),
	} {
		maps.Copy(all, some)
	}
	return all
}

// Importers read the exports of every provider that has one. They need no
// configuration.
func Importers() provider.Importers {
	return provider.Importers{
		fitbit.ImportKind: fitbit.NewImporter(archive.DefaultLimits()),
	}
}

// constructors make the connector of each provider.
func constructors() map[string]func(Settings) *provider.Connector {
	return map[string]func(Settings) *provider.Connector{
		fitbit.Name: func(s Settings) *provider.Connector {
			return fitbit.New(fitbit.Config{
				ClientID: s.ClientID, ClientSecret: s.ClientSecret,
				AuthorizeURL: s.AuthorizeURL, APIBaseURL: s.APIBaseURL,
				DefaultScopes: s.DefaultScopes, HTTPClient: s.HTTPClient,
			})
		},
	}
}

// Connectors makes a connector for each provider that has settings, by name. A
// provider without settings is disabled. The error lists every fault of the
// settings and never shows a value.
func Connectors(settings map[string]Settings) (provider.Connectors, error) {
	known := constructors()
	connectors := provider.Connectors{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		construct, ok := known[name]
		if !ok {
			faults = append(faults, fmt.Errorf("provider %q is unknown; known are %v", name, slices.Sorted(maps.Keys(known))))
			continue
		}
		if err := settings[name].check(name); err != nil {
			faults = append(faults, err)
			continue
		}
		connectors[name] = construct(settings[name])
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("configure providers: %w", errors.Join(faults...))
	}
	return connectors, nil
}

func (s Settings) check(name string) error {
	var faults []error
	if s.ClientID == "" {
		faults = append(faults, fmt.Errorf("%s: the client id is missing; set it, or neither id nor secret to disable the provider", name))
	}
	if s.ClientSecret == "" {
		faults = append(faults, fmt.Errorf("%s: the client secret is missing; set it, or neither id nor secret to disable the provider", name))
	}
	if s.AuthorizeURL != "" && !isWebAddress(s.AuthorizeURL) {
		faults = append(faults, fmt.Errorf("%s: the authorize URL is not an absolute http or https URL", name))
	}
	if s.APIBaseURL != "" && !isWebAddress(s.APIBaseURL) {
		faults = append(faults, fmt.Errorf("%s: the API base URL is not an absolute http or https URL", name))
	}
	return errors.Join(faults...)
}

func isWebAddress(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}
