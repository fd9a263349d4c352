package archive

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/stridelog/stridelog/provider"
)

// faultOf puts an error of a library into our codes. Its text stays behind: it
// can hold a path.
func faultOf(err error) error {
	var fault *provider.ArchiveError
	var corrupt flate.CorruptInputError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &fault):
		return fault
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &provider.ArchiveError{Code: provider.ArchiveTruncated}
	case errors.As(err, &corrupt), errors.Is(err, zip.ErrFormat), errors.Is(err, zip.ErrChecksum),
		errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong), errors.Is(err, tar.ErrInsecurePath):
		return &provider.ArchiveError{Code: provider.ArchiveDamaged}
	case errors.Is(err, zip.ErrAlgorithm):
		return &provider.ArchiveError{Code: provider.ArchiveUnsupported}
	case errors.Is(err, fs.ErrNotExist):
		return &provider.ArchiveError{Code: provider.ArchiveMissing}
	case errors.Is(err, fs.ErrPermission):
		return &provider.ArchiveError{Code: provider.ArchiveUnreadable, Detail: "permission denied"}
	default:
		return &provider.ArchiveError{Code: provider.ArchiveUnreadable}
	}
}

// guarded is one compressed file. What comes out is held against what went in.
type guarded struct {
	in         io.ReadCloser
	tally      *tally
	compressed int64
	read       int64
}

// Read implements io.Reader.
func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.in.Read(p)
	g.read += int64(n)
	if g.tally.limits.isBomb(g.read, g.compressed) {
		g.tally.fault = g.tally.bomb()
		return 0, g.tally.fault
	}
	switch {
	case errors.Is(err, io.EOF):
		return n, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF): // the archive goes on behind this file
		return n, &provider.ArchiveError{Code: provider.ArchiveDamaged}
	default:
		return n, faultOf(err)
	}
}

// Close implements io.Closer.
func (g *guarded) Close() error { return faultOf(g.in.Close()) }

// flow is what comes out of a compressed stream; it ends with its context.
type flow struct {
	ctx        context.Context
	in         io.Reader
	tally      *tally
	compressed *int64 // read so far; nil when the stream is not compressed
	read       int64
}

// Read implements io.Reader.
func (f *flow) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.in.Read(p)
	f.read += int64(n)
	switch {
	case f.read > f.tally.limits.Bytes:
		return 0, f.tally.tooLarge()
	case f.compressed != nil && f.tally.limits.isBomb(f.read, *f.compressed):
		return 0, f.tally.bomb()
	}
	return n, err
}

// counted counts what is read from a file.
type counted struct {
	in   io.Reader
	read int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.read += int64(n)
	return n, err
}
