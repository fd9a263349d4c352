package telemetry

import (
	"cmp"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// unknown stands where neither a build argument nor a stamp says anything.
const unknown = "unknown"

// Build says what this program was made from. What nobody said is "unknown".
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	// Time is what a build argument says, else that of the commit (RFC 3339).
	Time string `json:"build_time"`
	Go   string `json:"go_version"`
	// Modified says that the files differed from those of the commit.
	Modified bool `json:"modified"`
}

// ReadBuild is what the build arguments say and, for each that is empty, what Go
// stamped from the repository. Without a repository, as in a container's build or an
// unpacked archive, there are no stamps.
func ReadBuild(version, commit, built string) Build {
	b := Build{Version: version, Commit: commit, Time: built}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.fill(info)
	}
	b.Version, b.Commit = cmp.Or(b.Version, unknown), cmp.Or(b.Commit, unknown)
	b.Time, b.Go = cmp.Or(b.Time, unknown), cmp.Or(b.Go, unknown)
	return b
}

// fill takes from the stamps what is not known yet.
func (b *Build) fill(info *debug.BuildInfo) {
	b.Go = info.GoVersion
	if info.Main.Version != "(devel)" { // Go's word for "not known"
		b.Version = cmp.Or(b.Version, info.Main.Version)
	}
	stamp := map[string]string{}
	for _, s := range info.Settings {
		stamp[s.Key] = s.Value
	}
	if revision := stamp["vcs.revision"]; b.Commit == "" || b.Commit == revision {
		b.Commit = revision
		b.Time = cmp.Or(b.Time, stamp["vcs.time"])
		b.Modified = stamp["vcs.modified"] == "true"
	}
}

// buildInfo is a gauge that is always 1; its labels are what it says.
func buildInfo(b Build) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "stridelog_build_info", Help: "What this process was built from.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Commit, "built": b.Time, "goversion": b.Go},
	}, func() float64 { return 1 })
}
