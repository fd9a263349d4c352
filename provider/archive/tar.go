package archive

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"

	"github.com/stridelog/stridelog/provider"
)

// tarred is a tar file, compressed or not. It has no directory, so each walk
// reads it from its start.
type tarred struct {
	file    *os.File
	gzipped bool
	tally   *tally
}

// openTar looks at the first entry, so that what is no archive shows at once.
func openTar(ctx context.Context, file *os.File, gzipped bool, t *tally) (part, error) {
	p := &tarred{file: file, gzipped: gzipped, tally: t}
	r, _, err := p.reader(ctx)
	if err == nil {
		_, err = r.Next()
	}
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, tar.ErrHeader), errors.Is(err, gzip.ErrHeader), !gzipped && isEnd(err):
		return nil, &provider.ArchiveError{Code: provider.ArchiveNotOne}
	case errors.Is(err, io.EOF):
		return p, nil // an archive without files
	default:
		return nil, faultOf(err)
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// reader reads the archive from its start; all is what it is read from.
func (p *tarred) reader(ctx context.Context) (r *tar.Reader, all io.Reader, err error) {
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	in := &counted{in: p.file}
	if !p.gzipped {
		all = &flow{ctx: ctx, in: in, tally: p.tally}
		return tar.NewReader(all), all, nil
	}
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(in, 64<<10))
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, nil, err
	}
	all = &flow{ctx: ctx, in: unzipped, tally: p.tally, compressed: &in.read}
	return tar.NewReader(all), all, nil
}

func (p *tarred) files() []File { return nil }

func (p *tarred) stream(ctx context.Context, visit func(File) error) error {
	r, all, err := p.reader(ctx)
	if err != nil {
		return faultOf(err)
	}
	for count := 1; ; count++ {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return checkSum(all)
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return faultOf(err)
		}
		if count > p.tally.limits.Files {
			return p.tally.tooManyFiles()
		}
		f, err := tarredFile(header, r)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		if err := visit(*f); err != nil {
			return err
		}
	}
}

// checkSum reads what follows the last file: behind it stands the checksum. Some
// programs fill up the file with bytes that mean nothing.
func checkSum(all io.Reader) error {
	_, err := io.Copy(io.Discard, all)
	if errors.Is(err, gzip.ErrHeader) {
		return nil
	}
	return faultOf(err)
}

// tarredFile checks an entry; nil for one that is no file of the export.
func tarredFile(header *tar.Header, r io.Reader) (*File, error) {
	name, err := safeName(header.Name)
	if err != nil {
		return nil, err
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil, nil
	default:
		return nil, &provider.ArchiveError{Code: provider.ArchiveLink}
	}
	if isMark(name) {
		return nil, nil
	}
	f := newFile(name, header.Size, func() (io.ReadCloser, error) { return io.NopCloser(faults{r}), nil })
	return &f, nil
}

func (p *tarred) Close() error { return faultOf(p.file.Close()) }

// faults gives a reader's errors our codes.
type faults struct{ in io.Reader }

// Read implements io.Reader.
func (f faults) Read(p []byte) (int, error) {
	n, err := f.in.Read(p)
	if errors.Is(err, io.EOF) {
		return n, io.EOF
	}
	return n, faultOf(err)
}
