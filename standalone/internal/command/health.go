package command

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stridelog/stridelog/platform/httpserver"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

const healthPatience = 5 * time.Second

// runHealth asks the service in the same container whether it is ready, and exits
// with 1 when it is not. The image has no shell and no curl that could.
func runHealth(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: stridelog health takes no arguments; it asks OPERATIONS_ADDR, or HTTP_ADDR where that is unset", errUsage)
	}
	addr := c.OperationsAddr
	if addr == "" {
		addr = c.HTTPAddr
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	url := "http://" + net.JoinHostPort(host, port) + "/readyz"
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health: %s answers %s", url, resp.Status)
	}
	fmt.Fprintln(p.Stdout, "ready")
	return nil
}

// withOperations puts /healthz, /readyz and /metrics beside a service that has no
// HTTP server of its own, where OPERATIONS_ADDR says.
func withOperations(s *system.System, service lifecycle.Component) []lifecycle.Component {
	var started atomic.Bool
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{}))
	routes.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	routes.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !started.Load() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	server := httpserver.New(httpserver.Options{Name: "operations", Addr: s.Config.OperationsAddr, Handler: routes, Log: s.Log})
	return []lifecycle.Component{
		{Name: "operations", Run: server.Run},
		service,
		{Name: "started", Run: func(ctx context.Context, ready func()) error {
			started.Store(true)
			defer started.Store(false)
			ready()
			<-ctx.Done()
			return nil
		}},
	}
}
