package archive_test

import (
	"archive/zip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// Whatever is handed over, it is read within the limits or refused with a code.
func FuzzArchive(f *testing.F) {
	good := zipOf(f, sample()...)
	for _, seed := range [][]byte{
		good, good[:len(good)/2], tarOf(f, sample()...), gzipOf(f, tarOf(f, sample()...)), nil, []byte("<html>"), zipOf(f),
		zipOf(f, named{"../x", ""}), zipOf(f, named{"a.json", strings.Repeat("0", 5000)}), zipWith(f, zip.FileHeader{Name: "a", Flags: 1}, nil),
		zipWith(f, link("a"), []byte("/etc/passwd")), tarOf(f, named{strings.Repeat("long/", 60) + "a", "x"}), []byte("\x1f\x8b\x08"),
	} {
		f.Add(seed)
	}
	limits := archive.Limits{Files: 20, Bytes: 1 << 20, Ratio: 50}
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := archive.Open(t.Context(), []string{saved(t, "upload", content)}, limits)
		if err != nil {
			hasCode(t, err)
			return
		}
		defer a.Close()
		files, bytes := 0, int64(0)
		err = a.Walk(t.Context(), nil, func(file archive.File) error {
			files++
			if strings.HasPrefix(file.Path, "/") || strings.Contains("/"+file.Path+"/", "/../") || strings.Contains(file.Base, "/") {
				t.Fatalf("the path %q leads outside", file.Path)
			}
			in, err := file.Open()
			if err != nil {
				hasCode(t, err)
				return nil
			}
			n, err := io.Copy(io.Discard, in)
			if err != nil {
				hasCode(t, err)
			}
			bytes += n
			return in.Close()
		})
		if err != nil {
			hasCode(t, err)
		}
		if files > limits.Files || bytes > limits.Bytes {
			t.Fatalf("%d files with %d bytes are more than the limits", files, bytes)
		}
	})
}

func hasCode(t *testing.T, err error) {
	t.Helper()
	var fault *provider.ArchiveError
	if !errors.As(err, &fault) || fault.Code == "" {
		t.Fatalf("an error without a code: %v", err)
	}
}
