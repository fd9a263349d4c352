// Package demo is the system that needs nothing: simulated people behind a fake
// cloud, a user who consents by themselves, and the next steps in print.
package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// Credentials are those of the app that is registered with the fake cloud.
type Credentials struct {
	ClientID, ClientSecret string
	RedirectURIs           []string
}

// DefaultCredentials are for a fake cloud that nobody configured. They protect
// nothing: its people are made up.
func DefaultCredentials() Credentials {
	return Credentials{
		ClientID: "STRIDE", ClientSecret: "simulated-client-secret",
		RedirectURIs: []string{CallbackURL("http://localhost:8000")},
	}
}

// peopleSeed makes the same people and workouts on every machine.
const peopleSeed = 1

// NewCloud makes the fake Fitbit cloud with the demo's people. The state file
// keeps grants over restarts; empty keeps none.
func NewCloud(c Credentials, stateFile string) (*fitbit.Cloud, error) {
	everybody, err := simulator.Roster(peopleSeed, time.Now())
	if err != nil {
		return nil, err
	}
	return fitbit.New(fitbit.Options{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURIs: c.RedirectURIs,
		People: everybody, StateFile: stateFile,
	})
}

// NewGoogleCloud makes the fake Google Health cloud with the demo's people, as NewCloud
// does.
func NewGoogleCloud(c Credentials, stateFile string) (*googlehealth.Cloud, error) {
	everybody, err := simulator.Roster(peopleSeed, time.Now())
	if err != nil {
		return nil, err
	}
	return googlehealth.New(googlehealth.Options{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURIs: c.RedirectURIs,
		People: everybody, StateFile: stateFile, ProjectNumber: ProjectNumber,
	})
}

// ProjectNumber is the Cloud project of the fake Google Health cloud.
const ProjectNumber = "123456789012"

// Simulator is the fake clouds of a demo: the same people have an account at both,
// as those have who moved from Fitbit to Google Health.
type Simulator struct {
	credentials    Credentials
	person         *simulator.Person // whom the demo connects
	fitbit, google *site
	googleCallback string
}

// NewSimulator makes the demo's clouds with their state in the data directory.
func NewSimulator(dataDir, origin string, log *slog.Logger) (*Simulator, error) {
	credentials := DefaultCredentials()
	credentials.RedirectURIs = []string{CallbackURL(origin)}
	cloud, err := NewCloud(credentials, filepath.Join(dataDir, "simulator.json"))
	if err != nil {
		return nil, err
	}
	everybody, err := simulator.Roster(peopleSeed, time.Now())
	if err != nil {
		return nil, err
	}
	s := &Simulator{credentials: credentials, person: everybody[0], googleCallback: GoogleCallbackURL(origin)}
	health, err := NewGoogleCloud(Credentials{credentials.ClientID, credentials.ClientSecret, []string{s.googleCallback}}, filepath.Join(dataDir, "simulator-google.json"))
	if err != nil {
		return nil, err
	}
	s.fitbit = newSite(dataDir, "simulator", cloud.Handler(), log)
	s.google = newSite(dataDir, "simulator-google", health.Handler(), log)
	return s, nil
}

// Components serve the clouds; what each configures is done when it is ready.
func (s *Simulator) Components(c *config.Config) []lifecycle.Component {
	return []lifecycle.Component{
		{Name: "simulated Fitbit", Run: func(ctx context.Context, ready func()) error {
			return s.fitbit.run(ctx, func() { s.configureFitbit(&c.Fitbit); ready() })
		}},
		{Name: "simulated Google Health", Run: func(ctx context.Context, ready func()) error {
			return s.google.run(ctx, func() { s.configureGoogle(&c.GoogleHealth); ready() })
		}},
	}
}

// configureFitbit points a connector's settings at the cloud.
func (s *Simulator) configureFitbit(f *config.Fitbit) {
	f.ClientID, f.ClientSecret = s.credentials.ClientID, s.credentials.ClientSecret
	f.RedirectURI = s.credentials.RedirectURIs[0]
	f.AuthorizeURL = s.fitbit.url() + "/oauth2/authorize"
	f.APIBaseURL = s.fitbit.url()
}

func (s *Simulator) configureGoogle(g *config.GoogleHealth) {
	g.ClientID, g.ClientSecret, g.RedirectURI = s.credentials.ClientID, s.credentials.ClientSecret, s.googleCallback
	g.AuthorizeURL, g.TokenURL, g.RevokeURL = s.google.url()+"/o/oauth2/v2/auth", s.google.url()+"/token", s.google.url()+"/revoke"
	g.APIBaseURL = s.google.url()
}

// account is the demo person's at a provider.
func (s *Simulator) account(provider string) string {
	if provider == "google_health" {
		return googlehealth.HealthUserID(s.person)
	}
	return s.person.AccountID()
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

// CallbackURL is our callback for Fitbit at an origin.
func CallbackURL(origin string) string { return origin + "/api/v1/oauth/fitbit/callback" }

// GoogleCallbackURL is our callback for Google Health at an origin.
func GoogleCallbackURL(origin string) string { return origin + "/api/v1/oauth/google_health/callback" }
