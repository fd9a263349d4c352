//go:build unix

package launcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

const oldestMajor = 15

// ErrNoPrograms means that no usable PostgreSQL is installed.
var ErrNoPrograms = errors.New("no PostgreSQL programs (initdb, postgres) were found")

const howToInstall = "install PostgreSQL (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), " +
	"set STRIDELOG_PG_BIN to the folder of its programs, or set DATABASE_URL to a server of your own"

// programs is a folder with PostgreSQL's server programs.
type programs struct {
	dir   string
	major int
}

func (p programs) initdb() string    { return filepath.Join(p.dir, "initdb") }
func (p programs) postgres() string  { return filepath.Join(p.dir, "postgres") }
func (p programs) majorName() string { return strconv.Itoa(p.major) }

// knownFolders is where packages put the server programs; Debian keeps them off
// the PATH.
func knownFolders() []string {
	return []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // PGDG's rpm
		"/usr/libexec/postgresql*",  // Alpine
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/Library/PostgreSQL/*/bin",
	}
}

// search is where programs may come from, in this order.
type search struct {
	binDir    string    // STRIDELOG_PG_BIN; when set, nothing else is looked at
	installed []string  // folders; see candidates
	cache     cache     // of downloads
	build     build     // what to download; empty when there is none for this platform
	download  *Download // nil forbids it
}

func newSearch(o Options, account *account) (search, error) {
	s := search{binDir: o.BinDir, installed: candidates(), download: o.Download}
	c, err := openCache(o.CacheDir, account, o.Log)
	switch {
	case err == nil:
		s.cache, s.build = c, builds()[runtime.GOOS+"/"+runtime.GOARCH]
	case o.Download != nil:
		return search{}, err
	}
	return s, nil
}

// find takes the newest of what is installed. A major other than 0 is the only
// one that will do: it is the one an existing cluster was made with.
func (s search) find(ctx context.Context, major int) (programs, error) {
	if s.binDir != "" {
		return chosen(ctx, s.binDir, major)
	}
	var found []programs
	for _, dir := range s.installed {
		if p, err := inspect(ctx, dir); err == nil && p.major >= oldestMajor {
			found = append(found, p)
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].major > found[j].major })
	for _, p := range found {
		if major == 0 || p.major == major {
			return p, nil
		}
	}
	if s.build.major != 0 && (major == 0 || major == s.build.major) {
		if p, there := s.cache.find(ctx, s.build); there {
			return p, nil
		}
		if s.download != nil {
			return s.cache.fetch(ctx, s.build, *s.download)
		}
	}
	if major != 0 {
		return programs{}, wrongMajor(major, found)
	}
	return programs{}, fmt.Errorf("%w in version %d or newer: %s", ErrNoPrograms, oldestMajor, howToInstall)
}

// chosen is the folder that a person named.
func chosen(ctx context.Context, binDir string, major int) (programs, error) {
	p, err := inspect(ctx, binDir)
	switch {
	case err != nil:
		return programs{}, fmt.Errorf("STRIDELOG_PG_BIN: %w", err)
	case major != 0 && p.major != major:
		return programs{}, wrongMajor(major, []programs{p})
	case p.major < oldestMajor:
		return programs{}, fmt.Errorf("STRIDELOG_PG_BIN: %s holds PostgreSQL %d; Stridelog needs %d or newer", binDir, p.major, oldestMajor)
	}
	return p, nil
}

func wrongMajor(major int, found []programs) error {
	have := []string{"none"}
	for i, p := range found {
		have = append(have[:i], fmt.Sprintf("%d in %s", p.major, p.dir))
	}
	return fmt.Errorf("the data was made by PostgreSQL %d, and that version is not here (found: %s): install PostgreSQL %d, "+
		"or set STRIDELOG_PG_BIN to its folder; the data is untouched", major, strings.Join(have, ", "), major)
}

// candidates are the folders that hold programs where a package has put them.
func candidates() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	for _, pattern := range knownFolders() {
		if matches, err := filepath.Glob(pattern); err == nil {
			dirs = append(dirs, matches...)
		}
	}
	return dirs
}

// inspect asks the programs of a folder for their version, which also proves
// that they run on this machine.
func inspect(ctx context.Context, dir string) (programs, error) {
	p := programs{dir: dir}
	for _, path := range []string{p.initdb(), p.postgres()} {
		if info, err := os.Stat(path); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return programs{}, fmt.Errorf("%s is not there or cannot be executed: %s", path, howToInstall)
		}
	}
	out, err := exec.CommandContext(ctx, p.postgres(), "--version").Output()
	if err != nil {
		return programs{}, fmt.Errorf("%s --version: %w", p.postgres(), err)
	}
	// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"; a beta has "18beta1".
	m := regexp.MustCompile(`\(PostgreSQL\) (\d+)`).FindSubmatch(out)
	if m == nil {
		return programs{}, fmt.Errorf("%s --version says %q, which names no version", p.postgres(), out)
	}
	p.major, err = strconv.Atoi(string(m[1]))
	if err != nil {
		return programs{}, fmt.Errorf("%s --version: %w", p.postgres(), err)
	}
	return p, nil
}
