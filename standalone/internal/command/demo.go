package command

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/stridelog/stridelog/platform/httpserver"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/demo"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// runDemo runs everything with simulated providers and keeps its state, so that
// a second run finds the same people and workouts.
func runDemo(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: stridelog demo takes no arguments", errUsage)
	}
	started := time.Now()
	if !c.DataDirChosen {
		c.DataDir = filepath.Join(c.DataDir, config.DemoDir)
	}
	if _, chosen := p.Env("LOG_LEVEL"); !chosen {
		c.LogLevel = "warn" // the next steps are what a person should see
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	stores, err := store.Embed(ctx, c, log, &launcher.Download{Registry: c.NPMRegistry, Progress: showDownload(p)})
	if err != nil {
		return err
	}
	defer stores.Close()
	if c.SealingKey, err = store.SealingKey(c.DataDir); err != nil {
		return err
	}
	if c.AdminKey == "" {
		if c.AdminKey, err = store.AdminKey(c.DataDir); err != nil {
			return err
		}
	}
	origin, err := demo.Origin(c.HTTPAddr)
	if err != nil {
		return err
	}
	c.RedirectAllowlist = append(c.RedirectAllowlist, origin) // the demo user comes back to /docs
	simulator, err := demo.NewSimulator(c.DataDir, demo.CallbackURL(origin), log)
	if err != nil {
		return err
	}
	s := newSystem(p, c, stores, log)
	tour := demo.Tour{System: s, Simulator: simulator, Out: p.Stdout, NATSURL: stores.NATSURL, Started: started, Rebuild: rebuildLine(p, c)}
	components := []lifecycle.Component{s.Traces(), stores.Watch(), {Name: "simulator", Run: func(ctx context.Context, ready func()) error {
		return simulator.Run(ctx, func() { simulator.Configure(&s.Config.Fitbit); ready() })
	}}}
	for _, name := range system.Services() {
		component, err := s.Component(name)
		if err != nil {
			return err
		}
		components = append(components, component)
	}
	components = append(components, lifecycle.Component{Name: "demo", Run: tour.Run})
	return lifecycle.Run(ctx, log, components...)
}

// rebuildLine is what a person types to rebuild the demo's tables.
func rebuildLine(p Process, c config.Config) string {
	line := p.Name + " rebuild"
	if c.DataDirChosen {
		line = "STRIDELOG_DATA_DIR='" + strings.ReplaceAll(c.DataDir, "'", `'\''`) + "' " + line
	}
	return line
}

// runSimulator serves the fake Fitbit cloud for a system elsewhere.
func runSimulator(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: stridelog simulator takes no arguments; it listens on HTTP_ADDR", errUsage)
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	credentials := demo.DefaultCredentials()
	if c.Fitbit.ClientID != "" {
		credentials = demo.Credentials{ClientID: c.Fitbit.ClientID, ClientSecret: c.Fitbit.ClientSecret, RedirectURIs: []string{c.Fitbit.RedirectURI}}
	}
	cloud, err := demo.NewCloud(credentials, "")
	if err != nil {
		return err
	}
	server := httpserver.New(httpserver.Options{Name: "simulator", Addr: c.HTTPAddr, Handler: cloud.Handler(), Log: log})
	return lifecycle.Run(ctx, log,
		lifecycle.Component{Name: "simulator", Run: server.Run},
		lifecycle.Component{Name: "announcement", Run: func(ctx context.Context, ready func()) error {
			base := demo.BaseURL(server.Addr())
			fmt.Fprintf(p.Stdout, "A fake Fitbit cloud answers on %s. Point the system at it:\n\n  export FITBIT_CLIENT_ID=%s FITBIT_CLIENT_SECRET=%s\n  export FITBIT_AUTHORIZE_URL=%s/oauth2/authorize FITBIT_API_BASE_URL=%s\n\n",
				base, credentials.ClientID, credentials.ClientSecret, base, base)
			ready()
			<-ctx.Done()
			return nil
		}})
}
