package archive

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/stridelog/stridelog/provider"
)

func newFile(name string, size int64, open func() (io.ReadCloser, error)) File {
	return File{Path: name, Base: path.Base(name), Size: size, open: open}
}

// folder is an unpacked export. Its files are opened below its root, so that a
// link that appears later leads nowhere else.
type folder struct {
	root *os.Root
	list []File
}

func openFolder(ctx context.Context, path string, t *tally) (part, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, faultOf(err)
	}
	f := &folder{root: root}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return faultOf(err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return f.add(name, entry, t)
	})
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return f, nil
}

func (f *folder) add(name string, entry fs.DirEntry, t *tally) error {
	if entry.IsDir() {
		return nil
	}
	if !entry.Type().IsRegular() {
		return &provider.ArchiveError{Code: provider.ArchiveLink}
	}
	info, err := entry.Info()
	if err != nil {
		return faultOf(err)
	}
	if err := t.add(info.Size()); err != nil {
		return err
	}
	if !isMark(name) {
		f.list = append(f.list, newFile(name, info.Size(), func() (io.ReadCloser, error) {
			file, err := f.root.Open(name)
			if err != nil {
				return nil, faultOf(err)
			}
			return struct {
				io.Reader
				io.Closer
			}{faults{file}, file}, nil
		}))
	}
	return nil
}

func (f *folder) files() []File { return f.list }

func (f *folder) stream(context.Context, func(File) error) error { return nil }

func (f *folder) Close() error { return faultOf(f.root.Close()) }

// single is one file of an export, handed over alone.
type single struct {
	file *os.File
	list []File
}

func openSingle(file *os.File, size int64, t *tally) (part, error) {
	if err := t.add(size); err != nil {
		return nil, err
	}
	f := newFile(filepath.Base(file.Name()), size, func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(file, 0, size)), nil
	})
	return &single{file: file, list: []File{f}}, nil
}

func (s *single) files() []File { return s.list }

func (s *single) stream(context.Context, func(File) error) error { return nil }

func (s *single) Close() error { return faultOf(s.file.Close()) }
