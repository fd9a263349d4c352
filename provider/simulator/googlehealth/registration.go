package googlehealth

import (
	"fmt"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator"
)

// Registration is the cloud's entry in the list of fake clouds.
func Registration() simulator.Registration {
	return simulator.Registration{
		Provider: "google_health", DisplayName: "Google Health", ShortName: "Google", File: "simulator-google",
		New: func(a simulator.App) (simulator.Cloud, error) {
			return New(Options{
				ClientID: a.ClientID, ClientSecret: a.ClientSecret, RedirectURIs: a.RedirectURIs, People: a.People, StateFile: a.StateFile,
			})
		},
	}
}

// Addresses implements simulator.Cloud.
func (c *Cloud) Addresses(base string) []simulator.Address {
	return []simulator.Address{
		{Setting: provider.SettingAuthorizeURL, URL: base + "/o/oauth2/v2/auth"},
		{Setting: provider.SettingTokenURL, URL: base + "/token"},
		{Setting: provider.SettingRevokeURL, URL: base + "/revoke"},
		{Setting: provider.SettingAPIBaseURL, URL: base},
		{Setting: provider.SettingNotificationKeyURL, URL: base + KeysPath},
	}
}

// Account implements simulator.Cloud.
func (c *Cloud) Account(p *simulator.Person) string { return HealthUserID(p) }

// Next implements simulator.Cloud.
func (c *Cloud) Next(notifications string) string {
	return fmt.Sprintf("Once the gateway runs, have the cloud tell it of changes (the token lives for an hour):\n\n  GOOGLE_ACCESS_TOKEN=%s stridelog google subscribe --project %s --endpoint %s",
		c.ProjectToken(), c.options.ProjectNumber, notifications)
}
