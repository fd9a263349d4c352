package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// Errors of a target.
var (
	// ErrNotEmpty says that stores hold something already.
	ErrNotEmpty = errors.New("a backup is restored into empty stores only, and nothing was changed")
	// ErrOtherLog says that tables and log of a backup do not belong together.
	ErrOtherLog = errors.New("the tables of this backup were not made from its log")
)

// Target is where a backup is restored to: two empty stores.
type Target struct {
	DatabaseURL string
	DB          *pgxpool.Pool
	Bus         *bus.Bus
	PGBin       string // where pg_restore is looked for first
	// ErasuresFiles are lists of erasures that may be newer than the backup's.
	ErasuresFiles []string
	Program       Program
	// AcceptLog takes a log that the tables were not made from.
	AcceptLog bool
	// NoOwner gives everything to the role of DatabaseURL.
	NoOwner bool
	// Tell says what was done.
	Tell func(format string, args ...any)
}

// Check says whether a backup can be restored here. It changes nothing.
func (t Target) Check(ctx context.Context, m Manifest) error {
	for _, name := range t.ErasuresFiles {
		if _, err := os.Stat(name); err != nil {
			return fmt.Errorf("the newest list of erasures (STRIDELOG_ERASURES_FILE): %w; name the file that there is, or unset the variable if nobody was erased since the backup", err)
		}
	}
	if err := t.checkProgram(m); err != nil {
		return err
	}
	if err := t.checkEmpty(ctx); err != nil {
		return err
	}
	i := slices.IndexFunc(m.Streams, func(s Stream) bool { return s.Name == events.StreamFacts })
	if m.Database.LogEpoch != "" && (i < 0 || m.Streams[i].Epoch != m.Database.LogEpoch) && !t.AcceptLog {
		return fmt.Errorf("%w: they are of two systems, or the log was restored before. `stridelog restore --accept-log` makes the tables anew from the log", ErrOtherLog)
	}
	return nil
}

// checkProgram refuses a backup of a later program: its tables are not known here.
func (t Target) checkProgram(m Manifest) error {
	if later(m.Program.Version, t.Program.Version) {
		return fmt.Errorf("%w: version %s made it, this is %s: restore with that version or a later one", ErrFormat, m.Program.Version, t.Program.Version)
	}
	mine := system.SchemaVersions()
	for schema, version := range m.Database.Schemas {
		if version > mine[schema] {
			return fmt.Errorf("%w: its schema %s has version %d, and this program knows %d: restore with the program that made it (%s) or a later one", ErrFormat, schema, version, mine[schema], m.Program)
		}
	}
	return nil
}

// later compares two versions v1.2.3. What is none, as of a build by hand, is not
// compared; the versions of the schemas are.
func later(a, b string) bool {
	x, okX := numbers(a)
	y, okY := numbers(b)
	return okX && okY && slices.Compare(x, y) > 0
}

func numbers(version string) (list []int, ok bool) {
	if !strings.HasPrefix(version, "v") {
		return nil, false
	}
	version, _, _ = strings.Cut(version[1:], "+")
	version, _, _ = strings.Cut(version, "-")
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		list = append(list, n)
	}
	return list, len(list) == 3
}

func (t Target) checkEmpty(ctx context.Context) error {
	if err := system.CheckWhole(ctx, t.DB); err != nil {
		return err
	}
	var table *string
	err := t.DB.QueryRow(ctx, `SELECT min(format('%I.%I', n.nspname, c.relname)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`).Scan(&table)
	if err != nil {
		return fmt.Errorf("look whether the database is empty: %w", err)
	}
	if table != nil {
		return fmt.Errorf("%w: the database is not empty, it has %s", ErrNotEmpty, *table)
	}
	streams, err := names(ctx, t.Bus)
	if err != nil {
		return err
	}
	if len(streams) > 0 {
		return fmt.Errorf("%w: NATS is not empty, it has stream %s", ErrNotEmpty, streams[0])
	}
	return nil
}

// Fill copies the backup into the stores: the tables, then the streams, that of the facts
// last. Nothing runs on the stores before system.EndRestore.
func (t Target) Fill(ctx context.Context, folder string, m Manifest) error {
	have, err := major(ctx, t.DB)
	if err != nil {
		return err
	}
	if have < m.Database.PostgresMajor {
		return fmt.Errorf("the backup is of PostgreSQL %d and the server is %d: restore into %d or newer", m.Database.PostgresMajor, have, m.Database.PostgresMajor)
	}
	restore, err := findClient(ctx, "pg_restore", t.PGBin, t.DatabaseURL, have)
	if err != nil {
		return err
	}
	if err := system.BeginRestore(ctx, t.DB); err != nil {
		return err
	}
	args := []string{"--exit-on-error", "--single-transaction", "--clean", "--if-exists"}
	if t.NoOwner {
		args = append(args, "--no-owner", "--no-privileges")
	}
	if err := restore.run(ctx, append(args, filepath.Join(folder, tablesName))...); err != nil {
		// One transaction: the database is as before, and may be tried again.
		return errors.Join(fmt.Errorf("restore the tables: %w; nothing was changed; where roles are missing, make them first (the files in deploy/postgres/init), or give everything to your own role with --no-owner", err),
			system.EndRestore(context.WithoutCancel(ctx), t.DB))
	}
	t.Tell("%s is restored", tablesName)
	streams := slices.Clone(m.Streams)
	slices.SortStableFunc(streams, func(a, b Stream) int { // whoever finds the facts finds all
		return facts(a) - facts(b)
	})
	for _, s := range streams {
		if err := t.stream(ctx, folder, s); err != nil {
			return err
		}
		t.Tell("%s is restored: %d messages up to sequence %d", s.Name, s.Messages, s.LastSequence)
	}
	return nil
}

func facts(s Stream) int {
	if s.Name == events.StreamFacts {
		return 1
	}
	return 0
}

func (t Target) stream(ctx context.Context, folder string, s Stream) error {
	file, err := os.Open(filepath.Join(folder, s.file()))
	if err != nil {
		return fmt.Errorf("restore stream %s: %w", s.Name, err)
	}
	defer file.Close()
	return t.Bus.RestoreSnapshot(ctx, s.Snapshot, bufio.NewReaderSize(file, 1<<20))
}

// Erasures writes the newest list there is, of the backup, of the files of the target and
// of the restored tables, to a file, and says how many erasures it has.
func (t Target) Erasures(ctx context.Context, folder, to string) (int, error) {
	text, n, err := gateway.ErasureList(ctx, t.DB, append([]string{filepath.Join(folder, erasuresName)}, t.ErasuresFiles...)...)
	if err != nil {
		return 0, err
	}
	if err := put(to, text); err != nil {
		return 0, fmt.Errorf("write the list of erasures: %w", err)
	}
	return n, nil
}
