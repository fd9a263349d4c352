package poller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/services/poller/internal/imports"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Import is an export archive to be brought in by this process.
type Import struct {
	UserID string // of a user that exists; the caller has looked
	Kind   string // of Config.Importers
	Paths  []string
	// DryRun compares and counts, and publishes nothing.
	DryRun bool
	// TimeZone is the IANA name of the zone that the person lived in. It counts where
	// neither a record nor the profile tells an offset; empty when nothing is stated.
	TimeZone string
}

// ImportReport says how far an import is and, at the end, what it did.
type ImportReport = imports.Report

// ImportFile is what became of the records of one file.
type ImportFile = imports.File

// Imported says how an import ended.
type Imported struct {
	ID     string
	Status string // success, partial or failed
	ImportReport
	// Code and Message say why the status is not success.
	Code, Message string
}

// Import brings an export archive in, beside a running poller or alone, and stores
// what it did as an uploaded one's import would be. progress may be nil. What is
// wrong with the archive ends in the status; an error is one of the stores, and
// calling again goes on with what is missing.
func (s *Service) Import(ctx context.Context, i Import, progress func(ImportReport)) (Imported, error) {
	if err := store.Migrate(ctx, s.config.DB); err != nil {
		return Imported{}, err
	}
	runner := s.importer(store.New(s.config.DB))
	provider, known := runner.Provider(i.Kind)
	if !known {
		return Imported{}, fmt.Errorf("there is no importer for %q", i.Kind)
	}
	ctx, done := context.WithCancel(ctx)
	defer done()
	var err error
	if runner.Fenced, err = postgres.Listen(ctx, s.config.DB, store.FenceChannel); err != nil {
		return Imported{}, err
	}
	lease, err := runner.Store.BeginImport(ctx, store.Import{
		ID: events.NewID(), UserID: i.UserID, Provider: provider, Kind: i.Kind, DryRun: i.DryRun, TimeZone: i.TimeZone,
		RequestedAt: s.now().UTC().Truncate(time.Microsecond),
	}, events.NewID(), runner.Lease)
	if errors.Is(err, store.ErrErased) {
		return Imported{}, fmt.Errorf("user %s is erased: nothing about them is taken any more", i.UserID)
	}
	if err != nil {
		return Imported{}, err
	}
	return s.runImport(ctx, runner, lease, i.Paths, progress)
}

func (s *Service) runImport(ctx context.Context, runner *imports.Runner, lease store.ImportLease, paths []string, progress func(ImportReport)) (Imported, error) {
	report, status, failure, err := runner.Run(ctx, lease, paths, progress)
	done := Imported{ID: lease.ID, Status: status, ImportReport: report}
	if failure != nil {
		done.Code, done.Message = failure.Code, failure.Message
	}
	if err == nil {
		return done, runner.Store.ReleaseImport(ctx, lease)
	}
	if errors.Is(err, store.ErrFenced) {
		return done, fmt.Errorf("the import was stopped: the user is being erased, or this process was held up for longer than %v; run it again: it goes on with what is missing", runner.Lease)
	}
	return done, errors.Join(err, runner.Abandon(ctx, lease, err))
}

func (s *Service) importer(st *store.Store) *imports.Runner {
	c := s.config
	return &imports.Runner{
		Log: c.Log, Store: st, Bus: c.Bus, Importers: c.Importers, Normalizers: c.Normalizers, Lease: c.Lease, Now: s.now, Hooks: s.importHooks,
	}
}
