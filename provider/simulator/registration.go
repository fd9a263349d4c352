package simulator

import (
	"net/http"
	"time"

	"github.com/stridelog/stridelog/provider"
)

// Registration is all that others know of a fake cloud: commands and the demo find it
// by the name of the provider that it stands for.
type Registration struct {
	Provider string // the provider's name
	// DisplayName is what people call the provider, ShortName in a narrow column.
	DisplayName, ShortName string
	// File is the base name of what is kept of it in a data directory. It never changes:
	// a later run finds its grants and its address there.
	File string
	New  func(a App) (Cloud, error)
	// Exports are the archives that the provider's people can download; nil: none.
	Exports *Exports
}

// App is the app that is registered with a fake cloud, and who has accounts there.
type App struct {
	ClientID, ClientSecret string
	RedirectURIs           []string // as registered; compared byte by byte
	People                 []*Person
	StateFile              string // keeps grants over a restart; empty keeps none
}

// Settings point a connector of the app at a cloud that is served at base.
func (a App) Settings(cloud Cloud, base string) provider.Values {
	v := provider.Values{
		provider.SettingClientID: provider.Secret(a.ClientID), provider.SettingClientSecret: provider.Secret(a.ClientSecret),
	}
	if len(a.RedirectURIs) > 0 {
		v[provider.SettingRedirectURI] = provider.Secret(a.RedirectURIs[0])
	}
	for _, one := range cloud.Addresses(base) {
		v[one.Setting] = provider.Secret(one.URL)
	}
	return v
}

// Cloud is a fake cloud to serve and to point a system at.
type Cloud interface {
	Handler() http.Handler
	// Addresses are the settings of the provider that are addresses of the cloud, which
	// is served at base.
	Addresses(base string) []Address
	// Account is a person's id there.
	Account(p *Person) string
	// Next says what else can be tried with the cloud once the gateway takes
	// notifications at an address; empty: nothing.
	Next(notifications string) string
}

// Address is a setting of a provider, without the provider's name before it.
type Address struct{ Setting, URL string }

// Exports are the archives of a provider.
type Exports struct {
	Kind string // as an importer takes it
	// Looks says which looks there are, for a caller that chooses one.
	Looks string
	New   func(p *Person, o ExportOptions) (Archive, error)
}

// ExportOptions say what an archive is like.
type ExportOptions struct {
	Look string    // one of Looks, in any case; empty: the latest
	At   time.Time // when it was made
	// Exercises is how many there are at least, Bytes how large all files together are
	// at least.
	Exercises int
	Bytes     int64
}

// Archive is an export archive of a simulated person.
type Archive interface {
	// Save writes it: .zip, .tgz, or a folder.
	Save(path string) error
	// Days are the local dates of its exercises, YYYY-MM-DD, in the order of their starts.
	Days() []string
}
