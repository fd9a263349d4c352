package fitbit

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// imported is everything that an export gives.
type imported struct {
	activities []provider.ImportedActivity
	routes     []provider.ImportedRoute
	report     provider.ExportReport
	size, read int64
}

func readExport(t testing.TB, paths ...string) imported {
	t.Helper()
	return readStated(t, provider.ImportOptions{}, paths...)
}

// readStated is readExport of somebody who says something about the export.
func readStated(t testing.TB, o provider.ImportOptions, paths ...string) imported {
	t.Helper()
	got, err := tryStated(t.Context(), o, paths...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func tryExport(ctx context.Context, paths ...string) (imported, error) {
	return tryStated(ctx, provider.ImportOptions{}, paths...)
}

func tryStated(ctx context.Context, o provider.ImportOptions, paths ...string) (got imported, err error) {
	export, err := NewImporter(archive.Limits{}).Open(ctx, paths, o)
	if err != nil {
		return got, err
	}
	defer export.Close()
	err = export.Activities(ctx, func(a provider.ImportedActivity) error {
		got.activities, got.read = append(got.activities, a), a.Read
		return nil
	})
	if err == nil {
		err = export.Routes(ctx, func(r provider.ImportedRoute) error {
			r.Raw, got.read = bytes.Clone(r.Raw), r.Read
			got.routes = append(got.routes, r)
			return nil
		})
	}
	got.report, got.size = export.Report(), export.Size()
	return got, err
}

// seen is an activity as the expected files show it.
type seen struct {
	provider.ImportedActivity
	Raw      string // in the sample already
	Duration string
	Workout  *events.Workout
	Fault    string `json:",omitempty"` // of the normalizer
}

func seenOf(a provider.ImportedActivity) seen {
	s := seen{ImportedActivity: a, Raw: "", Duration: a.Duration.String()}
	w, err := normalizeImported(a)
	if err != nil {
		s.Fault = err.Error()
		return s
	}
	s.Workout = &w
	return s
}

func normalizeImported(a provider.ImportedActivity) (events.Workout, error) {
	return Normalizers()[a.Format].Normalize(provider.Record{
		Provider: Name, ExternalID: a.ExternalID, Format: a.Format, Raw: a.Raw, Context: a.Context,
	})
}

// Each folder in testdata/exports is composed after the exports of one era; the
// file beside it holds what is read from it.
func TestErasBecomeWorkouts(t *testing.T) {
	for _, era := range eras() {
		t.Run(era, func(t *testing.T) {
			folder := filepath.Join("testdata", "exports", era)
			got := readExport(t, folder)
			var text bytes.Buffer
			encoder := json.NewEncoder(&text)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			for _, a := range got.activities {
				if err := encoder.Encode(seenOf(a)); err != nil {
					t.Fatal(err)
				}
			}
			if err := encoder.Encode(got.report); err != nil {
				t.Fatal(err)
			}
			golden := folder + ".golden.json"
			if *update {
				if err := os.WriteFile(golden, text.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("nothing is expected; write it by hand or with -update: %v", err)
			}
			if got, want, differ := firstDifference(text.String(), string(want)); differ {
				t.Errorf("the first difference:\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

// firstDifference is the first line in which two texts differ.
func firstDifference(a, b string) (lineA, lineB string, differ bool) {
	linesB := strings.Split(b, "\n")
	for i, line := range strings.Split(a, "\n") {
		if i >= len(linesB) {
			return line, "nothing", true
		}
		if line != linesB[i] {
			return line, linesB[i], true
		}
	}
	return "", "", a != b
}

func eras() []string { return []string{"era_a", "era_b", "era_c", "era_d"} }

// The bytes of a record are those in its file.
func TestRecordsAreKeptByteForByte(t *testing.T) {
	for _, era := range eras() {
		folder := filepath.Join("testdata", "exports", era)
		files := map[string]string{}
		for _, f := range filesOf(t, folder) {
			files[filepath.Base(f.name)] = f.text
		}
		got := readExport(t, folder)
		for _, a := range got.activities {
			lines := []string{string(a.Raw)}
			if a.Format == FormatExportCSV {
				lines = strings.SplitN(string(a.Raw), "\r\n", 2)
			}
			if a.Context.Companion != "" {
				header, row, _ := strings.Cut(a.Context.Companion, "\r\n")
				if all := strings.Join(slices.Collect(mapValues(files)), "\n"); !strings.Contains(all, header+"\n") || !strings.Contains(all, row) {
					t.Errorf("%s: the companion of %s stands in no file", era, a.ExternalID)
				}
			}
			for _, line := range lines {
				if !strings.Contains(files[a.File], line) {
					t.Errorf("%s: the bytes of %s do not stand in %s", era, a.ExternalID, a.File)
				}
			}
		}
	}
}

func mapValues(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// The profile holds what nobody needs to know. The sample's own file is the
// control: there it stands.
func TestNothingOfThePersonIsKept(t *testing.T) {
	private := []string{"Planted", "planted.control", "1984", "SamplePerson", "7XQ2LM", "2015-09-01", "171.0"}
	for _, era := range eras()[1:] {
		folder := filepath.Join("testdata", "exports", era)
		var control strings.Builder
		for _, f := range filesOf(t, folder) {
			control.WriteString(f.name + f.text)
		}
		got := readExport(t, folder)
		var kept strings.Builder
		encoder := json.NewEncoder(&kept)
		for _, a := range got.activities {
			if err := encoder.Encode([]any{a, string(a.Raw), seenOf(a)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := encoder.Encode(got.report); err != nil {
			t.Fatal(err)
		}
		for _, text := range private {
			if !strings.Contains(control.String(), text) && text != "SamplePerson" {
				t.Errorf("%s: the control %q is not in the sample", era, text)
			}
			if strings.Contains(kept.String(), text) {
				t.Errorf("%s: %q is kept", era, text)
			}
		}
		if zone := "Europe/Amsterdam"; era == "era_c" && !strings.Contains(kept.String(), zone) {
			t.Errorf("%s: the search does not find even the zone", era)
		}
	}
}

// sampleFile is a file of an export with its path inside.
type sampleFile struct{ name, text string }

func filesOf(t testing.TB, folder string) []sampleFile {
	t.Helper()
	var files []sampleFile
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		inside, _ := filepath.Rel(folder, path)
		files = append(files, sampleFile{filepath.ToSlash(inside), string(text)})
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	return files
}

// packed is the path of a new archive.
func packed(t testing.TB, kind string, files []sampleFile) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "upload")
	if kind == "folder" {
		for _, f := range files {
			at := filepath.Join(path, filepath.FromSlash(f.name))
			if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, []byte(f.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if kind == "tgz" {
		err = writeTGZ(out, files)
	} else {
		err = writeZip(out, files)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func writeZip(out io.Writer, files []sampleFile) error {
	w := zip.NewWriter(out)
	for _, f := range files {
		entry, err := w.Create(f.name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(entry, f.text); err != nil {
			return err
		}
	}
	return w.Close()
}

func writeTGZ(out io.Writer, files []sampleFile) error {
	squeezed := gzip.NewWriter(out)
	w := tar.NewWriter(squeezed)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.text)), Mode: 0o600}); err != nil {
			return err
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return squeezed.Close()
}
