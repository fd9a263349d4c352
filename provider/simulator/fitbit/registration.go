package fitbit

import (
	"strings"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
)

// Registration is the cloud's entry in the list of fake clouds.
func Registration() simulator.Registration {
	return simulator.Registration{
		Provider: "fitbit", DisplayName: "Fitbit", ShortName: "Fitbit", File: "simulator",
		New: func(a simulator.App) (simulator.Cloud, error) {
			return New(Options{
				ClientID: a.ClientID, ClientSecret: a.ClientSecret, RedirectURIs: a.RedirectURIs, People: a.People, StateFile: a.StateFile,
			})
		},
		Exports: &simulator.Exports{
			Kind: "fitbit-export", Looks: "A (2018), B (2021), C (2023) or D (since June 2026, default)",
			New: func(p *simulator.Person, o simulator.ExportOptions) (simulator.Archive, error) {
				return export.New(p, export.Options{Era: export.Era(strings.ToUpper(o.Look)), At: o.At, Exercises: o.Exercises, Bytes: o.Bytes})
			},
		},
	}
}

// Addresses implements simulator.Cloud.
func (c *Cloud) Addresses(base string) []simulator.Address {
	return []simulator.Address{{Setting: provider.SettingAuthorizeURL, URL: base + "/oauth2/authorize"}, {Setting: provider.SettingAPIBaseURL, URL: base}}
}

// Account implements simulator.Cloud.
func (c *Cloud) Account(p *simulator.Person) string { return p.AccountID() }

// Next implements simulator.Cloud.
func (c *Cloud) Next(string) string { return "" }
