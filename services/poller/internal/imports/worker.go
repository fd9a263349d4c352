package imports

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/poller/internal/hook"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

const (
	// idle bounds a sleep: an import that became due without a notification is
	// found by then.
	idle = 30 * time.Second
	// pause is the shortest sleep.
	pause = time.Second
	// tries is how often in a row an import may fail for a reason of ours.
	tries     = 20
	lastPause = 5 * time.Minute
)

// Worker brings in what was uploaded, several imports at a time.
type Worker struct {
	*Runner
	Places int    // imports at a time; at least 1
	dir    string // of the files under way
	owner  string
	fences fences
}

// NewWorker makes a worker that does not run yet.
func NewWorker(r *Runner, places int) *Worker {
	return &Worker{Runner: r, Places: places, owner: events.NewID()}
}

func interrupted() store.ImportError {
	return store.ImportError{Code: codeInterrupted, Message: "The command that ran this import ended before it was done. Run it again: it goes on with what is missing."}
}

// serve works on one import and gives it back.
func (w *Worker) serve(ctx context.Context, held *lease) error {
	err := w.bringIn(ctx, held)
	if err == nil {
		err = held.keep(ctx, w.Fenced, func(ctx context.Context) error { return w.discard(ctx, held) })
	}
	var stopped hook.Crash
	if errors.As(err, &stopped) {
		return err
	}
	tidy, done := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer done()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrFenced):
		w.Log.InfoContext(ctx, "the import was taken away; dropped the work", "import_id", held.ID)
		return w.Store.ReleaseImport(tidy, held.ImportLease)
	case ctx.Err() != nil:
		return w.Store.ReleaseImport(tidy, held.ImportLease)
	case errors.Is(err, bus.ErrUploadGone):
		return w.giveUp(tidy, held, store.ImportError{Code: codeUploadGone,
			Message: fmt.Sprintf("The upload waited for longer than %v, or was deleted. Upload it again.", events.UploadRetention)})
	case held.Attempts+1 >= tries:
		w.Log.ErrorContext(ctx, "an import is given up", "import_id", held.ID, "error", err)
		return w.giveUp(tidy, held, store.ImportError{Code: codeUnavailable,
			Message: "The import failed several times for a reason of this installation, which the poller's log names. Upload the archive again once that is repaired: it goes on with what is missing."})
	default:
		rest := min(pause<<held.Attempts, lastPause)
		return errors.Join(err, w.Store.PutOffImport(tidy, held.ImportLease, w.Now().Add(rest/2+rand.N(rest/2))))
	}
}

func (w *Worker) giveUp(ctx context.Context, held *lease, why store.ImportError) error {
	if err := w.Store.FinishImport(ctx, held.ImportLease, store.ImportFailed, nil, &why, w.Now()); err != nil {
		return err
	}
	w.Metrics.end(held.ImportLease, store.ImportFailed, &why, Counts{})
	return w.discard(ctx, held)
}

// bringIn fetches the upload and runs the import. One that ended already has only
// its upload left to be deleted.
func (w *Worker) bringIn(ctx context.Context, held *lease) error {
	if held.Status != store.ImportRunning {
		return nil
	}
	dir := filepath.Join(w.dir, held.ID)
	if err := os.RemoveAll(dir); err != nil { // what a crash left here
		return fmt.Errorf("make room for an upload: %w", err)
	}
	defer os.RemoveAll(dir)
	var paths []string
	err := held.keep(ctx, w.Fenced, func(ctx context.Context) error {
		for i, u := range held.Uploads {
			path := filepath.Join(dir, storedName(i, u.File))
			if err := w.fetch(ctx, u, path); err != nil {
				return err
			}
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	done, status, _, err := w.run(ctx, held, paths, nil)
	if err == nil {
		w.Log.InfoContext(ctx, "an import ended", "import_id", held.ID, "user_id", held.UserID, "status", status,
			"found", done.Counts.Found, "imported", done.Counts.Imported, "enriched", done.Counts.Enriched, "dry_run", held.DryRun)
	}
	return err
}

func (w *Worker) fetch(ctx context.Context, u rpc.Upload, path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make room for an upload; TMPDIR can name another folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make room for an upload: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := w.Bus.Download(ctx, u, f); err != nil {
		return fmt.Errorf("fetch an upload of %d bytes to %s: %w", u.Bytes, filepath.Dir(w.dir), err)
	}
	return nil
}

// discard deletes the uploads and then forgets them.
func (w *Worker) discard(ctx context.Context, held *lease) error {
	for _, u := range held.Uploads {
		if err := w.Bus.DeleteUpload(ctx, u); err != nil {
			return err
		}
	}
	return w.Store.CloseImport(ctx, held.ImportLease)
}

// sweep makes the folder of the files under way, which is the system's own on this
// machine, and deletes what crashed workers left in it.
func (w *Worker) sweep(ctx context.Context) error {
	epoch, err := w.Bus.Epoch(ctx, events.StreamFacts)
	if err != nil {
		return err
	}
	w.dir = filepath.Join(os.TempDir(), "stridelog-imports-"+baseName(epoch))
	left, err := os.ReadDir(w.dir)
	if err != nil { // none yet: it is made when there is something to import
		return nil //nolint:nilerr // what is wrong with it shows then
	}
	leased, err := w.Store.LeasedImports(ctx, w.Now())
	if err != nil {
		return err
	}
	for _, entry := range left {
		if leased[entry.Name()] {
			continue
		}
		if err := os.RemoveAll(filepath.Join(w.dir, entry.Name())); err != nil {
			w.Log.WarnContext(ctx, "the files of an import that crashed stay; delete them", "folder", w.dir, "error", err)
		}
	}
	return nil
}
