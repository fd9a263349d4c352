package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/standalone/internal/backup"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

const backupHelp = `usage: stridelog backup FOLDER

Writes everything but uploads and the sealing key into FOLDER, which is empty or does
not exist: the database (by pg_dump), every stream with its consumers, the list of
erasures, and at last manifest.json. The system may run, and be written to. A folder
without manifest.json is no backup: remove it and begin again.

The sealing key is not in it. Keep it elsewhere: with the backup it opens accounts.
`

// erasuresName is the list of erasures in a data directory.
const erasuresName = "erasures.jsonl"

// runBackup writes the stores into a folder.
func runBackup(ctx context.Context, p Process, c config.Config, args []string) error {
	flags := newFlags(p, "backup")
	flags.Usage = func() { fmt.Fprint(p.Stderr, backupHelp) }
	folder, err := parseWord(flags, args)
	switch {
	case err != nil:
		return err
	case folder == "":
		return fmt.Errorf("%w: stridelog backup FOLDER", errUsage)
	}
	stores, log, err := reach(ctx, p, c, "backup")
	if err != nil {
		return err
	}
	defer stores.Close()
	began := time.Now()
	return withStores(ctx, stores, "backup", log, func(db *pgxpool.Pool, b *bus.Bus) error {
		if err := errors.Join(system.CheckWhole(ctx, db), system.CheckPair(ctx, db, b)); err != nil {
			return err
		}
		m, err := backup.Source{
			DatabaseURL: stores.DatabaseURL, DB: db, Bus: b, PGBin: c.PGBin, ErasuresFile: erasuresFile(c, stores), Program: program(p),
			Tell: progressPrinter(p),
		}.Take(ctx, folder)
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		writeBackup(p, folder, m, time.Since(began))
		return nil
	})
}

func writeBackup(p Process, folder string, m backup.Manifest, took time.Duration) {
	var bytes int64
	for _, f := range m.Files {
		bytes += f.Size
	}
	var messages uint64
	for _, s := range m.Streams {
		messages += s.Messages
	}
	fmt.Fprintf(p.Stdout, "Backed up %d messages of %d streams and the database of PostgreSQL %d into %s: %d bytes in %d files, %d erasures, in %s.\n",
		messages, len(m.Streams), m.Database.PostgresMajor, folder, bytes, len(m.Files), m.Erasures, took.Round(time.Millisecond))
	fmt.Fprintln(p.Stdout, "The sealing key is not in it: without it no token opens. Keep a copy of it in another place.")
}

// erasuresFile is the list of erasures of the system that the stores belong to; empty:
// none is known.
func erasuresFile(c config.Config, stores *store.Stores) string {
	if c.ErasuresFile == "" && stores.DataDir != "" {
		return filepath.Join(stores.DataDir, erasuresName)
	}
	return c.ErasuresFile
}

func progressPrinter(p Process) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(p.Stderr, format+"\n", args...) }
}

// program is what runs here.
func program(p Process) backup.Program {
	return backup.Program{Version: p.Build.Version, Commit: p.Build.Commit}
}

// withStores connects to both stores with rights of their own user.
func withStores(ctx context.Context, stores *store.Stores, name string, log *slog.Logger, fn func(*pgxpool.Pool, *bus.Bus) error) error {
	db, err := postgres.Open(ctx, stores.DatabaseURL, postgres.Options{ApplicationName: "stridelog-" + name, MaxConns: 2, Log: log})
	if err != nil {
		return err
	}
	defer db.Close()
	nc, err := bus.Connect(ctx, stores.NATSURL, name, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	b, err := bus.New(nc, log)
	if err != nil {
		return err
	}
	return fn(db, b)
}
