package fitbit

import (
	"archive/zip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// A page of 24 MB is read in little memory: what is kept of 8,000 entries
// between the two readings, and one entry.
func TestAGiganticPageTakesLittleMemory(t *testing.T) {
	const entries, padding, bound = 8_000, 3000, 16 << 20
	path := filepath.Join(t.TempDir(), "upload")
	if err := writeGigantic(path, entries, padding); err != nil {
		t.Fatal(err)
	}
	readWithin(t, path, bound, func(export provider.Export, look func()) {
		count := 0
		err := export.Activities(t.Context(), func(provider.ImportedActivity) error {
			if count++; count%500 == 0 {
				look()
			}
			return nil
		})
		if err != nil || count != entries || export.Size() < entries*padding {
			t.Fatalf("%d entries of %d bytes, error %v", count, export.Size(), err)
		}
	})
}

// readWithin opens an export and reads it. Whenever the reading looks, no more than
// bound bytes may be held beyond what was held before.
func readWithin(t *testing.T, path string, bound uint64, read func(export provider.Export, look func())) {
	t.Helper()
	before := heldNow()
	export, err := NewImporter(archive.Limits{}).Open(t.Context(), []string{path}, provider.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer export.Close()
	peak := heldNow()
	read(export, func() { peak = max(peak, heldNow()) })
	if peak > before+bound {
		t.Errorf("%d bytes more are held than before", peak-before)
	}
}

func writeGigantic(path string, entries, padding int) error {
	out, w, err := newZip(path)
	if err != nil {
		return err
	}
	defer out.Close()
	page, err := w.CreateHeader(&zip.FileHeader{Name: "Takeout/Fitbit/Global Export Data/exercise-0.json", Method: zip.Store})
	if err != nil {
		return err
	}
	source := rand.New(rand.NewPCG(1, 2))
	letters := lettersOf(source, 1<<20)
	separator := "["
	for n := range entries {
		at := source.IntN(len(letters) - padding)
		if _, err := fmt.Fprintf(page, `%s{"logId":%d,"startTime":"10/04/20 10:00:00","duration":1,"pad":%q}`, separator, n+1, letters[at:at+padding]); err != nil {
			return err
		}
		separator = ",\n"
	}
	if _, err := page.Write([]byte("]")); err != nil {
		return err
	}
	return w.Close()
}

func newZip(path string) (*os.File, *zip.Writer, error) {
	out, err := os.Create(path)
	if err != nil {
		return nil, nil, err
	}
	return out, zip.NewWriter(out), nil
}

// lettersOf do not compress like a bomb.
func lettersOf(source *rand.Rand, n int) []byte {
	letters := make([]byte, n)
	for i := range letters {
		letters[i] = 'a' + byte(source.UintN(16))
	}
	return letters
}

func heldNow() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
