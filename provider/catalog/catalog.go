// Package catalog is the list of all providers. A new one is one line in each
// function here.
package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/googlehealth"
)

// Settings are what the operator says about one provider. An empty address or
// scope list means the provider's own default. Not every provider has a use for
// all of them.
type Settings struct {
	ClientID      string
	ClientSecret  provider.Secret
	AuthorizeURL  string
	TokenURL      string // where it is not below the API
	RevokeURL     string // likewise
	APIBaseURL    string
	DefaultScopes []string
	// Verified says that the provider has verified the installation and gives it its
	// full limits. Budget and AppBudget, where set, are the limits themselves.
	Verified          bool
	Budget, AppBudget provider.Budget
	// NotificationSecret is what the provider's notifications carry; empty: they are
	// not read.
	NotificationSecret provider.Secret
	NotificationKeyURL string
	HTTPClient         *http.Client // nil: the connector's own
}

// Descriptors lists every provider, configured or not.
func Descriptors() []provider.Descriptor {
	return []provider.Descriptor{
		fitbit.Descriptor(),
		googlehealth.Descriptor(),
	}
}

// Sources are the names of all providers by their SourceRank.
func Sources() []string {
	all := Descriptors()
	slices.SortFunc(all, func(a, b provider.Descriptor) int {
		return cmp.Or(cmp.Compare(a.SourceRank, b.SourceRank), cmp.Compare(a.Name, b.Name))
	})
	names := make([]string, 0, len(all))
	for _, d := range all {
		names = append(names, d.Name)
	}
	return names
}

// Normalizers read every format of every provider. They need no configuration.
func Normalizers() provider.Normalizers {
	all := provider.Normalizers{}
	for _, some := range []provider.Normalizers{
		fitbit.Normalizers(),
		googlehealth.Normalizers(),
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

// TrackMakers make TCX files of the routes of every provider that are none.
func TrackMakers() provider.TrackMakers { return fitbit.TrackMakers() }

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
		googlehealth.Name: func(s Settings) *provider.Connector {
			return googlehealth.New(googlehealth.Config{
				ClientID: s.ClientID, ClientSecret: s.ClientSecret,
				AuthorizeURL: s.AuthorizeURL, TokenURL: s.TokenURL, RevokeURL: s.RevokeURL, APIBaseURL: s.APIBaseURL,
				DefaultScopes: s.DefaultScopes, HTTPClient: s.HTTPClient,
				Verified: s.Verified, Budget: s.Budget, AppBudget: s.AppBudget,
				NotificationSecret: s.NotificationSecret, NotificationKeyURL: s.NotificationKeyURL,
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

// Notifications make, for each provider whose settings allow it, what reads its
// notifications. That needs neither client id nor client secret, so who only
// listens need not have them.
func Notifications(settings map[string]Settings) map[string]provider.Notifications {
	readers := map[string]provider.Notifications{}
	for name, s := range settings {
		if c, ok := Sketch(name, s); ok && c.Notifications != nil {
			readers[name] = c.Notifications
		}
	}
	return readers
}

// Sketch makes a connector of settings that may lack the credentials, for who wants
// to know what it would ask for; ok is false for a provider that is not known.
func Sketch(name string, s Settings) (c *provider.Connector, ok bool) {
	construct, ok := constructors()[name]
	if !ok {
		return nil, false
	}
	return construct(s), true
}

func (s Settings) check(name string) error {
	var faults []error
	if s.ClientID == "" {
		faults = append(faults, fmt.Errorf("%s: the client id is missing; set it, or neither id nor secret to disable the provider", name))
	}
	if s.ClientSecret == "" {
		faults = append(faults, fmt.Errorf("%s: the client secret is missing; set it, or neither id nor secret to disable the provider", name))
	}
	for _, a := range []struct{ what, address string }{
		{"authorize URL", s.AuthorizeURL}, {"token URL", s.TokenURL}, {"revoke URL", s.RevokeURL},
		{"API base URL", s.APIBaseURL}, {"notification key URL", s.NotificationKeyURL},
	} {
		if a.address != "" && !isWebAddress(a.address) {
			faults = append(faults, fmt.Errorf("%s: the %s is not an absolute http or https URL", name, a.what))
		}
	}
	return errors.Join(faults...)
}

func isWebAddress(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}
