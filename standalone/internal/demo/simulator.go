// Package demo is the system that needs nothing: simulated people behind a fake
// cloud, a user who consents by themselves, and the next steps in print.
package demo

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/clouds"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// DefaultApp is registered with a fake cloud that nobody configured, and has its people
// sent back to an address. Its secret protects nothing: the people are made up.
func DefaultApp(redirectURI string) simulator.App {
	return simulator.App{ClientID: "STRIDE", ClientSecret: "simulated-client-secret", RedirectURIs: []string{redirectURI}}
}

// peopleSeed makes the same people and workouts on every machine.
const peopleSeed = 1

// NewCloud makes a fake cloud with an app and the demo's people.
func NewCloud(r simulator.Registration, a simulator.App) (simulator.Cloud, error) {
	everybody, err := simulator.Roster(peopleSeed, time.Now())
	if err != nil {
		return nil, err
	}
	a.People = everybody
	return r.New(a)
}

// Simulator is the fake clouds of a demo: the same people have an account at each,
// as those have who moved from one to the next.
type Simulator struct {
	person *simulator.Person // whom the demo connects
	clouds []demoCloud
}

// demoCloud is one fake cloud and where it is served.
type demoCloud struct {
	simulator.Registration
	cloud simulator.Cloud
	app   simulator.App
	site  *site
}

// NewSimulator makes the demo's clouds with their state in the data directory.
func NewSimulator(dataDir, origin string, log *slog.Logger) (*Simulator, error) {
	everybody, err := simulator.Roster(peopleSeed, time.Now())
	if err != nil {
		return nil, err
	}
	s := &Simulator{person: everybody[0]}
	for _, r := range clouds.All() {
		one := demoCloud{Registration: r, app: DefaultApp(config.CallbackURL(origin, r.Provider))}
		one.app.StateFile = filepath.Join(dataDir, r.File+".json")
		if one.cloud, err = NewCloud(r, one.app); err != nil {
			return nil, err
		}
		one.site = newSite(dataDir, r.File, one.cloud.Handler(), log)
		s.clouds = append(s.clouds, one)
	}
	return s, nil
}

// Components serve the clouds; each is configured when it is ready. Those that read
// the configuration run after them.
func (s *Simulator) Components(c *config.Config) []lifecycle.Component {
	var list []lifecycle.Component
	for _, one := range s.clouds {
		list = append(list, lifecycle.Component{Name: "simulated " + one.DisplayName, Run: func(ctx context.Context, ready func()) error {
			return one.site.run(ctx, func() {
				maps.Copy(c.Providers[one.Provider], one.app.Settings(one.cloud, one.site.url()))
				ready()
			})
		}})
	}
	return list
}

// addresses are where the clouds are, a line each.
func (s *Simulator) addresses() string {
	var text strings.Builder
	for _, one := range s.clouds {
		fmt.Fprintf(&text, "  %-19s %s\n", "simulated "+one.ShortName, one.site.url())
	}
	return text.String()
}

// Origin is how a browser on this machine reaches a server that listens on addr
// (host:port): localhost, unless it listens on one address of the network.
func Origin(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%q is not host:port: %w", addr, err)
	}
	switch host {
	case "", "0.0.0.0", "::", "127.0.0.1", "::1":
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
