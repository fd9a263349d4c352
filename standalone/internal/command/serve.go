package command

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/demo"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

func runServe(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 1 || (len(args) == 1 && !embeddedFlag(args)) {
		return fmt.Errorf("%w: stridelog serve [--embedded]", errUsage)
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	if err := checkListen(ctx, "HTTP_ADDR", c.HTTPAddr, strings.Join(append([]string{p.Name, "serve"}, args...), " ")); err != nil {
		return err
	}
	stores := store.Given(c)
	if embeddedFlag(args) {
		if err := store.UnmarkDemo(c.DataDir); err != nil {
			return err
		}
		if stores, err = store.Embed(ctx, c, log, nil); err != nil {
			return err
		}
		defer stores.Close()
		c.ErasuresFile = cmp.Or(c.ErasuresFile, filepath.Join(c.DataDir, erasuresName))
		if c.SealingKey == "" {
			if c.SealingKey, err = store.SealingKey(c.DataDir); err != nil {
				return err
			}
		}
	}
	log.Info("the stores of this process", "stores", stores.Names())
	s := newSystem(p, c, stores, log)
	components := []lifecycle.Component{s.Traces(), stores.Watch()}
	for _, name := range system.Services() {
		component, err := s.Component(name)
		if err != nil {
			return err
		}
		components = append(components, component)
	}
	components = append(components, lifecycle.Component{Name: "announcement", Run: func(ctx context.Context, ready func()) error {
		fmt.Fprintf(p.Stdout, "Stridelog serves on %s (documentation: /docs)\n", demo.BaseURL(s.GatewayAddr()))
		ready()
		<-ctx.Done()
		return nil
	}})
	return lifecycle.Run(ctx, log, components...)
}

// runService runs one service alone.
func runService(name string) func(context.Context, Process, config.Config, []string) error {
	return func(ctx context.Context, p Process, c config.Config, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%w: stridelog %s takes no arguments", errUsage, name)
		}
		log, err := newLogger(p, c)
		if err != nil {
			return err
		}
		variable, addr := "OPERATIONS_ADDR", c.OperationsAddr
		if name == "gateway" {
			variable, addr = "HTTP_ADDR", c.HTTPAddr
		}
		if err := checkListen(ctx, variable, addr, p.Name+" "+name); err != nil {
			return err
		}
		stores := store.Given(c)
		log.Info("the stores of this process", "stores", stores.Names())
		s := newSystem(p, c, stores, log)
		component, err := s.Component(name)
		if err != nil {
			return err
		}
		s.OperationsAddr = c.OperationsAddr
		return lifecycle.Run(ctx, log, s.Traces(), component)
	}
}

func newSystem(p Process, c config.Config, stores *store.Stores, log *slog.Logger) *system.System {
	return &system.System{
		Config: c, DatabaseURL: stores.DatabaseURL, NATSURL: stores.NATSURL, NATS: stores.NATS(), Log: log, Registry: telemetry.NewRegistryOf(p.Build), Build: p.Build,
		OnNewAdminKey: func(key string) {
			fmt.Fprintf(p.Stdout, "A first admin API key was made. It is shown this once: %s\n", key)
		},
	}
}

// runKeys makes keys for operators.
func runKeys(ctx context.Context, p Process, c config.Config, args []string) error {
	switch {
	case len(args) > 0 && args[0] == rotateWord:
		return runRotate(ctx, p, c, args[1:])
	case len(args) == 1 && args[0] == "new-sealing-key":
		key, err := oauth.NewSealingKey()
		if err != nil {
			return err
		}
		fmt.Fprintln(p.Stdout, key)
		return nil
	case len(args) == 2 && args[0] == "init":
		if err := deployment.MakeSecrets(args[1], deployment.ComposeHosts()); err != nil {
			return err
		}
		fmt.Fprintf(p.Stdout, "The secrets of docker-compose.yml are in %s. Keep a copy of sealing_key: without it people must connect again.\n", args[1])
		return nil
	default:
		return fmt.Errorf("%w: stridelog keys new-sealing-key | keys init DIR | keys rotate-sealing-key [STEP]", errUsage)
	}
}
