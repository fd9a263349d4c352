package rebuild

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/platform/telemetry"
)

// LayoutStatus says for operators how the tables' layout compares with this program's.
type LayoutStatus struct {
	program int

	mu      sync.Mutex
	known   bool // whether serving is
	serving int
	does    string // what the rebuild does; empty before it begins
	refused string // why this program folds nothing at all; empty when it may

	layout     *prometheus.GaugeVec // by of: program, serving
	facts      prometheus.Gauge
	target     prometheus.Gauge
	progressAt prometheus.Gauge
	failures   prometheus.Counter
}

// NewLayoutStatus is for a program that folds into a layout; a nil registry leaves its
// metrics unregistered.
func NewLayoutStatus(layout int, r prometheus.Registerer) (*LayoutStatus, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "stridelog_projector_" + name, Help: help})
	}
	s := &LayoutStatus{
		program: layout,
		layout: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "stridelog_projector_layout", Help: "Layout of the tables: the program's, and that of the tables that serve.",
		}, []string{"of"}),
		facts:      gauge("rebuild_sequence", "Position in the log of the rebuild for a new layout."),
		target:     gauge("rebuild_target_sequence", "End of the log for the rebuild for a new layout."),
		progressAt: gauge("rebuild_progress_timestamp_seconds", "When the rebuild for a new layout last got on."),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "stridelog_projector_rebuild_failures_total", Help: "Rebuilds for a new layout that failed and are tried again.",
		}),
	}
	s.layout.WithLabelValues("program").Set(float64(layout))
	return s, telemetry.Register(r, "the layout of the projector's tables", s.layout, s.facts, s.target, s.progressAt, s.failures)
}

// String has a few words for operators: "ok", or what is going on.
func (s *LayoutStatus) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.refused != "":
		return s.refused
	case !s.known:
		return "not looked at yet"
	case s.serving == s.program:
		return "ok"
	case s.serving > s.program:
		return fmt.Sprintf("facts are not folded: the tables have layout %d and this program knows layout %d; start the newer program again", s.serving, s.program)
	}
	says := fmt.Sprintf("layout %d serves, a rebuild for layout %d ", s.serving, s.program)
	if s.does == "" {
		return says + "begins"
	}
	return says + s.does
}

// Refuse notes, for good, why this program folds nothing.
func (s *LayoutStatus) Refuse(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = why
}

func (s *LayoutStatus) serves(layout int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.serving = true, layout
	s.layout.WithLabelValues("serving").Set(float64(layout))
	if layout == s.program {
		s.does = ""
	}
}

func (s *LayoutStatus) waits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.does = "runs in another process"
}

func (s *LayoutStatus) failed() {
	s.failures.Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.does = "failed and is tried again; see the log"
}

func (s *LayoutStatus) progressed(p Progress) {
	s.facts.Set(float64(p.Sequence))
	s.target.Set(float64(p.Target))
	s.progressAt.Set(float64(time.Now().UnixMilli()) / 1000)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.does = fmt.Sprintf("runs: %s, at %d of %d, %.0f events/s", p.Phase, p.Sequence, p.Target, p.Rate)
	if p.Rate > 0 && p.Target > p.Sequence {
		left := time.Duration(float64(p.Target-p.Sequence) / p.Rate * float64(time.Second))
		s.does += ", " + left.Round(time.Second).String() + " left"
	}
}
