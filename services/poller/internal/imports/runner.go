package imports

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Runner runs imports. All fields but MaxRecords, Fenced, Metrics and Hooks are required.
type Runner struct {
	Log         *slog.Logger
	Store       *store.Store
	Bus         *bus.Bus
	Importers   provider.Importers
	Normalizers provider.Normalizers // for how long known records last
	MaxRecords  int                  // of one export; zero is what the importer bounds
	Lease       time.Duration
	Now         func() time.Time
	Fenced      <-chan struct{} // wakes when some lease may have been taken away
	Metrics     *Metrics
	Hooks       Hooks
}

// Hooks let a test stop an import where a crash would hurt most. An error leaves
// everything as it is, as kill -9 would.
type Hooks struct {
	// Published is called when a page's facts are in the log.
	Published func() error
	// Finished is called when the import's end is stored and the upload is still there.
	Finished func() error
}

// The codes of an import's error, beside those of provider.ArchiveError.
const (
	codeUploadGone  = "upload_gone"
	codeInterrupted = "interrupted"
	codeUnavailable = "unavailable"
	codeRejected    = "records_rejected"
	codeUnreadable  = "files_unreadable"
	codePartMissing = provider.NotePartMissing
)

// outcomeOf is the status of an import that came to its end.
func outcomeOf(r Report) (status string, failure *store.ImportError) {
	unreadable := 0
	for _, f := range r.Files {
		if f.Problem != "" || f.Skipped[provider.SkipBroken] > 0 || f.Skipped[provider.SkipTooLarge] > 0 {
			unreadable++
		}
	}
	missing := false
	for _, n := range r.Notes {
		missing = missing || n == provider.NotePartMissing
	}
	switch {
	case unreadable > 0:
		return store.ImportPartial, &store.ImportError{Code: codeUnreadable,
			Message: fmt.Sprintf("%d files could not be read to their end, or hold records that could not; the report names them. Everything else is imported: after a new download, import again, which adds only what is missing.", unreadable)}
	case r.Counts.Rejected > 0:
		return store.ImportPartial, &store.ImportError{Code: codeRejected,
			Message: fmt.Sprintf("%d records were not understood; the log keeps them as they are, and a later version may show them.", r.Counts.Rejected)}
	case missing:
		return store.ImportPartial, &store.ImportError{Code: codePartMissing,
			Message: "The archive is such an export, but holds no activities. If it came in several parts, import the other parts too."}
	default:
		return store.ImportSuccess, nil
	}
}

// Run brings paths in under a lease and stores how it ended. An error is one of
// ours or a lost lease; what is wrong with the archive ends in the status.
func (r *Runner) Run(ctx context.Context, l store.ImportLease, paths []string, show func(Report)) (Report, string, *store.ImportError, error) {
	return r.run(ctx, r.hold(l), paths, show)
}

func (r *Runner) run(ctx context.Context, held *lease, paths []string, show func(Report)) (done Report, status string, failure *store.ImportError, err error) {
	err = held.keep(ctx, r.Fenced, func(ctx context.Context) error {
		var work error
		done, work = r.work(ctx, held, paths, show)
		var archive *provider.ArchiveError
		switch {
		case errors.As(work, &archive):
			status, failure = store.ImportFailed, &store.ImportError{Code: archive.Code, Message: archive.Error()}
		case work != nil:
			return work
		default:
			status, failure = outcomeOf(done)
		}
		if err := held.finish(ctx, status, done, failure); err != nil {
			return err
		}
		r.Metrics.end(held.ImportLease, status, failure, done.Counts)
		return hook.Call(r.Hooks.Finished)
	})
	return done, status, failure, err
}

func (r *Runner) work(ctx context.Context, held *lease, paths []string, show func(Report)) (Report, error) {
	importer, known := r.Importers[held.Kind]
	if !known {
		return Report{}, fmt.Errorf("no importer for %q in this process", held.Kind)
	}
	began := time.Now()
	export, err := importer.Open(ctx, paths, provider.ImportOptions{TimeZone: held.TimeZone, MaxRecords: r.MaxRecords})
	if err != nil {
		return newTally().report(), err
	}
	if export.Provider() != held.Provider {
		return Report{}, errors.Join(fmt.Errorf("an importer of kind %s hands over records of %s", held.Kind, export.Provider()), export.Close())
	}
	one := &run{
		Runner: r, lease: held, known: newKnowledge(*held.StartedAt, r.Normalizers, export), tally: newTally(),
		began: began, log: ledger.Open(r.Bus, events.FenceActivity, held.Provider, held.UserID, 0), show: show,
	}
	done, err := one.bringIn(ctx, export)
	return done, errors.Join(err, export.Close())
}

// Abandon ends an import whose process gives up for a cause, so that nobody waits
// for it. After a hook's crash it does nothing, as after kill -9.
func (r *Runner) Abandon(ctx context.Context, l store.ImportLease, cause error) error {
	var stopped hook.Crash
	if errors.As(cause, &stopped) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	why := interrupted()
	err := r.Store.FinishImport(ctx, l, store.ImportFailed, nil, &why, r.Now())
	return errors.Join(err, r.Store.ReleaseImport(ctx, l))
}
