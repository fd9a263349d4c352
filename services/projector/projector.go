// Package projector folds the facts of the log into tables and announces what
// became of them.
//
// Every table made from facts lives in a generation that can be thrown away and
// made again; see docs/decisions/0003-generations.md.
package projector

import (
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/rebuild"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// Config is what the service needs.
type Config struct {
	Log         *slog.Logger
	DB          *pgxpool.Pool
	Bus         *bus.Bus
	Normalizers provider.Normalizers // every format of every provider
	// Sources are names of providers: of records of one workout that are worth the
	// same, those of the first are shown. What is stored takes another order at the
	// next rebuild.
	Sources  []string
	Registry prometheus.Registerer // nil: no metrics
}

// Service is the projector. One process may run it, rebuild, or both.
type Service struct {
	cfg     Config
	reader  *row.Reader
	tables  *generation.Tables
	metrics *fold.Metrics
	// layout is how the tables' layout stands with this program's.
	layout *rebuild.LayoutStatus
}

// Progress says how far a rebuild is.
type Progress = rebuild.Progress

// Report says what a rebuild did.
type Report = rebuild.Report

// PhaseSwitched is the phase of a rebuild's last progress.
const PhaseSwitched = rebuild.PhaseSwitched

// ErrLogRestored says that the log is not the one that the tables were made
// from. Only a rebuild helps.
var ErrLogRestored = generation.ErrLogRestored

// ErrRebuildRunning says that a rebuild is refused because another one runs.
var ErrRebuildRunning = rebuild.ErrRunning

// New checks the configuration and registers the metrics. It touches neither
// the database nor the bus.
func New(cfg Config) (*Service, error) {
	switch {
	case cfg.Log == nil:
		return nil, errors.New("projector: Config.Log is missing")
	case cfg.DB == nil:
		return nil, errors.New("projector: Config.DB is missing")
	case cfg.Bus == nil:
		return nil, errors.New("projector: Config.Bus is missing")
	case len(cfg.Normalizers) == 0:
		return nil, errors.New("projector: Config.Normalizers is empty, so no record could be read; pass the catalog's")
	}
	metrics, err := fold.NewMetrics(cfg.Registry)
	if err != nil {
		return nil, err
	}
	layout, err := rebuild.NewLayoutStatus(generation.Layout, cfg.Registry)
	if err != nil {
		return nil, err
	}
	return &Service{
		cfg:     cfg,
		reader:  row.NewReader(cfg.Normalizers, cfg.Sources),
		tables:  generation.New(cfg.DB, cfg.Bus),
		metrics: metrics,
		layout:  layout,
	}, nil
}
