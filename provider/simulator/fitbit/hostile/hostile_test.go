package hostile_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/hostile"
)

// A tolerant reader shows that each archive is what its name says, and that the
// whole ones still hold the good one's files.
func TestArchivesAreWhatTheyAreCalled(t *testing.T) {
	people, err := simulator.Roster(1, time.Date(2026, time.October, 20, 9, 30, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	good, err := export.New(people[0], export.Options{At: people[0].Since().AddDate(0, 3, 0)})
	if err != nil {
		t.Fatal(err)
	}
	packed := map[string][]byte{}
	for _, a := range hostile.Archives(good) {
		var b bytes.Buffer
		if err := a.Write(&b); err != nil {
			t.Fatalf("%s: %v", a.Name, err)
		}
		if packed[a.Name] != nil || (a.Refusal == "") == (a.Trouble == "") || a.Whole && a.Refusal != "" {
			t.Errorf("%s: its name comes twice, or its right answer is no answer", a.Name)
		}
		packed[a.Name] = b.Bytes()
	}
	if bomb := opened(t, packed["bomb by ratio"]); bomb.File[0].UncompressedSize64 != 256<<20 || len(packed["bomb by ratio"]) > 512<<10 {
		t.Errorf("the bomb has %d bytes for %d", len(packed["bomb by ratio"]), bomb.File[0].UncompressedSize64)
	} else if n, err := unpack(bomb.File[0]); n != 256<<20 || err != nil {
		t.Errorf("the bomb unpacks to %d bytes: %v", n, err)
	}
	if n := len(opened(t, packed["bomb by count"]).File); n < 250_000 {
		t.Errorf("the bomb has only %d files", n)
	}
	if f := opened(t, packed["symlink, zip"]).File[0]; f.Mode().Type() == 0 {
		t.Error("the link is a file")
	}
	if f := opened(t, packed["encrypted entry"]).File[0]; f.Flags&1 == 0 {
		t.Error("the entry is not encrypted")
	}
	if _, err := zip.NewReader(bytes.NewReader(packed["truncated zip"]), int64(len(packed["truncated zip"]))); !errors.Is(err, zip.ErrFormat) {
		t.Errorf("the truncated archive opens: %v", err)
	}
	var sound bytes.Buffer
	if err := good.WriteZip(&sound); err != nil {
		t.Fatal(err)
	}
	want := len(opened(t, sound.Bytes()).File) + 1
	for _, a := range hostile.Archives(good) {
		if a.Whole && len(opened(t, packed[a.Name]).File) != want {
			t.Errorf("%s has %d files, want %d", a.Name, len(opened(t, packed[a.Name]).File), want)
		}
	}
}

func opened(t *testing.T, packed []byte) *zip.Reader {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		t.Fatal(err)
	}
	return r
}

func unpack(f *zip.File) (int64, error) {
	in, err := f.Open()
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, in)
}
