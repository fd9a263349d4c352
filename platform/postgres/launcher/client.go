//go:build unix

package launcher

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// ErrNoClient says that a client program of the wanted version is not installed.
var ErrNoClient = errors.New("PostgreSQL's client programs of this version are not installed")

// ClientProgram finds a client program, such as pg_dump, of a server's major version: in
// binDir where that is set, on the PATH, and where packages put them. Another version
// would refuse the server, or write what the server's own cannot read.
func ClientProgram(ctx context.Context, name, binDir string, major int) (string, error) {
	var paths []string
	if binDir != "" {
		paths = append(paths, filepath.Join(binDir, name))
	}
	if path, err := exec.LookPath(name); err == nil {
		paths = append(paths, path)
	}
	for _, dir := range candidates() {
		paths = append(paths, filepath.Join(dir, name))
	}
	var found []string
	for _, path := range paths {
		have, err := clientMajor(ctx, path)
		if err != nil {
			continue
		}
		if have == major {
			return path, nil
		}
		found = append(found, fmt.Sprintf("%d in %s", have, path))
	}
	if len(found) == 0 {
		found = []string{"none"}
	}
	return "", fmt.Errorf("%w: the server is PostgreSQL %d, found of %s: %s; install it (%s), or set STRIDELOG_PG_BIN to the folder of its programs",
		ErrNoClient, major, name, strings.Join(found, ", "), clientPackage(major))
}

func clientPackage(major int) string {
	if runtime.GOOS == "darwin" {
		return fmt.Sprintf("brew install postgresql@%d", major)
	}
	return fmt.Sprintf("Debian, Ubuntu: apt-get install postgresql-client-%d; Alpine: apk add postgresql%d-client", major, major)
}

// clientMajor asks a program for its version: "pg_dump (PostgreSQL) 15.18 (Debian …)".
func clientMajor(ctx context.Context, path string) (int, error) {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`\(PostgreSQL\) (\d+)`).FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("%s --version names no version", path)
	}
	return strconv.Atoi(string(m[1]))
}
