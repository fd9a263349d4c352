package main

import (
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// measured is the provider whose cloud the benchmarks of the whole product read: its
// fake is the fastest, so that least of what is measured is the fake's.
const measured = "fitbit"

// callbackURL is where the benchmarks' app has people sent back to.
func callbackURL() string { return installation.CallbackURL(measured) }

// settingsAt point the product at a cloud that is served at base.
func settingsAt(cloud simulator.Cloud, base string) map[string]provider.Values {
	app := simulator.App{ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{callbackURL()}}
	v := app.Settings(cloud, base)
	v[provider.SettingScopes] = "activity profile"
	return map[string]provider.Values{measured: v}
}

// elsewhere is a provider that nobody of a benchmark has workouts of.
func elsewhere() string {
	for _, name := range catalog.Names() {
		if name != measured {
			return name
		}
	}
	return measured
}
