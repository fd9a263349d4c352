package command

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

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
	announceStores(p, "demo", stores)
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
	simulator, err := demo.NewSimulator(c.DataDir, origin, log)
	if err != nil {
		return err
	}
	s := newSystem(p, c, stores, log)
	tour := demo.Tour{System: s, Simulator: simulator, Out: p.Stdout, NATSURL: stores.NATSURL, Started: started, Command: func(words string) string { return commandLine(p, c, words) }}
	components := append([]lifecycle.Component{s.Traces(), stores.Watch()}, simulator.Components(&s.Config)...)
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

// commandLine is what a person types to run one of our commands on the demo, also
// where the environment names stores of another system.
func commandLine(p Process, c config.Config, words string) string {
	line := p.Name + " " + words
	for _, name := range []string{"NATS_URL", "DATABASE_URL"} {
		for _, name := range []string{name, name + "_FILE"} {
			if value, set := p.Env(name); set && value != "" {
				line = name + "= " + line
			}
		}
	}
	if c.DataDirChosen {
		line = "STRIDELOG_DATA_DIR='" + strings.ReplaceAll(c.DataDir, "'", `'\''`) + "' " + line
	}
	return line
}
