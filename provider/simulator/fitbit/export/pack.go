package export

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// WriteZip writes the archive as one zip file.
func (a *Archive) WriteZip(w io.Writer) error { return a.zip(w, a.files) }

func (a *Archive) zip(w io.Writer, files []file) error {
	pack := zip.NewWriter(w)
	for _, f := range files {
		entry, err := pack.CreateHeader(&zip.FileHeader{Name: f.path, Method: zip.Deflate, Modified: a.options.At})
		if err != nil {
			return fmt.Errorf("write simulated archive: %w", err)
		}
		if err := f.writeTo(entry); err != nil {
			return fmt.Errorf("write simulated archive: %w", err)
		}
	}
	if err := pack.Close(); err != nil {
		return fmt.Errorf("write simulated archive: %w", err)
	}
	return nil
}

// WriteTGZ writes the archive as one gzipped tar file. Each file is made twice,
// because a tar file says sizes first.
func (a *Archive) WriteTGZ(w io.Writer) error {
	squeezed := gzip.NewWriter(w)
	pack := tar.NewWriter(squeezed)
	for _, f := range a.files {
		header := &tar.Header{Name: f.path, Size: size([]file{f}), Mode: 0o644, ModTime: a.options.At, Typeflag: tar.TypeReg}
		if err := pack.WriteHeader(header); err != nil {
			return fmt.Errorf("write simulated archive: %w", err)
		}
		if err := f.writeTo(pack); err != nil {
			return fmt.Errorf("write simulated archive: %w", err)
		}
	}
	if err := errors.Join(pack.Close(), squeezed.Close()); err != nil {
		return fmt.Errorf("write simulated archive: %w", err)
	}
	return nil
}

// WriteFolder writes the archive unpacked, below an existing folder.
func (a *Archive) WriteFolder(dir string) error {
	for _, f := range a.files {
		path := filepath.Join(dir, filepath.FromSlash(f.path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write simulated archive: %w: make the folder writable", err)
		}
		if err := create(path, f.writeTo); err != nil {
			return err
		}
	}
	return nil
}

// WriteParts writes the archive as so many zip files into an existing folder and
// returns their paths. Each part is a whole archive, and every family of several
// files is spread over all parts.
func (a *Archive) WriteParts(dir string, parts int) ([]string, error) {
	if parts < 1 || parts > 999 {
		return nil, fmt.Errorf("write simulated archive: %d parts; give 1 to 999", parts)
	}
	var paths []string
	for part := range parts {
		var files []file
		for i, f := range a.files {
			if i%parts == part {
				files = append(files, f)
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("takeout-%s-1-%03d.zip", a.options.At.Format("20060102T150405Z"), part+1))
		if err := create(path, func(w io.Writer) error { return a.zip(w, files) }); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// Save writes the archive to a path: as .zip, as .tgz (or .tar.gz), or else into
// a folder of that name.
func (a *Archive) Save(path string) error {
	switch {
	case strings.HasSuffix(path, ".zip"):
		return create(path, a.WriteZip)
	case strings.HasSuffix(path, ".tgz"), strings.HasSuffix(path, ".tar.gz"):
		return create(path, a.WriteTGZ)
	default:
		if err := os.MkdirAll(path, 0o755); err != nil {
			return fmt.Errorf("write simulated archive: %w: name a folder that can be made", err)
		}
		return a.WriteFolder(path)
	}
}

// create writes a file; a write that failed leaves none.
func create(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write simulated archive: %w: make the folder writable", err)
	}
	err = write(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write simulated archive: %w", err), os.Remove(path))
	}
	return nil
}
