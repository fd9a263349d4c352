package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// Source is a system that is backed up, running or not.
type Source struct {
	DatabaseURL string
	DB          *pgxpool.Pool
	Bus         *bus.Bus
	PGBin       string // where pg_dump is looked for first
	// ErasuresFile is the gateway's list of erasures; empty: the database knows all.
	ErasuresFile string
	Program      Program
	// Tell says what was done.
	Tell func(format string, args ...any)
	// Between runs between the tables and the streams. It is where tests write and let
	// a process die; nil does nothing.
	Between func() error
}

// Take writes a backup into a folder that is empty or does not exist. The tables go
// first: what happens until the streams are copied is in the log, and the restore folds
// it from there. The list of erasures goes last, so that it knows everybody who was
// erased until then.
func (s Source) Take(ctx context.Context, folder string) (m Manifest, err error) {
	if err := makeEmpty(folder); err != nil {
		return m, err
	}
	if m, err = s.fill(ctx, folder); err != nil {
		return m, fmt.Errorf("%w; what is in %s is no backup, remove it", err, folder)
	}
	return m, nil
}

func (s Source) fill(ctx context.Context, folder string) (m Manifest, err error) {
	m = Manifest{Format: Format, Program: s.Program, Started: time.Now().UTC()}
	if err := s.tables(ctx, folder, &m); err != nil {
		return m, fmt.Errorf("back up the tables: %w", err)
	}
	if s.Between != nil {
		if err := s.Between(); err != nil {
			return m, err
		}
	}
	if err := s.streams(ctx, folder, &m); err != nil {
		return m, fmt.Errorf("back up the streams: %w", err)
	}
	if err := s.erasures(ctx, folder, &m); err != nil {
		return m, fmt.Errorf("back up the list of erasures: %w", err)
	}
	m.Finished = time.Now().UTC()
	return m, m.write(folder)
}

func makeEmpty(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the backup's folder: %w", err)
	}
	there, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("look into the backup's folder: %w", err)
	}
	if len(there) > 0 {
		return fmt.Errorf("%s is not empty: name a folder that is, or that does not exist; a backup overwrites nothing", folder)
	}
	return nil
}

func (s Source) tables(ctx context.Context, folder string, m *Manifest) (err error) {
	if m.Database.PostgresMajor, err = major(ctx, s.DB); err != nil {
		return err
	}
	dump, err := findClient(ctx, "pg_dump", s.PGBin, s.DatabaseURL, m.Database.PostgresMajor)
	if err != nil {
		return err
	}
	if m.Database.Schemas, err = schemas(ctx, s.DB); err != nil {
		return err
	}
	if m.Database.LogEpoch, err = system.FilledFrom(ctx, s.DB); err != nil {
		return err
	}
	if m.Database.LogEpoch != "" {
		if err := s.DB.QueryRow(ctx, "SELECT high_water FROM projector.serving").Scan(&m.Database.HighWater); err != nil {
			return fmt.Errorf("read how far the log is folded: %w", err)
		}
	}
	// The gateway defines the views for analysts when it starts, and where a backup is
	// restored to, their role may not exist.
	if err := dump.run(ctx, "--format", "custom", "--exclude-schema", "analytics", "--file", filepath.Join(folder, tablesName)); err != nil {
		return err
	}
	return s.add(folder, tablesName, m)
}

// add notes a file that is written, once it is on the disk.
func (s Source) add(folder, name string, m *Manifest) error {
	file, err := os.OpenFile(filepath.Join(folder, name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Chmod(0o600), file.Close()); err != nil {
		return err
	}
	f, err := describe(folder, name)
	if err != nil {
		return err
	}
	m.Files = append(m.Files, f)
	s.Tell("%s: %d bytes", name, f.Size)
	return nil
}

// names are the streams of ours that there are. The bucket of uploads is none of them:
// what is in it lives for a day, and can be uploaded again.
func names(ctx context.Context, b *bus.Bus) (list []string, err error) {
	lister := b.JetStream().StreamNames(ctx)
	for name := range lister.Name() {
		if strings.HasPrefix(name, "STRIDELOG_") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	if err := lister.Err(); err != nil {
		return nil, fmt.Errorf("list the streams: %w", err)
	}
	return list, nil
}

func (s Source) streams(ctx context.Context, folder string, m *Manifest) error {
	all, err := names(ctx, s.Bus)
	if err != nil {
		return err
	}
	if !slices.Contains(all, events.StreamFacts) && m.Database.LogEpoch != "" {
		return fmt.Errorf("NATS has no stream %s", events.StreamFacts)
	}
	for _, name := range all {
		stream, err := s.stream(ctx, folder, name)
		if err != nil {
			return err
		}
		m.Streams = append(m.Streams, stream)
		if err := s.add(folder, stream.file(), m); err != nil {
			return err
		}
	}
	return nil
}

func (s Source) stream(ctx context.Context, folder, name string) (stream Stream, err error) {
	stream.Name = name
	file, err := os.OpenFile(filepath.Join(folder, stream.file()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return stream, err
	}
	if stream.Snapshot, err = s.Bus.TakeSnapshot(ctx, name, file); err != nil {
		return stream, errors.Join(err, file.Close())
	}
	stream.Epoch = stream.Snapshot.Epoch()
	stream.SnapshotState, err = stream.Snapshot.Holds()
	return stream, errors.Join(err, file.Close())
}

func (s Source) erasures(ctx context.Context, folder string, m *Manifest) error {
	var files []string
	if s.ErasuresFile != "" {
		if _, err := os.Stat(s.ErasuresFile); err == nil {
			files = append(files, s.ErasuresFile)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	text, n, err := gateway.ErasureList(ctx, s.DB, files...)
	if err != nil {
		return err
	}
	m.Erasures = n
	if err := put(filepath.Join(folder, erasuresName), text); err != nil {
		return err
	}
	return s.add(folder, erasuresName, m)
}
