// Package installation runs a whole system inside this process for the
// end-to-end tests and the benchmarks: the same wiring as `stridelog serve`, on
// stores and a simulated cloud that the caller provides.
package installation

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// AdminKey is the key that an installation accepts.
const AdminKey = "sl_test-admin-key-of-one-run"

// CallbackURL is the registered callback of a provider. Nobody listens there: the
// client moves the callback to where the gateway really is.
func CallbackURL(name string) string { return config.CallbackURL("http://stridelog.test", name) }

// Options say on what the installation runs.
type Options struct {
	DatabaseURL, NATSURL string
	NATS                 *natsserver.Server         // the server at NATSURL, where it is embedded; nil: it is not
	Providers            map[string]provider.Values // settings, by name
	Rescan               []poller.Scan              // none: only what is asked for is read
	// Change may alter the rest of the configuration; nil leaves it.
	Change func(*config.Config)
	// ProviderClient asks the providers; nil is the connectors' own.
	ProviderClient *http.Client
	Log            *slog.Logger
}

// Installation is a running system.
type Installation struct {
	Client *client.Client
	System *system.System
	cancel context.CancelFunc
	done   chan error
}

// Start starts all services and returns when they are ready.
func Start(ctx context.Context, o Options) (*Installation, error) {
	sealing, err := oauth.NewSealingKey()
	if err != nil {
		return nil, err
	}
	s := &system.System{
		DatabaseURL: o.DatabaseURL, NATSURL: o.NATSURL, NATS: o.NATS, Log: o.Log, Registry: telemetry.NewRegistry(),
		OnNewAdminKey: func(string) {}, ProviderClient: o.ProviderClient,
		Config: config.Config{
			HTTPAddr: "127.0.0.1:0", AdminKey: AdminKey, SealingKey: sealing,
			RedirectAllowlist: []string{"http://app.test"}, Providers: o.Providers,
			Poll: config.Poll{InitialDays: 30, Rescan: o.Rescan, Lease: 30 * time.Second, Jitter: time.Second},
		},
	}
	if o.Change != nil {
		o.Change(&s.Config)
	}
	ctx, cancel := context.WithCancel(ctx)
	i := &Installation{System: s, cancel: cancel, done: make(chan error, 1)}
	components := []lifecycle.Component{s.Traces()}
	for _, name := range system.Services() {
		component, err := s.Component(name)
		if err != nil {
			cancel()
			return nil, err
		}
		components = append(components, component)
	}
	ready := make(chan struct{})
	components = append(components, lifecycle.Component{Name: "ready", Run: func(ctx context.Context, isReady func()) error {
		isReady()
		close(ready)
		<-ctx.Done()
		return nil
	}})
	go func() { i.done <- lifecycle.Run(ctx, o.Log, components...) }()
	select {
	case <-ready:
	case err := <-i.done:
		cancel()
		return nil, fmt.Errorf("start the installation: %w", err)
	}
	i.Client = &client.Client{BaseURL: "http://" + s.GatewayAddr().String(), Key: AdminKey, HTTP: &http.Client{Timeout: 2 * time.Minute}}
	return i, nil
}

// Stop stops all services and returns what they ended with.
func (i *Installation) Stop() error {
	i.cancel()
	return <-i.done
}
