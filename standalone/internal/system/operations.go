package system

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

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
	server := httpserver.New(httpserver.Options{
		Name: "operations", Addr: s.OperationsAddr, Log: c.log,
		Handler: health.Handler(c.log, s.Registry, c.bus, health.Database(c.db), health.NATS(c.bus), itself),
	})
	return lifecycle.Run(ctx, c.log,
		lifecycle.Component{Name: "operations", Run: server.Run},
		lifecycle.Component{Name: service.Name, Run: func(ctx context.Context, ready func()) error {
			return service.Run(ctx, func() { started.Store(true); ready() })
		}})
}
