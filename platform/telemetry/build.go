package telemetry

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

const unknown = "unknown"

// build says what this program was made from.
type build struct{ version, revision, goVersion string }

func readBuild() build {
	b := build{version: unknown, revision: unknown, goVersion: unknown}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.version, b.goVersion = info.Main.Version, info.GoVersion
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.revision = s.Value
		}
	}
	return b
}

// buildInfo is a gauge that is always 1; its labels are what it says.
func buildInfo() prometheus.Collector {
	b := readBuild()
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "stridelog_build_info", Help: "What this process was built from.",
		ConstLabels: prometheus.Labels{"version": b.version, "revision": b.revision, "goversion": b.goVersion},
	}, func() float64 { return 1 })
}
