package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	monitorPatience = 2 * time.Second
	monitorAnswer   = 4 << 20 // bytes, far above what a server says
)

// monitored is what NATS says on its monitoring port and not to its clients.
type monitored struct {
	Now       time.Time `json:"now"`
	JetStream struct {
		Config struct {
			StoreDir     string        `json:"store_dir"`
			MaxStorage   int64         `json:"max_storage"`
			SyncInterval time.Duration `json:"sync_interval"`
			SyncAlways   bool          `json:"sync_always"`
		} `json:"config"`
		Stats struct {
			Storage int64 `json:"storage"`
		} `json:"stats"`
	} `json:"jetstream"`
}

// askMonitor asks the monitoring port (http://host:8222). No error shows a password of
// the URL.
func askMonitor(ctx context.Context, monitorURL string) (m monitored, err error) {
	ctx, cancel := context.WithTimeout(ctx, monitorPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(monitorURL, "/")+"/varz", nil)
	if err != nil {
		return m, errors.New("NATS_MONITOR_URL is not a URL")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // the URL is left out
		}
		return m, fmt.Errorf("ask NATS at %s: %w", req.URL.Host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return m, fmt.Errorf("ask NATS at %s: it answers %s", req.URL.Host, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, monitorAnswer)).Decode(&m); err != nil {
		return m, fmt.Errorf("ask NATS at %s: the answer is not that of a NATS server", req.URL.Host)
	}
	return m, nil
}
