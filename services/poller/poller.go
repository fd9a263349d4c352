// Package poller decides when and what to fetch from providers, and puts every
// new or changed record into the log exactly once.
package poller

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/imports"
	"github.com/stridelog/stridelog/services/poller/internal/store"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// Defaults of the settings that may stay zero.
const (
	defaultLease   = 30 * time.Second
	defaultWorkers = 4
	defaultPlaces  = 4
	defaultConfirm = time.Hour
	defaultAbsence = 24 * time.Hour
	defaultDegrade = time.Hour
	minLease       = 200 * time.Millisecond
)

// Scan is one tier of the trailing windows: the last Span is read every Every.
// A wider scan that is due replaces the narrower ones.
type Scan struct {
	Span  time.Duration
	Every time.Duration
}

// Config is what the poller needs. DB, Bus and Log are required.
type Config struct {
	Log        *slog.Logger
	DB         *pgxpool.Pool
	Bus        *bus.Bus
	Connectors provider.Connectors // configured providers by name
	// Importers read the kinds of export archives that can be brought in; none is
	// fine.
	Importers provider.Importers
	// Normalizers tell an import how long the activities last that the log knows.
	Normalizers provider.Normalizers
	// Kinds are those that the sources of the connectors may have; none is the
	// product's.
	Kinds events.KindTable
	// InitialDays is how far back a new consent is read at once; at least 1.
	InitialDays int
	// Rescan are the tiers of the schedule; none means that nothing is polled
	// unasked.
	Rescan []Scan
	// Deep is read again behind everything else, out of at most a tenth of an
	// account's budget, each connection at a time of its own; zero: nothing is.
	Deep Scan
	// Lease is how long a dead poller holds its work. Default 30 s.
	Lease time.Duration
	// RemovalConfirm is how far apart two passes must miss a record before it
	// counts as removed. Default 1 h.
	RemovalConfirm time.Duration
	// AbsenceConfirm is how long the absence of too many records at once must last
	// before it is believed. Default 24 h.
	AbsenceConfirm time.Duration
	// DegradeAfter is how long a provider must not have answered well until its
	// connections count as degraded, as the oauth service has it. Default 1 h.
	DegradeAfter time.Duration
	// Jitter is how far a scheduled or deferred start may move, at most.
	Jitter time.Duration
	// Workers is how many connections are read at the same time. Default 4.
	Workers int
	// ImportPlaces is how many uploaded archives are brought in at the same time.
	// Default 4.
	ImportPlaces int
	// ImportMaxRecords is how many records an uploaded archive may have. Zero is what
	// the importer bounds.
	ImportMaxRecords int
	// Registry takes the metrics; nil keeps none.
	Registry prometheus.Registerer
	// Traces makes the spans of pages; nil makes none.
	Traces trace.TracerProvider
}

// Service is a poller. Make it with New, run it with Run.
type Service struct {
	config Config
	// now and hooks are the real clock and no hooks outside this package's tests.
	now         func() time.Time
	hooks       work.Hooks
	importHooks imports.Hooks
}

// New checks the configuration and wires the service. It touches neither the
// database nor NATS. The error names every fault.
func New(c Config) (*Service, error) {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.Log == nil || c.DB == nil || c.Bus == nil {
		fault("poller: Log, DB and Bus are required")
	}
	if c.InitialDays < 1 {
		fault("poller: InitialDays is %d; it must be at least 1", c.InitialDays)
	}
	seen := map[time.Duration]bool{}
	for _, s := range c.Rescan {
		if s.Span < time.Second || s.Every <= 0 {
			fault("poller: the scan %v@%v needs a span of at least 1 s and an interval above zero", s.Span, s.Every)
		}
		if seen[s.Span] {
			fault("poller: two scans have the span %v; keep one", s.Span)
		}
		seen[s.Span] = true
	}
	if d := c.Deep; d != (Scan{}) && (d.Span < time.Second || d.Every <= 0) {
		fault("poller: the deep scan %v@%v needs a span of at least 1 s and an interval above zero", d.Span, d.Every)
	}
	if len(c.Kinds.All()) == 0 {
		c.Kinds = events.Kinds()
	}
	for name, connector := range c.Connectors {
		for _, source := range connector.Sources {
			if _, known := c.Kinds.Find(source.Kind); !known {
				fault("poller: the source %q of %s gives records of kind %q, which is not in Kinds; add the kind or take the source out", source.Name, name, source.Kind)
			}
		}
	}
	if c.Traces == nil {
		c.Traces = noop.NewTracerProvider()
	}
	if c.Lease == 0 {
		c.Lease = defaultLease
	}
	if c.Lease < minLease {
		fault("poller: Lease is %v; it must be at least %v", c.Lease, minLease)
	}
	if c.RemovalConfirm == 0 {
		c.RemovalConfirm = defaultConfirm
	}
	if c.RemovalConfirm < 0 {
		fault("poller: RemovalConfirm is %v; it must be above zero", c.RemovalConfirm)
	}
	if c.AbsenceConfirm == 0 {
		c.AbsenceConfirm = defaultAbsence
	}
	if c.AbsenceConfirm < 0 {
		fault("poller: AbsenceConfirm is %v; it must be above zero", c.AbsenceConfirm)
	}
	if c.DegradeAfter == 0 {
		c.DegradeAfter = defaultDegrade
	}
	if c.DegradeAfter < 0 {
		fault("poller: DegradeAfter is %v; it must be above zero", c.DegradeAfter)
	}
	if c.Jitter < 0 {
		fault("poller: Jitter is %v; it cannot be negative", c.Jitter)
	}
	if c.Workers == 0 {
		c.Workers = defaultWorkers
	}
	if c.ImportPlaces == 0 {
		c.ImportPlaces = defaultPlaces
	}
	if c.ImportPlaces < 0 || c.ImportMaxRecords < 0 {
		fault("poller: ImportPlaces is %d and ImportMaxRecords %d; they cannot be negative", c.ImportPlaces, c.ImportMaxRecords)
	}
	if c.Workers < 0 {
		fault("poller: Workers is %d; it must be at least 1", c.Workers)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Service{config: c, now: time.Now}, nil
}

// tiers are the scans in the store's words.
func (s *Service) tiers() []store.Tier {
	tiers := make([]store.Tier, 0, len(s.config.Rescan))
	for _, scan := range s.config.Rescan {
		tiers = append(tiers, store.Tier{Span: scan.Span, Every: scan.Every})
	}
	return tiers
}

func (s *Service) deep() *store.Tier {
	if s.config.Deep == (Scan{}) {
		return nil
	}
	return &store.Tier{Span: s.config.Deep.Span, Every: s.config.Deep.Every}
}
