package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// named is a file that goes into an archive.
type named struct{ name, text string }

func zipOf(t testing.TB, files ...named) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		entry, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(entry, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipWith is a zip file with one entry of a made-up header.
func zipWith(t testing.TB, header zip.FileHeader, packed []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	entry, err := w.CreateRaw(&header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(packed); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, files ...named) []byte {
	t.Helper()
	var headers []tar.Header
	for _, f := range files {
		headers = append(headers, tar.Header{Name: f.name, Typeflag: tar.TypeReg, Size: int64(len(f.text)), Mode: 0o600})
	}
	return tarWith(t, headers, files)
}

func tarWith(t testing.TB, headers []tar.Header, files []named) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if i < len(files) {
			if _, err := io.WriteString(w, files[i].text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// saved is the path of a new file.
func saved(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// unpacked is the path of a new folder with files.
func unpacked(t testing.TB, files ...named) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// sample is what a Mac makes of an export that is packed again.
func sample() []named {
	return []named{
		{"Takeout/Fitbit/Global Export Data/exercise-0.json", `[{"logId":1}]`},
		{"Takeout/Fitbit/Global Export Data/exercise-100.json", strings.Repeat("[]", 5000)},
		{"__MACOSX/Takeout/Fitbit/._exercise-0.json", "x"},
		{"Takeout/.DS_Store", "x"},
		{"Takeout/Fitbit/._exercise-100.json", "x"},
		{"Takeout/Fitbit/Your Profile/Profile.csv", ""},
	}
}
