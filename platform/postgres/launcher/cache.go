//go:build unix

package launcher

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// rootCache is the cache of root, whose home folder is closed to the user that
// the server runs as.
const rootCache = "/var/cache/stridelog"

const (
	fetching = "fetch-"
	lookLock = 100 * time.Millisecond
)

// cache keeps downloaded builds.
//
//	postgres/lock                        flock of whoever downloads
//	postgres/17.10.0-beta.17-linux-x64/  a whole build: bin, lib, share
//	postgres/fetch-<random>              what a download or unpacking has so far
//
// A build gets its name when it is whole and has been seen to run, so a kill at
// any moment leaves only what the next download sweeps away.
type cache struct {
	dir     string
	account *account
	log     *slog.Logger
	stall   time.Duration // stallAfter
}

// openCache takes the usual place when dir is empty. It makes no folder.
func openCache(dir string, account *account, log *slog.Logger) (cache, error) {
	if dir == "" {
		dir = rootCache
		if os.Geteuid() != 0 {
			users, err := os.UserCacheDir()
			if err != nil {
				return cache{}, fmt.Errorf("find the cache: set HOME or XDG_CACHE_HOME: %w", err)
			}
			dir = filepath.Join(users, "stridelog")
		}
	}
	return cache{dir: filepath.Join(dir, "postgres"), account: account, log: log, stall: stallAfter}, nil
}

// find returns the build if it is in the cache and runs.
func (c cache) find(ctx context.Context, b build) (programs, bool) {
	dir := filepath.Join(c.dir, b.name())
	p, err := inspect(ctx, filepath.Join(dir, "bin"))
	if err != nil || p.major != b.major {
		return programs{}, false
	}
	return p, c.account.checkPath(p.dir) == nil
}

// fetch downloads the build, unless another process has done so meanwhile.
func (c cache) fetch(ctx context.Context, b build, d Download) (programs, error) {
	if err := os.MkdirAll(c.dir, 0o755); err != nil { //nolint:gosec // entered by the server's user
		return programs{}, fmt.Errorf("make the cache for PostgreSQL: %s: %w", howToInstall, err)
	}
	if err := c.account.checkPath(c.dir); err != nil {
		return programs{}, err
	}
	held, err := c.lock(ctx)
	if err != nil {
		return programs{}, err
	}
	p, err := c.fetchLocked(ctx, b, d)
	return p, errors.Join(err, held.release())
}

// lock waits for another process that downloads.
func (c cache) lock(ctx context.Context) (*lock, error) {
	for told := false; ; told = true {
		held, err := takeLock(filepath.Join(c.dir, "lock"))
		if err == nil {
			return held, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("lock the cache for PostgreSQL: %w", err)
		}
		if !told {
			c.log.Info("another process downloads PostgreSQL, waiting for it", "pid", holder(c.dir))
		}
		if !pause(ctx, lookLock) {
			return nil, fmt.Errorf("another process (pid %s) downloads PostgreSQL and did not end in time: %w", holder(c.dir), ctx.Err())
		}
	}
}

func (c cache) fetchLocked(ctx context.Context, b build, d Download) (programs, error) {
	if p, there := c.find(ctx, b); there {
		return p, nil
	}
	if err := c.sweep(); err != nil {
		return programs{}, err
	}
	c.log.Info("downloading PostgreSQL", "version", b.postgres(), "megabytes", int(megabytes(b.size)))
	begun := time.Now()
	archive, err := d.file(ctx, c.dir, b, c.stall)
	if err != nil {
		return programs{}, errors.Join(err, c.sweep())
	}
	if err := c.install(ctx, b, archive); err != nil {
		return programs{}, errors.Join(err, c.sweep())
	}
	if err := c.sweep(); err != nil {
		return programs{}, err
	}
	c.log.Info("PostgreSQL is downloaded", "version", b.postgres(), "folder", c.dir, "took", time.Since(begun))
	return inspect(ctx, filepath.Join(c.dir, b.name(), "bin"))
}

// install unpacks a package whose checksum is right, tries it and gives it its
// name.
func (c cache) install(ctx context.Context, b build, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("unpack PostgreSQL: %w", err)
	}
	defer func() { _ = f.Close() }()
	making := filepath.Join(c.dir, fetching+rand.Text())
	if err := os.Mkdir(making, 0o755); err != nil { //nolint:gosec // entered by the server's user
		return fmt.Errorf("unpack PostgreSQL: %w", err)
	}
	if err := errors.Join(os.Chmod(making, 0o755), unpack(f, making)); err != nil { //nolint:gosec // see above
		return fmt.Errorf("unpack PostgreSQL in %s: %w", c.dir, err)
	}
	p, err := inspect(ctx, filepath.Join(making, "bin"))
	if err == nil && p.major != b.major {
		err = fmt.Errorf("it is PostgreSQL %d", p.major)
	}
	if err != nil {
		return fmt.Errorf("the downloaded PostgreSQL %s does not run on this system (it needs glibc 2.27 or newer; Alpine has its own: apk add postgresql17): %w: %s",
			b.postgres(), err, howToInstall)
	}
	// A thousand files: one sync of everything is much faster than one each.
	syscall.Sync()
	place := filepath.Join(c.dir, b.name())
	// What may be there does not run; see find.
	if err := errors.Join(os.RemoveAll(place), os.Rename(making, place), syncDir(c.dir)); err != nil {
		return fmt.Errorf("keep the downloaded PostgreSQL: %w", err)
	}
	return nil
}

// sweep removes what unfinished downloads left. We hold the lock.
func (c cache) sweep() error {
	left, err := filepath.Glob(filepath.Join(c.dir, fetching+"*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("remove an unfinished download: %w", err)
	}
	return nil
}
