package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/standalone/internal/backup"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

const (
	restoreUsage = "stridelog restore FOLDER [--accept-log] [--no-owner]"
	restoreHelp  = `usage: ` + restoreUsage + `

Makes the stores again that stridelog backup wrote into FOLDER: into DATABASE_URL and
NATS_URL, or into embedded stores in STRIDELOG_DATA_DIR. Both must be empty. It compares
the folder with its manifest first, restores tables and streams, erases again whom
STRIDELOG_ERASURES_FILE (or erasures.jsonl in the data directory) or the backup names as
erased, folds the tables again from the log, and compares both at last. Nothing can run
on the stores before it has ended; it asks no provider.

`
)

// restoring is one call of restore.
type restoring struct {
	p      Process
	c      config.Config
	log    *slog.Logger
	folder string
	accept bool
	own    bool
	stores *store.Stores
	m      backup.Manifest
}

// runRestore makes stores again from a folder.
func runRestore(ctx context.Context, p Process, c config.Config, args []string) (err error) {
	r := restoring{p: p, c: c}
	flags := newFlags(p, "restore")
	flags.Usage = func() { fmt.Fprint(p.Stderr, restoreHelp); flags.PrintDefaults() }
	flags.BoolVar(&r.accept, "accept-log", false, "take the log of the backup, also when its tables were made from another one")
	flags.BoolVar(&r.own, "no-owner", false, "give everything to the role of DATABASE_URL, as where the roles of the backup do not exist")
	r.folder, err = parseWord(flags, args)
	switch {
	case err != nil:
		return err
	case r.folder == "":
		return fmt.Errorf("%w: %s", errUsage, restoreUsage)
	}
	if r.log, err = newLogger(p, c); err != nil {
		return err
	}
	if c.DatabaseURL != "" {
		r.stores = store.Given(c)
		announceStores(p, "restore", r.stores)
	}
	if r.m, err = backup.Read(r.folder); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	fmt.Fprintf(p.Stderr, "%s is whole: a backup of %s\n", r.folder, r.m.Finished.Format("2006-01-02 15:04:05 MST"))
	if r.stores != nil {
		return r.into(ctx)
	}
	return r.embedded(ctx)
}

// embedded restores into embedded stores that it makes, and takes them away again when
// that fails.
func (r restoring) embedded(ctx context.Context) (err error) {
	if err := store.CheckNew(r.c.DataDir); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if r.stores, err = store.Embed(ctx, r.c, r.log, nil); err != nil {
		return err
	}
	announceStores(r.p, "restore", r.stores)
	r.own = true // its user is the only one
	err = r.into(ctx)
	r.stores.Close()
	if err != nil && !errors.Is(err, errDiffers) {
		return errors.Join(err, store.RemoveStores(context.WithoutCancel(ctx), r.c.DataDir, r.log))
	}
	return errors.Join(err, store.UnmarkDemo(r.c.DataDir)) // no reset of a demo deletes it
}

func (r restoring) into(ctx context.Context) error {
	list, tidy, err := r.listFile()
	if err != nil {
		return err
	}
	defer tidy()
	err = withStores(ctx, r.stores, "restore", r.log, func(db *pgxpool.Pool, b *bus.Bus) error {
		target := backup.Target{
			DatabaseURL: r.stores.DatabaseURL, DB: db, Bus: b, PGBin: r.c.PGBin, Program: program(r.p), AcceptLog: r.accept, NoOwner: r.own, Tell: progressPrinter(r.p),
		}
		if newer := r.newerList(); newer != "" {
			target.ErasuresFiles = []string{newer}
		}
		if err := target.Check(ctx, r.m); err != nil {
			return err
		}
		if err := target.Fill(ctx, r.folder, r.m); err != nil {
			return err
		}
		n, err := target.Erasures(ctx, r.folder, list)
		if err != nil {
			return err
		}
		r.printErasures(n, target.ErasuresFiles)
		if err := r.settle(ctx, list); err != nil {
			return err
		}
		differs := r.verify(ctx)
		if differs != nil && !errors.Is(differs, errDiffers) {
			return differs
		}
		return errors.Join(differs, system.EndRestore(ctx, db))
	})
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	r.conclude()
	return nil
}

// newerList is the list of erasures that the operator gives, or that lies in the data
// directory already; empty: none.
func (r restoring) newerList() string {
	if r.c.ErasuresFile != "" || r.stores.DataDir == "" {
		return r.c.ErasuresFile
	}
	path := filepath.Join(r.stores.DataDir, erasuresName)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func (r restoring) printErasures(n int, files []string) {
	if len(files) == 0 {
		fmt.Fprintf(r.p.Stdout, "%d erasures are known, from the backup alone. Whoever was erased after it is back: STRIDELOG_ERASURES_FILE names a newer list.\n", n)
		return
	}
	fmt.Fprintf(r.p.Stdout, "%d erasures are known, from the backup and %s.\n", n, files[0])
}

// settle makes the restored stores a system: it erases and folds.
func (r restoring) settle(ctx context.Context, list string) error {
	s := newSystem(r.p, r.c, r.stores, r.log)
	s.Restoring, s.AcceptLog = true, r.accept
	erased, err := s.EraseRestored(ctx, list)
	if err != nil {
		return fmt.Errorf("erase again whom the backup brought back: %w", err)
	}
	fmt.Fprintf(r.p.Stdout, "Erased again, of those whom the backup brought back: %d.\n", erased)
	rebuilt, err := s.Rebuild(ctx, func(pr projector.Progress) { showProgress(r.p, pr) })
	if err != nil {
		return fmt.Errorf("fold the tables again from the log: %w", err)
	}
	writeRebuilt(r.p, rebuilt)
	return nil
}

func (r restoring) verify(ctx context.Context) error {
	s := newSystem(r.p, r.c, r.stores, r.log)
	s.Restoring = true
	line := verifyLine{p: r.p}
	v, err := s.Verify(ctx, line.difference, line.progress)
	line.end()
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return reportVerified(r.p, v)
}

// conclude says what is left for the operator.
func (r restoring) conclude() {
	if key := store.SealingKeyFile(r.c.DataDir); r.stores.DataDir != "" && r.c.SealingKey == "" {
		if _, err := os.Stat(key); err != nil {
			fmt.Fprintf(r.p.Stdout, "%s is not there. Put the sealing key there before the first start: a start without it makes another one, and then everybody must connect again.\n", key)
		}
	}
	fmt.Fprintf(r.p.Stdout, "Restored %s. Start the services with the sealing key that they had when it was made. Never run two copies of oauth or poller on one backup: the second spends the tokens of the first.\n", r.folder)
}

// listFile is where the newest list of erasures goes: into the data directory of embedded
// stores, whose gateway reads it; else into a file for the time.
func (r restoring) listFile() (path string, tidy func(), err error) {
	if r.stores.DataDir != "" {
		return filepath.Join(r.stores.DataDir, erasuresName), func() {}, nil
	}
	dir, err := os.MkdirTemp("", "stridelog-restore-")
	if err != nil {
		return "", nil, fmt.Errorf("restore: %w", err)
	}
	return filepath.Join(dir, erasuresName), func() { _ = os.RemoveAll(dir) }, nil
}
