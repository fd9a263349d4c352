// Package archive reads what people hand over as their export: zip files, tar
// and tgz files, several parts of one export, unpacked folders, single files. It
// unpacks nothing to disk and keeps no file in memory. It takes nothing of what
// an archive says about itself on trust.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stridelog/stridelog/provider"
)

// Limits bound what an archive may cost. A zero means the default.
type Limits struct {
	Files int   // in all parts together; a tar file counts for itself
	Bytes int64 // uncompressed, of all those files together
	Ratio int64 // uncompressed to compressed bytes; text rarely exceeds 30, what deflate can do is 1032
}

// DefaultLimits let through the largest exports known, which have some 33,000
// files and 10 GB, together with what people export along with them.
func DefaultLimits() Limits {
	return Limits{Files: 150_000, Bytes: 256 << 30, Ratio: 200}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Files <= 0 {
		l.Files = d.Files
	}
	if l.Bytes <= 0 {
		l.Bytes = d.Bytes
	}
	if l.Ratio <= 0 {
		l.Ratio = d.Ratio
	}
	return l
}

// smallest is the size below which a ratio proves nothing: a short file of equal
// lines compresses well and harms nobody.
const smallest = 16 << 20

// isBomb says whether so many bytes cannot come from so few.
func (l Limits) isBomb(bytes, compressed int64) bool {
	return bytes > smallest && bytes/l.Ratio > compressed
}

// File is one file of an archive.
type File struct {
	Path string // inside the archive, with slashes; it may hold the owner's name
	Base string // the last part of Path
	Size int64  // uncompressed bytes, as the archive says
	open func() (io.ReadCloser, error)
}

// Open reads the file. A file that is not opened costs nothing in a zip file or a
// folder. Errors of the reader are *provider.ArchiveError or the context's. One
// that makes the rest of the archive useless also ends Walk.
func (f File) Open() (io.ReadCloser, error) { return f.open() }

// part is one of the given paths.
type part interface {
	// files are those that can be opened in any order; nil for a stream.
	files() []File
	// stream visits the files of a stream; a file can be opened during its visit.
	stream(ctx context.Context, visit func(File) error) error
	io.Closer
}

// Archive is everything that was handed over, as one set of files.
type Archive struct {
	parts []part
	tally *tally
}

// Open looks at each path: an archive, a folder, or a single file. The error is
// an *provider.ArchiveError or the context's.
func Open(ctx context.Context, paths []string, limits Limits) (*Archive, error) {
	a := &Archive{tally: &tally{limits: limits.orDefault()}}
	for i, path := range paths {
		p, err := openPart(ctx, path, a.tally)
		if err != nil {
			_ = a.Close() // of files that were only read
			return nil, numbered(err, i)
		}
		a.parts = append(a.parts, p)
	}
	return a, nil
}

// Walk visits every file but the marks that file managers leave behind: first
// those that can be opened in any order, sorted by key (nil: as they come), then
// those of streams as they come. A stream is read again by every
// walk. An error of visit ends the walk and comes back; so does what makes an
// archive unusable, as an *provider.ArchiveError.
func (a *Archive) Walk(ctx context.Context, key func(File) string, visit func(File) error) error {
	a.tally.fault = nil
	for _, f := range a.sorted(key) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := visit(f.File); err != nil {
			return err
		}
		if a.tally.fault != nil {
			return numbered(a.tally.fault, f.part)
		}
	}
	for i, p := range a.parts {
		if err := p.stream(ctx, visit); err != nil {
			return numbered(err, i)
		}
	}
	return nil
}

// placed is a file with its part and its place in the order.
type placed struct {
	File
	part int
	key  string
}

func (a *Archive) sorted(key func(File) string) []placed {
	var all []placed
	for i, p := range a.parts {
		for _, f := range p.files() {
			one := placed{File: f, part: i}
			if key != nil {
				one.key = key(f)
			}
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, func(x, y placed) int { return strings.Compare(x.key, y.key) })
	return all
}

// Close closes every part.
func (a *Archive) Close() error {
	var faults []error
	for _, p := range a.parts {
		faults = append(faults, p.Close())
	}
	a.parts = nil
	return errors.Join(faults...)
}

// numbered adds to an archive's error which of the paths it is about.
func numbered(err error, part int) error {
	var fault *provider.ArchiveError
	if !errors.As(err, &fault) {
		return err
	}
	n := *fault
	n.Part = part + 1
	return &n
}

// tally counts what all parts hold together.
type tally struct {
	limits Limits
	count  int
	bytes  int64
	// fault is what a reader found that makes its whole archive unusable.
	fault *provider.ArchiveError
}

// add counts one file of an archive's list.
func (t *tally) add(size int64) error {
	t.count++
	if t.count > t.limits.Files {
		return t.tooManyFiles()
	}
	if size < 0 || size > t.limits.Bytes-t.bytes {
		return t.tooLarge()
	}
	t.bytes += size
	return nil
}

func (t *tally) tooManyFiles() *provider.ArchiveError {
	return &provider.ArchiveError{Code: provider.ArchiveTooManyFiles, Detail: fmt.Sprintf("more than %d files", t.limits.Files)}
}

func (t *tally) tooLarge() *provider.ArchiveError {
	return &provider.ArchiveError{Code: provider.ArchiveTooLarge, Detail: fmt.Sprintf("more than %d bytes unpacked", t.limits.Bytes)}
}

func (t *tally) bomb() *provider.ArchiveError {
	return &provider.ArchiveError{Code: provider.ArchiveBomb, Detail: fmt.Sprintf("more than %d times its size", t.limits.Ratio)}
}
