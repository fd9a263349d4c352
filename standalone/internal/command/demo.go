package command

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
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

// demoAddr is where the demo listens by default: only this machine reaches it, whose
// key and people are for trying.
const demoAddr = "127.0.0.1:8000"

// runDemo runs everything with simulated providers and keeps its state, so that
// a second run finds the same people and workouts.
func runDemo(ctx context.Context, p Process, c config.Config, args []string) error {
	reset, err := demoCall(args)
	if err != nil {
		return err
	}
	started := time.Now()
	c = demoDefaults(p, c)
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	if err := prepareDemo(ctx, p, c, reset, log); err != nil {
		return err
	}
	stores, err := store.Embed(ctx, c, log, &launcher.Download{Registry: c.NPMRegistry, Progress: showDownload(p)})
	if err != nil {
		return err
	}
	defer stores.Close()
	announceStores(p, "demo", stores)
	return serveDemo(ctx, p, c, stores, started, log)
}

// demoDefaults are what the demo does otherwise than a system with real people.
func demoDefaults(p Process, c config.Config) config.Config {
	if !c.DataDirChosen {
		c.DataDir = filepath.Join(c.DataDir, config.DemoDir)
	}
	c.ErasuresFile = cmp.Or(c.ErasuresFile, filepath.Join(c.DataDir, erasuresName))
	if addr, chosen := p.Env("HTTP_ADDR"); !chosen || addr == "" {
		c.HTTPAddr = demoAddr
	}
	if level, chosen := p.Env("LOG_LEVEL"); !chosen || level == "" {
		c.LogLevel = "warn" // the next steps are what a person should see
	}
	return c
}

func demoCall(args []string) (reset bool, err error) {
	if len(args) == 1 && (args[0] == "--reset" || args[0] == "-reset") {
		return true, nil
	}
	if len(args) > 0 {
		return false, fmt.Errorf("%w: stridelog demo takes no arguments but --reset, which deletes the data of earlier runs first", errUsage)
	}
	return false, nil
}

// prepareDemo finds what would stop the demo before it starts anything, and makes its
// data directory.
func prepareDemo(ctx context.Context, p Process, c config.Config, reset bool, log *slog.Logger) error {
	c.DataDirChosen = true // to look nowhere else
	if running, err := store.FindSession(ctx, c); err == nil {
		return fmt.Errorf("the demo runs already, on %s (process %d, data in %s): stop it with Ctrl-C where it runs, or use it: eval \"$(%s env)\"",
			running.URL, running.PID, c.DataDir, p.Name)
	}
	if err := checkListen(ctx, "HTTP_ADDR", c.HTTPAddr, "make demo"); err != nil {
		return err
	}
	if reset {
		if err := store.ResetDemo(ctx, c.DataDir, log); err != nil {
			return err
		}
		fmt.Fprintf(p.Stderr, "stridelog demo: begins anew, with nothing in %s\n", c.DataDir)
	}
	return store.MarkDemo(c.DataDir)
}

// serveDemo runs the demo on its stores until it is stopped.
func serveDemo(ctx context.Context, p Process, c config.Config, stores *store.Stores, started time.Time, log *slog.Logger) (err error) {
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
	tour := demo.Tour{
		System: s, Simulator: simulator, Out: p.Stdout, Started: started, Command: func(words string) string { return commandLine(p, c, words) },
		Session: store.Session{NATSURL: stores.NATSURL, PID: os.Getpid()}, AnalystURL: stores.AnalystURL,
	}
	if c.DataDirChosen {
		tour.Session.DataDir = c.DataDir
	}
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
