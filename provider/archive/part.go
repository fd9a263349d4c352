package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/stridelog/stridelog/provider"
)

// openPart tells by a file's first bytes what it is. Names say little: an upload
// has none.
func openPart(ctx context.Context, path string, t *tally) (part, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, faultOf(err)
	}
	if info.IsDir() {
		return openFolder(ctx, path, t)
	}
	if !info.Mode().IsRegular() {
		return nil, &provider.ArchiveError{Code: provider.ArchiveNotOne, Detail: "not a regular file"}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, faultOf(err)
	}
	p, err := openFile(ctx, file, info.Size(), t)
	if err != nil {
		_ = file.Close() // it was only read
		return nil, err
	}
	return p, nil
}

// openFile makes a part of an open file and owns it from then on.
func openFile(ctx context.Context, file *os.File, size int64, t *tally) (part, error) {
	start := make([]byte, 8)
	n, err := file.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, faultOf(err)
	}
	start = start[:n]
	is := func(magic string) bool { return bytes.HasPrefix(start, []byte(magic)) }
	switch {
	case is("PK\x03\x04"), is("PK\x05\x06"):
		return openZip(file, size, t)
	case is("\x1f\x8b"):
		return openTar(ctx, file, true, t)
	case is("PK\x07\x08"):
		return nil, &provider.ArchiveError{Code: provider.ArchiveUnsupported, Detail: "one piece of a zip file that was cut up"}
	case is("7z\xbc\xaf"), is("Rar!"), is("\xfd7zXZ"), is("BZh"), is("\x28\xb5\x2f\xfd"):
		return nil, &provider.ArchiveError{Code: provider.ArchiveUnsupported}
	}
	if IsSingle(file.Name()) {
		return openSingle(file, size, t)
	}
	return openTar(ctx, file, false, t)
}

// IsSingle says whether a file that is no archive by its bytes is a single file of an
// export by its name, which then says what is in it.
func IsSingle(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json", ".csv", ".tcx":
		return true
	}
	return false
}
