package system

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/health"
	"github.com/stridelog/stridelog/platform/httpserver"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/platform/telemetry"
)

// lastSpans is how long the end of a process may wait for the export of its spans.
const lastSpans = 5 * time.Second

// Traces is the component that exports spans, where the environment wants it. It
// comes before all others, so that it ends after them.
func (s *System) Traces() lifecycle.Component {
	return lifecycle.Component{Name: "traces", Run: func(ctx context.Context, ready func()) error {
		if s.Config.Tracing {
			exporter, err := telemetry.NewExporter(ctx)
			if err != nil {
				return err
			}
			s.tracing = telemetry.NewTracing(exporter, s.Log)
			s.tracing.Version = s.Build.Version
		}
		ready()
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSpans)
		defer cancel()
		if err := s.tracing.Close(ctx); err != nil {
			s.Log.Warn("the last traces are lost", "error", err)
		}
		return nil
	}}
}

// tables are the checks of the gateway for a projector in the same process.
func (s *System) tables() []health.Check {
	if s.folds.Load() == nil {
		return nil
	}
	return []health.Check{s.tablesCheck()}
}

// tablesCheck tells how the projector's tables stand. They can be read all the time.
func (s *System) tablesCheck() health.Check {
	return health.Check{Name: "workout tables", Notice: true, Probe: func(context.Context) (string, error) {
		if folds := s.folds.Load(); folds != nil {
			return folds.LayoutStatus(), nil
		}
		return "not looked at yet", nil
	}}
}

// withOperations runs a service and beside it /healthz, /readyz and /metrics, which
// answer from before the service has started until after it has stopped.
func (s *System) withOperations(ctx context.Context, c clients, service lifecycle.Component) error {
	var started atomic.Bool
	itself := health.Check{Name: service.Name, Probe: func(context.Context) (string, error) {
		if !started.Load() {
			return "", errors.New("the service has not started")
		}
		return health.OK, nil
	}}
	checks := append([]health.Check{health.Database(c.db), health.NATS(c.bus), itself}, s.streams()...)
	if service.Name == "projector" {
		checks = append(checks, s.tablesCheck())
	}
	reporter := &health.Reporter{Log: c.log, Checks: func() []health.Check { return checks }, Buses: func() []*bus.Bus { return []*bus.Bus{c.bus} }}
	if err := s.Registry.Register(health.NewCollector(reporter)); err != nil {
		return fmt.Errorf("register the metrics of readiness: %w", err)
	}
	server := httpserver.New(httpserver.Options{
		Name: "operations", Addr: s.OperationsAddr, Log: c.log, Handler: health.Handler(c.log, s.Registry, reporter),
	})
	return lifecycle.Run(ctx, c.log,
		lifecycle.Component{Name: "operations", Run: server.Run},
		lifecycle.Component{Name: service.Name, Run: func(ctx context.Context, ready func()) error {
			return service.Run(ctx, func() { started.Store(true); ready() })
		}})
}

// beside are the checks of the gateway that are not its own.
func (s *System) beside() []health.Check { return append(s.streams(), s.tables()...) }

// streams are the checks that ask whether the log takes writes and has every consumer
// that is read from.
func (s *System) streams() []health.Check {
	consumers := health.Consumers(s.opened.list)
	if s.NATS == nil {
		return []health.Check{health.Log(s.opened.list, health.RestartNATS), consumers}
	}
	disk := health.Check{Name: "disk", Probe: func(ctx context.Context) (string, error) {
		says, err := s.NATS.TakesWrites(ctx)
		if err != nil {
			return "", health.Fault{Says: says, Err: err}
		}
		return says, nil
	}}
	return []health.Check{health.Log(s.opened.list, health.NATSRestartsOwn), disk, consumers}
}
