// Command keepstores makes the small stores of a system as this program leaves
// them, so that tests of later programs can start on them:
//
//	go run ./standalone/internal/tools/keepstores DIR
//
// It runs the whole system with simulated providers for some seconds and writes to
// DIR the tables as SQL, the streams as the files of their server, the sealing key
// of the made-up tokens, and what the API served. pg_dump must be on the PATH, of
// the server's major version or a later one.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/services/oauth"
)

// limit is how long all of it may take.
const limit = 10 * time.Minute

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: keepstores DIR")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "keepstores:", err)
		os.Exit(1) //nolint:gocritic // the process ends, and with it the timer
	}
}

func run(ctx context.Context, dir string) (err error) {
	work, err := os.MkdirTemp("", "keepstores-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	pg, err := launcher.Start(ctx, launcher.Options{Throwaway: true, BinDir: os.Getenv("STRIDELOG_PG_BIN"), Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pg.Stop(ctx)) }()
	nats, err := natsserver.Start(natsserver.Options{StoreDir: filepath.Join(work, "nats"), Log: log})
	if err != nil {
		return err
	}
	sealing, err := oauth.NewSealingKey()
	if err != nil {
		nats.Stop()
		return err
	}
	s := fixture{databaseURL: pg.URL(), natsURL: nats.URL(), sealing: sealing, log: log}
	served, err := s.play(ctx)
	nats.Stop()
	if err != nil {
		return err
	}
	tables, err := dump(ctx, pg.URL())
	if err != nil {
		return err
	}
	streams, err := archive(filepath.Join(work, "nats"))
	if err != nil {
		return err
	}
	answers, err := json.MarshalIndent(served, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(
		write(filepath.Join(dir, "tables.sql.gz"), tables),
		write(filepath.Join(dir, "streams.tar.gz"), streams),
		write(filepath.Join(dir, "served.json.gz"), answers),
		os.WriteFile(filepath.Join(dir, "sealing_key"), []byte(sealing+"\n"), 0o644))
}

// dump is the database as statements that any client can run: no COPY and no
// command of psql.
func dump(ctx context.Context, url string) ([]byte, error) {
	var out, faults bytes.Buffer
	cmd := exec.CommandContext(ctx, "pg_dump", "--no-owner", "--no-privileges", "--inserts", "--rows-per-insert=100", url)
	cmd.Stdout, cmd.Stderr = &out, &faults
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("dump the tables: %w: %s", err, faults.String())
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, `\`) {
			lines = append(lines, line)
		}
	}
	return []byte(strings.Join(lines, "")), nil
}

// archive is a folder as a tar file.
func archive(dir string) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o600, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keep the streams: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// write compresses what it writes.
func write(path string, text []byte) error {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
