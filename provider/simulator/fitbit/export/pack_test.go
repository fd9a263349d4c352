package export_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
)

func TestEveryPackingHoldsTheSame(t *testing.T) {
	p := people(t)[0]
	o := export.Options{At: made, Repacked: true}
	a := archive(t, p, o)
	want := files(t, a)
	compare := func(how string, got map[string][]byte) {
		t.Helper()
		if !maps.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%s holds %d files, the zip file %d, or others", how, len(got), len(want))
		}
	}
	compare("the same archive again", files(t, archive(t, p, o)))
	if other := files(t, archive(t, people(t)[1], o)); maps.EqualFunc(other, want, bytes.Equal) {
		t.Error("somebody else has the same archive")
	}
	var tgz bytes.Buffer
	if err := a.WriteTGZ(&tgz); err != nil {
		t.Fatal(err)
	}
	compare("the tgz file", untarred(t, &tgz))
	dir := t.TempDir()
	if err := a.Save(filepath.Join(dir, "folder")); err != nil {
		t.Fatal(err)
	}
	compare("the folder", folder(t, filepath.Join(dir, "folder")))
	parts, err := a.WriteParts(dir, 3)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for i, part := range parts {
		packed, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		files := unzipped(t, packed)
		if len(pages(t, files)) < 2 || !strings.HasSuffix(part, []string{"001.zip", "002.zip", "003.zip"}[i]) {
			t.Errorf("%s holds %d pages", part, len(pages(t, files)))
		}
		maps.Copy(all, files)
	}
	compare("three parts", all)
}

func untarred(t *testing.T, packed io.Reader) map[string][]byte {
	t.Helper()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	files, r := map[string][]byte{}, tar.NewReader(plain)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func folder(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(filepath.Join(dir, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTopFoldersAreThoseOfTheEras(t *testing.T) {
	p := people(t)[0]
	for era, want := range map[export.Era]string{
		export.EraA: "MyFitbitData/AnnaBeispiel/user-site-export/exercise-0.json",
		export.EraB: "MyFitbitData/AnnaBeispiel/Physical Activity/exercise-0.json",
		export.EraC: "Takeout/Fitbit/Global Export Data/exercise-0.json",
		export.EraD: "Takeout/Google Health/Global Export Data/exercise-0.json",
	} {
		if all := files(t, archive(t, p, export.Options{Era: era, At: made})); all[want] == nil {
			t.Errorf("era %s has no %s; it has %v", era, want, slices.Sorted(maps.Keys(all)))
		}
	}
	if all := files(t, archive(t, p, export.Options{At: made, Top: "."})); all["Google Health/Your Profile/Profile.csv"] == nil {
		t.Errorf("without a top folder: %v", slices.Sorted(maps.Keys(all)))
	}
}

// TestPrivateTextsAreThere makes sure that a search for them could find them.
func TestPrivateTextsAreThere(t *testing.T) {
	a := archive(t, people(t)[0], export.Options{At: made})
	whole := bytes.Join(slices.Collect(maps.Values(files(t, a))), nil)
	for _, private := range a.Private() {
		if !bytes.Contains(whole, []byte(private)) {
			t.Errorf("%q is nowhere in the archive", private)
		}
	}
}

func TestLargeArchivesAreWrittenWithFlatMemory(t *testing.T) {
	const bytes, exercises, most = 40 << 20, 1500, 24 << 20
	a := archive(t, people(t)[0], export.Options{At: made, Bytes: bytes, Exercises: exercises})
	if n := len(a.Records()); n < exercises {
		t.Errorf("%d exercises, want %d", n, exercises)
	}
	w := &watcher{}
	if err := a.WriteTGZ(tee{w}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d looks at the heap, at most %d MB", w.writes/200, w.heap>>20)
	if looks := w.writes / 200; looks < 5 || w.heap > most {
		t.Errorf("looked at the heap %d times; it grew to %d MB", looks, w.heap>>20)
	}
	ids := map[string]bool{}
	for _, r := range a.Records() {
		if ids[r.ExternalID] {
			t.Errorf("id %s comes twice", r.ExternalID)
		}
		ids[r.ExternalID] = true
	}
}

// watcher looks at the heap now and then.
type watcher struct {
	writes int
	heap   uint64
}

type tee struct{ *watcher }

func (w tee) Write(p []byte) (int, error) {
	if w.writes++; w.writes%200 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.heap = max(w.heap, m.HeapAlloc)
	}
	return len(p), nil
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, o := range []export.Options{{Era: "E"}, {Exercises: -1}, {Bytes: -1}} {
		if _, err := export.New(people(t)[0], o); err == nil {
			t.Errorf("%+v makes an archive", o)
		}
	}
}
