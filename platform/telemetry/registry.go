package telemetry

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// NewRegistry is NewRegistryOf a program that has no build arguments.
func NewRegistry() *prometheus.Registry { return NewRegistryOf(ReadBuild("", "", "")) }

// NewRegistryOf is a metrics registry that has Go's and the process's own figures
// and what the process was built from.
func NewRegistryOf(b Build) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(b))
	return r
}

// Register registers metrics, of which the words say whose they are. Without a
// registry it does nothing.
func Register(r prometheus.Registerer, of string, metrics ...prometheus.Collector) error {
	if r == nil {
		return nil
	}
	for _, m := range metrics {
		if err := r.Register(m); err != nil {
			return fmt.Errorf("register the metrics of %s: %w", of, err)
		}
	}
	return nil
}
