//go:build unix

package launcher

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// entry is a file of a planted npm package; a type other than 0 is a fault.
type entry struct {
	name, text string
	mode       int64
	kind       byte
}

// program is a script that passes for one of PostgreSQL's.
func program(name string) entry {
	return entry{
		name: "package/native/bin/" + name, mode: 0o755,
		text: "#!/bin/sh\n. \"${0%/*}/../lib/version\"\necho \"" + name + " (PostgreSQL) $version\"\n",
	}
}

// wholePackage is as npm's: its programs run only when the links are there.
func wholePackage() []entry {
	return []entry{
		{name: "package/package.json", text: "{}", mode: 0o644},
		program("initdb"), program("postgres"),
		{name: "package/native/lib/version.so.17.10", text: "version=17.10\n", mode: 0o600},
		{name: "package/native/lib/libpq.a", text: "static", mode: 0o644},
		{name: "package/native/share/deep/er/file", text: "x", mode: 0o644},
		{name: "package/native/pg-symlinks.json", mode: 0o644, text: `[{"source":"native/lib/version.so.17.10","target":"native/lib/version"},` +
			`{"source":"native/lib/version.so.17.10","target":"native/share/deep/version"}]`},
	}
}

func pack(t *testing.T, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Typeflag: e.kind, Size: int64(len(e.text))}
		if e.kind != 0 && e.kind != tar.TypeReg {
			h.Size, h.Linkname = 0, e.text
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(e.text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pin is the build that a package is.
func pin(pkg []byte) build {
	sum := sha512.Sum512(pkg)
	return build{
		platform: "test-x64", version: "17.10.0-beta.17", major: 17, size: int64(len(pkg)),
		sha512: base64.StdEncoding.EncodeToString(sum[:]),
	}
}

// registry is an npm registry with one answer; it counts how often it is asked.
type registry struct {
	*httptest.Server
	asked atomic.Int64
}

func newRegistry(t *testing.T, answer http.HandlerFunc) *registry {
	t.Helper()
	r := &registry{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked.Add(1)
		if want := "/mirror/@embedded-postgres/test-x64/-/test-x64-17.10.0-beta.17.tgz"; req.URL.Path != want {
			t.Errorf("asked for %s, want %s", req.URL.Path, want)
		}
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *registry) download() Download { return Download{Registry: r.URL + "/mirror/"} }

// sends answers with the bytes; announced is the Content-Length, none when
// negative.
func sends(b []byte, announced int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if announced >= 0 {
			w.Header().Set("Content-Length", fmt.Sprint(announced))
		}
		_, _ = w.Write(b[:len(b)/2])
		w.(http.Flusher).Flush() // without a length the answer is sent in chunks
		_, _ = w.Write(b[len(b)/2:])
	}
}

func newCache(t *testing.T) cache {
	t.Helper()
	c, err := openCache(folder(t), nil, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	c.stall = 10 * time.Second
	return c
}
