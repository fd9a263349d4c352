package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/stridelog/stridelog/provider"
)

// perEntry is the most bytes that an entry of a zip file's directory has on
// average: 46, the name, and times and sizes beside it.
const perEntry = 256

// headerSize is the bytes that an entry of the directory has at least.
const headerSize = 46

// tail is where a zip file's directory is looked for, and more.
const tail = 256 << 10

// zipped is a zip file. Its files are found by its directory.
type zipped struct {
	file *os.File
	list []File
}

func openZip(file *os.File, size int64, t *tally) (part, error) {
	directory := &budget{in: file, left: int64(t.limits.Files)*perEntry + tail, entries: 2*t.limits.Files + tail/headerSize}
	r, err := zip.NewReader(directory, size)
	switch {
	case directory.left < 0 || directory.entries < 0:
		return nil, t.tooManyFiles()
	case errors.Is(err, zip.ErrFormat):
		// It begins like a zip file, and the directory at its end is missing.
		return nil, &provider.ArchiveError{Code: provider.ArchiveTruncated}
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		return nil, faultOf(err)
	}
	directory.over = true
	z := &zipped{file: file}
	before := t.bytes
	for _, entry := range r.File {
		f, err := zippedFile(entry, t)
		if err != nil {
			return nil, err
		}
		if f != nil {
			z.list = append(z.list, *f)
		}
	}
	// Entries that share their bytes are a bomb that no single ratio shows.
	if t.limits.isBomb(t.bytes-before, size) {
		return nil, t.bomb()
	}
	return z, nil
}

// zippedFile checks an entry; nil for one that is no file of the export.
func zippedFile(entry *zip.File, t *tally) (*File, error) {
	name, err := safeName(entry.Name)
	if err != nil {
		return nil, err
	}
	if entry.UncompressedSize64 > math.MaxInt64 || entry.CompressedSize64 > math.MaxInt64 {
		return nil, t.tooLarge()
	}
	size, compressed := int64(entry.UncompressedSize64), int64(entry.CompressedSize64)
	if err := t.add(size); err != nil {
		return nil, err
	}
	mode := entry.Mode()
	const isEncrypted = 0x1
	switch {
	case mode.IsDir():
		return nil, nil
	case mode&fs.ModeType != 0:
		return nil, &provider.ArchiveError{Code: provider.ArchiveLink}
	case isMark(name):
		return nil, nil
	case entry.Flags&isEncrypted != 0:
		return nil, &provider.ArchiveError{Code: provider.ArchiveEncrypted}
	case entry.Method != zip.Store && entry.Method != zip.Deflate:
		return nil, &provider.ArchiveError{Code: provider.ArchiveUnsupported, Detail: "a compression that few programs know"}
	}
	f := newFile(name, size, func() (io.ReadCloser, error) {
		in, err := entry.Open()
		if err != nil {
			return nil, faultOf(err)
		}
		return &guarded{in: in, tally: t, compressed: compressed}, nil
	})
	return &f, nil
}

func (z *zipped) files() []File { return z.list }

func (z *zipped) stream(context.Context, func(File) error) error { return nil }

func (z *zipped) Close() error { return faultOf(z.file.Close()) }

// budget ends the reading of a directory that is larger than any that may be, or
// has more entries, whatever it says itself: the library reads it whole into
// memory. The end of a file is read twice, so the bounds are not narrow; the
// entries are counted once they are read.
type budget struct {
	in      io.ReaderAt
	left    int64 // bytes
	entries int   // left, too
	over    bool  // the directory is read
}

var errBudget = errors.New("the directory is too large")

// ReadAt implements io.ReaderAt.
func (b *budget) ReadAt(p []byte, at int64) (int, error) {
	n, err := b.in.ReadAt(p, at)
	if b.over {
		return n, err
	}
	b.left -= int64(n)
	b.entries -= bytes.Count(p[:n], []byte("PK\x01\x02")) // as each entry begins
	if b.left < 0 || b.entries < 0 {
		return 0, errBudget
	}
	return n, err
}
