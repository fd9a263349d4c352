package command

import (
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/standalone/internal/demo"
)

// fakeNotificationSecret is the same everywhere: it protects nothing.
const fakeNotificationSecret = "Bearer simulated-notification-secret"

// simulated makes a fake cloud with the app that is configured, or with the one that
// protects nothing.
func simulated(v provider.Values, fake simulator.Registration) (simulator.Cloud, simulator.App, error) {
	app := demo.DefaultApp(v.Text(provider.SettingRedirectURI))
	if id := v.Text(provider.SettingClientID); id != "" {
		app.ClientID, app.ClientSecret = id, v.Text(provider.SettingClientSecret)
	}
	cloud, err := demo.NewCloud(fake, app)
	return cloud, app, err
}

// variables point a system at a fake cloud: NAME=value each, as a shell reads them. A
// secret that was given is not printed: what a process prints is kept in logs, and the
// operator knows it already.
func variables(v provider.Values, name string, addresses []simulator.Address, app simulator.App) []string {
	const given = " # as the simulator has it"
	var list []string
	for _, a := range addresses {
		list = append(list, provider.Variable(name, a.Setting)+"="+a.URL)
	}
	r, _ := catalog.Find(name)
	if _, notifies := r.Setting(provider.SettingNotificationSecret); notifies {
		value := "='" + fakeNotificationSecret + "'"
		if v[provider.SettingNotificationSecret] != "" {
			value = given
		}
		list = append(list, provider.Variable(name, provider.SettingNotificationSecret)+value)
	}
	secret := "=" + app.ClientSecret
	if v[provider.SettingClientID] != "" {
		secret = given
	}
	return append(list, provider.Variable(name, provider.SettingClientID)+"="+app.ClientID,
		provider.Variable(name, provider.SettingClientSecret)+secret, provider.Variable(name, provider.SettingRedirectURI)+"="+app.RedirectURIs[0])
}
