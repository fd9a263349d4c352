// Package catalog is the list of all providers. A new one is one line in All;
// everything else follows from its registration.
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
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/googlehealth"
)

// All are the registrations of every provider, configured or not.
func All() []provider.Registration {
	return []provider.Registration{
		fitbit.Registration(),
		googlehealth.Registration(),
	}
}

// Find is the registration of a provider by name; ok is false for one that is not known.
func Find(name string) (r provider.Registration, ok bool) {
	all := All()
	at := slices.IndexFunc(all, func(r provider.Registration) bool { return r.Descriptor.Name == name })
	if at < 0 {
		return provider.Registration{}, false
	}
	return all[at], true
}

// Descriptors lists every provider, configured or not.
func Descriptors() []provider.Descriptor {
	var list []provider.Descriptor
	for _, r := range All() {
		list = append(list, r.Descriptor)
	}
	return list
}

// Names are the names of all providers, in the order of All.
func Names() []string {
	var names []string
	for _, d := range Descriptors() {
		names = append(names, d.Name)
	}
	return names
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
	for _, r := range All() {
		maps.Copy(all, r.Normalizers)
	}
	return all
}

// Importers read the exports of every provider that has one. They need no
// configuration.
func Importers() provider.Importers {
	all := provider.Importers{}
	for _, r := range All() {
		maps.Copy(all, r.Importers)
	}
	return all
}

// ImportKinds are the kinds of exports that can be imported, in alphabetical order.
func ImportKinds() []string { return slices.Sorted(maps.Keys(Importers())) }

// TrackMakers make TCX files of the routes of every provider that are none.
func TrackMakers() provider.TrackMakers {
	all := provider.TrackMakers{}
	for _, r := range All() {
		maps.Copy(all, r.TrackMakers)
	}
	return all
}

// Clients gives what each provider is called with; a nil client is the connector's own.
type Clients func(provider string) *http.Client

// of is the client of one provider.
func (c Clients) of(name string) *http.Client {
	if c == nil {
		return nil
	}
	return c(name)
}

// Connectors makes a connector for each provider that settings are given of, by name;
// the others are disabled. The error lists every fault of the settings and never shows
// a value.
func Connectors(settings map[string]provider.Values, clients Clients) (provider.Connectors, error) {
	connectors := provider.Connectors{}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		r, ok := Find(name)
		if !ok {
			faults = append(faults, fmt.Errorf("provider %q is unknown; known are %v", name, slices.Sorted(slices.Values(Names()))))
			continue
		}
		if err := check(r, settings[name]); err != nil {
			faults = append(faults, err)
			continue
		}
		connectors[name] = r.New(settings[name], clients.of(name))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("configure providers: %w", errors.Join(faults...))
	}
	return connectors, nil
}

// Enabled are the settings of those providers that have all that enables them.
func Enabled(settings map[string]provider.Values) map[string]provider.Values {
	enabled := map[string]provider.Values{}
	for _, r := range All() {
		if v, given := settings[r.Descriptor.Name]; given && r.Enabled(v) {
			enabled[r.Descriptor.Name] = v
		}
	}
	return enabled
}

// Notifications make, for each provider whose settings allow it, what reads its
// notifications. That does not need what enables the provider, so who only listens
// need not have it.
func Notifications(settings map[string]provider.Values, clients Clients) map[string]provider.Notifications {
	readers := map[string]provider.Notifications{}
	for _, r := range All() {
		name := r.Descriptor.Name
		if v, given := settings[name]; given {
			if c := r.New(v, clients.of(name)); c.Notifications != nil {
				readers[name] = c.Notifications
			}
		}
	}
	return readers
}

// Sketches are connectors of every provider without settings, for who wants to know how
// their records are read and compared, and calls nobody.
func Sketches() provider.Connectors {
	connectors := provider.Connectors{}
	for _, r := range All() {
		connectors[r.Descriptor.Name] = r.New(nil, nil)
	}
	return connectors
}

// check is what is wrong with the settings of a provider.
func check(r provider.Registration, v provider.Values) error {
	var faults []error
	for _, name := range r.Lacking(v) {
		faults = append(faults, fmt.Errorf("%s is missing; set it, or nothing of what enables %s, to disable it", provider.Variable(r.Descriptor.Name, name), r.Descriptor.DisplayName))
	}
	for _, s := range r.Settings {
		if a := v.Text(s.Name); s.Kind == provider.ValueURL && a != "" && !isWebAddress(a) {
			faults = append(faults, fmt.Errorf("%s is not an absolute http or https URL", provider.Variable(r.Descriptor.Name, s.Name)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if _, known := r.Setting(name); !known {
			faults = append(faults, fmt.Errorf("%s has no setting %s", r.Descriptor.Name, name))
		}
	}
	return errors.Join(faults...)
}

func isWebAddress(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}
