package health

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves /healthz, /readyz and /metrics for a service without an API of
// its own, in the same shapes as the gateway's.
//
// /healthz answers 200 as long as the process does. /readyz answers 503 while a
// check fails, and then says how each stands; with ?verbose it does so always and
// tells how far the consumers are behind, and without it what the checks have for
// everybody.
func Handler(log *slog.Logger, registry *prometheus.Registry, reporter *Reporter) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(log, w, http.StatusOK, map[string]any{"status": OK})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		verbose, asked := r.URL.Query().Has("verbose"), reporter.Report
		if verbose {
			asked = reporter.Verbose
		}
		report := asked(r.Context())
		status, body := http.StatusOK, map[string]any{"status": "ready"}
		switch {
		case !report.Ready:
			status, body = http.StatusServiceUnavailable, map[string]any{"status": "not ready", "checks": report.Says}
		case verbose:
			body["checks"] = report.Says
		case len(report.Notices) > 0:
			body["checks"] = report.Notices
		}
		answer(log, w, status, body)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

func answer(log *slog.Logger, w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Debug("an operator went away before the answer", "error", err)
	}
}
