package command

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/stridelog/stridelog/standalone/internal/config"
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
