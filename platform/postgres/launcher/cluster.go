//go:build unix

package launcher

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cluster is one major version's folder: the data, and the password it was made
// with. They are made and renamed together, so neither is ever without the other.
//
//	pg/lock            flock of whoever uses the cluster
//	pg/15/data         PGDATA
//	pg/15/password     of the superuser, mode 0600
//	pg/init-<random>   a cluster being made
type cluster struct {
	root, dir string
	account   *account
	programs  programs
	throwaway bool
	log       *slog.Logger
	port      func(context.Context) (int, error) // one that is free right now
}

const (
	superuser  = "postgres"
	halfMade   = "init-"
	dataName   = "data"
	passwdName = "password"
)

func (c *cluster) data() string { return filepath.Join(c.dir, dataName) }

func (c *cluster) password() (string, error) {
	path := filepath.Join(c.dir, passwdName)
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the database's password: put back %s from your backup: %w", path, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// makeRoot makes the folder of all clusters and checks that PostgreSQL can
// reach it.
func makeRoot(root string, account *account) error {
	if err := os.MkdirAll(root, 0o755); err != nil { //nolint:gosec // entered by the server's user; the clusters in it are closed
		return fmt.Errorf("make the database folder: set STRIDELOG_DATA_DIR to a folder that can be written: %w", err)
	}
	return account.checkPath(root)
}

// existingMajor is the version of the cluster that is there; 0 when there is
// none.
func existingMajor(root string) (int, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return 0, fmt.Errorf("look for a database: %w", err)
	}
	major := 0
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil || !e.IsDir() {
			continue
		}
		if major != 0 {
			return 0, fmt.Errorf("%s holds databases of PostgreSQL %d and %d: move the one that is not in use elsewhere", root, major, n)
		}
		major = n
	}
	if major == 0 {
		return 0, nil
	}
	path := filepath.Join(root, strconv.Itoa(major), dataName, "PG_VERSION")
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("look at the database: restore %s from a backup, or move it elsewhere to begin anew: %w",
			filepath.Join(root, strconv.Itoa(major)), err)
	}
	if got := strings.TrimSpace(string(b)); got != strconv.Itoa(major) {
		return 0, fmt.Errorf("%s says PostgreSQL %s, its folder says %d: name the folder after the version", path, got, major)
	}
	return major, nil
}

// sweepHalfMade removes what an interrupted create left. No server ever ran on
// it, and we hold the lock.
func (c *cluster) sweepHalfMade() error {
	left, err := filepath.Glob(filepath.Join(c.root, halfMade+"*"))
	if err != nil {
		return fmt.Errorf("look for half-made databases: %w", err)
	}
	for _, dir := range left {
		c.log.Info("removing a database that was never finished", "folder", dir)
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove a half-made database: %w", err)
		}
	}
	return nil
}

// create makes the cluster under a temporary name and renames it, so that an
// interrupted initdb is never taken for a database.
func (c *cluster) create(ctx context.Context) error {
	making := filepath.Join(c.root, halfMade+rand.Text())
	if err := os.Mkdir(making, 0o700); err != nil {
		return fmt.Errorf("make a database: %w", err)
	}
	passwd := filepath.Join(making, passwdName)
	if err := os.WriteFile(passwd, []byte(rand.Text()+"\n"), 0o600); err != nil {
		return fmt.Errorf("make a database: %w", err)
	}
	for _, path := range []string{making, passwd} {
		if err := c.account.own(path); err != nil {
			return err
		}
	}
	data := filepath.Join(making, dataName)
	args := []string{"-D", data, "-U", superuser, "-A", "scram-sha-256", "--pwfile", passwd, "-E", "UTF8"}
	args = append(args, locale(c.programs.major)...)
	if c.throwaway {
		args = append(args, "--no-sync")
	}
	p, err := launch(c.account, making, c.log, c.programs.initdb(), args...)
	if err != nil {
		return err
	}
	if err := p.wait(ctx); err != nil {
		return fmt.Errorf("initdb in %s: %w", c.root, err)
	}
	if err := os.Rename(making, c.dir); err != nil {
		return fmt.Errorf("make a database: %w", err)
	}
	return syncDir(c.root)
}

// ownLocale is the first major that has a C.UTF-8 of its own.
const ownLocale = 17

// locale is C.UTF-8 where PostgreSQL or the system has it: plain C does not fold
// the case of letters outside ASCII.
func locale(major int) []string {
	if major >= ownLocale {
		return []string{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}
	}
	for _, path := range []string{"/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"} {
		if _, err := os.Stat(path); err == nil {
			return []string{"--locale=C.UTF-8"}
		}
	}
	return []string{"--locale=C"}
}

// syncDir makes the rename itself durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("make a database: %w", err)
	}
	err = f.Sync()
	if errors.Is(err, fs.ErrInvalid) {
		err = nil // some file systems cannot
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("make a database: %w", err)
	}
	return nil
}
