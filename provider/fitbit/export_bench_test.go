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
	const pages, copies = 40, 33 // of three entries
	page = strings.TrimSuffix(strings.TrimPrefix(page, "["), "]")
	var files []sampleFile
	for n := range pages {
		var text []string
		for i := range copies {
			text = append(text, strings.NewReplacer("6411", fmt.Sprintf("%d", 1000+n*copies+i)).Replace(page))
		}
		f := sampleFile{fmt.Sprintf("Takeout/Fitbit/Global Export Data/exercise-%d.json", n*100), pageOf(text...)}
		files, size = append(files, f), size+int64(len(f.text))
	}
	return packed(b, "zip", files), 3 * pages * copies, size
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
