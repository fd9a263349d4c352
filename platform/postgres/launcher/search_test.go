//go:build unix

package launcher

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stridelog/stridelog/platform/waittest"
)

// install plants programs of a version and returns their folder.
func install(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"initdb", "postgres"} {
		script := "#!/bin/sh\necho '" + name + " (PostgreSQL) " + version + "'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestProgramsAreSoughtInOrder(t *testing.T) {
	pkg := pack(t, wholePackage()) // PostgreSQL 17
	r := newRegistry(t, sends(pkg, len(pkg)))
	named, old, mid, newest := install(t, "15.1"), install(t, "14.9"), install(t, "16.3"), install(t, "18beta1")
	allowed := r.download()
	s := search{cache: newCache(t), build: pin(pkg)}
	cached := filepath.Join(s.cache.dir, s.build.name(), "bin")
	all := []string{old, mid, newest, t.TempDir()}
	for _, step := range []struct {
		name      string
		binDir    string
		installed []string
		major     int
		download  *Download
		want      string
		downloads int64
	}{
		{"the folder that was named", named, all, 0, &allowed, named, 0},
		{"the newest that is installed", "", all, 0, &allowed, newest, 0},
		{"the one that the data was made with", "", all, 16, &allowed, mid, 0},
		{"no download unless allowed", "", nil, 0, nil, "", 0},
		{"no download of another major", "", all, 15, &allowed, "", 0},
		{"a download", "", []string{old}, 0, &allowed, cached, 1},
		{"what was downloaded, also without leave", "", nil, 0, nil, cached, 1},
		{"what was downloaded, for its data", "", all, 17, nil, cached, 1},
		{"the installed one before the downloaded one", "", []string{mid}, 0, &allowed, mid, 1},
	} {
		s.binDir, s.installed, s.download = step.binDir, step.installed, step.download
		p, err := s.find(waittest.Context(t), step.major)
		if p.dir != step.want || (err == nil) != (step.want != "") || r.asked.Load() != step.downloads {
			t.Errorf("%s: got %q (%v) after %d downloads, want %q after %d", step.name, p.dir, err, r.asked.Load(), step.want, step.downloads)
		}
	}
}

func TestNothingFoundSaysWhatToInstall(t *testing.T) {
	s := search{cache: newCache(t), build: pin(nil)}
	_, err := s.find(waittest.Context(t), 0)
	wantWords(t, err, "apt-get install postgresql", "brew install postgresql@17", "STRIDELOG_PG_BIN", "DATABASE_URL")
	if !errors.Is(err, ErrNoPrograms) {
		t.Errorf("%v is not ErrNoPrograms", err)
	}
	_, err = s.find(waittest.Context(t), 16)
	wantWords(t, err, "PostgreSQL 16", "found: none", "untouched")
	s.binDir = install(t, "18.4")
	_, err = s.find(waittest.Context(t), 16)
	wantWords(t, err, "PostgreSQL 16", "18 in "+s.binDir, "untouched")
}

// A broken name lookup of the cache must not hinder those who have PostgreSQL.
func TestWithoutAHomeThereIsNoCacheAndNothingElseIsLost(t *testing.T) {
	if os.Geteuid() == 0 {
		c, err := openCache("", nil, nil)
		if err != nil || c.dir != rootCache+"/postgres" {
			t.Errorf("root's cache is %q (%v)", c.dir, err)
		}
		return
	}
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	if _, err := newSearch(Options{}, nil); err != nil {
		t.Errorf("without leave to download: %v", err)
	}
	_, err := newSearch(Options{Download: fromNPM()}, nil)
	wantWords(t, err, "HOME", "XDG_CACHE_HOME")
}

func TestTheRegistryIsTheOneThatNPMWouldUse(t *testing.T) {
	lookup := func(env map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	}
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, ""},
		{map[string]string{"npm_config_registry": "https://a"}, "https://a"},
		{map[string]string{"NPM_CONFIG_REGISTRY": "https://b"}, "https://b"},
		{map[string]string{"npm_config_registry": "https://a", "NPM_CONFIG_REGISTRY": "https://b"}, "https://a"},
	} {
		if got := Registry(lookup(c.env)); got != c.want {
			t.Errorf("%v: %q, want %q", c.env, got, c.want)
		}
	}
}
