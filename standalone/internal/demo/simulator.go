// Package demo is the system that needs nothing: simulated people behind a fake
// cloud, a user who consents by themselves, and the next steps in print.
package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stridelog/stridelog/platform/httpserver"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
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

// Simulator is the fake cloud of a demo, on an address that it keeps.
type Simulator struct {
	cloud       *fitbit.Cloud
	credentials Credentials
	person      string
	addrFile    string
	server      *httpserver.Server
}

// NewSimulator makes the demo's cloud with its state in the data directory.
func NewSimulator(dataDir, callbackURL string, log *slog.Logger) (*Simulator, error) {
	credentials := DefaultCredentials()
	credentials.RedirectURIs = []string{callbackURL}
	cloud, err := NewCloud(credentials, filepath.Join(dataDir, "simulator.json"))
	if err != nil {
		return nil, err
	}
	everybody, err := simulator.Roster(peopleSeed, time.Now())
	if err != nil {
		return nil, err
	}
	s := &Simulator{
		cloud: cloud, credentials: credentials, person: everybody[0].AccountID(),
		addrFile: filepath.Join(dataDir, "run", "simulator.addr"),
	}
	s.server = httpserver.New(httpserver.Options{Name: "simulator", Addr: s.lastAddr(), Handler: cloud.Handler(), Log: log})
	return s, nil
}

// lastAddr is the address of the run before, if it is free still, so that links
// which the poller kept from the cloud go on working.
func (s *Simulator) lastAddr() string {
	const free = "127.0.0.1:0"
	text, err := os.ReadFile(s.addrFile)
	if err != nil {
		return free
	}
	addr := strings.TrimSpace(string(text))
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return free
	}
	_ = l.Close()
	return addr
}

// Run serves the cloud until ctx ends.
func (s *Simulator) Run(ctx context.Context, ready func()) error {
	return s.server.Run(ctx, func() {
		// Losing the address only costs the links kept from the last run.
		_ = os.WriteFile(s.addrFile, []byte(s.server.Addr().String()), 0o600)
		ready()
	})
}

// URL is where the cloud answers, once it runs.
func (s *Simulator) URL() string { return "http://" + s.server.Addr().String() }

// Configure points a connector's settings at the cloud.
func (s *Simulator) Configure(f *config.Fitbit) {
	f.ClientID, f.ClientSecret = s.credentials.ClientID, s.credentials.ClientSecret
	f.RedirectURI = s.credentials.RedirectURIs[0]
	f.AuthorizeURL = s.URL() + "/oauth2/authorize"
	f.APIBaseURL = s.URL()
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

// CallbackURL is our callback at an origin.
func CallbackURL(origin string) string { return origin + "/api/v1/oauth/fitbit/callback" }
