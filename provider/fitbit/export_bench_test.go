package fitbit

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// The two say what reading an export costs beside what nobody can spare: to
// unpack the same files and to decode the same JSON once.

func benchmarkPages(b *testing.B) (path string, entries int, size int64) {
	b.Helper()
	var page string
	for _, f := range filesOf(b, filepath.Join("testdata", "exports", "era_c")) {
		if filepath.Base(f.name) == "exercise-0.json" {
			page = f.text
		}
	}
	var files []sampleFile
	for n := range 1000 {
		text := strings.NewReplacer("6411", fmt.Sprintf("7%03d", n), "/25 ", fmt.Sprintf("/%02d ", n%90+10)).Replace(page)
		files = append(files, sampleFile{fmt.Sprintf("Takeout/Fitbit/Global Export Data/exercise-%d.json", n*100), text})
		size += int64(len(text))
	}
	return packed(b, "zip", files), 3000, size
}

func BenchmarkExport(b *testing.B) {
	path, entries, size := benchmarkPages(b)
	b.SetBytes(size)
	for b.Loop() {
		if got := readExport(b, path); len(got.activities) != entries {
			b.Fatalf("%d entries", len(got.activities))
		}
	}
}

func BenchmarkUnpackAndDecode(b *testing.B) {
	path, entries, size := benchmarkPages(b)
	b.SetBytes(size)
	for b.Loop() {
		r, err := zip.OpenReader(path)
		if err != nil {
			b.Fatal(err)
		}
		count := 0
		for _, f := range r.File {
			in, err := f.Open()
			if err != nil {
				b.Fatal(err)
			}
			text, err := io.ReadAll(in)
			if err != nil {
				b.Fatal(err)
			}
			var page []map[string]any
			if err := json.Unmarshal(text, &page); err != nil {
				b.Fatal(err)
			}
			count += len(page)
		}
		if err := r.Close(); err != nil || count != entries {
			b.Fatalf("%d entries, error %v", count, err)
		}
	}
}
