package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// secret is a name that no error may show.
const secret = "JaneRoe"

func link(name string) zip.FileHeader {
	h := zip.FileHeader{Name: name, UncompressedSize64: 11, CompressedSize64: 11}
	h.SetMode(fs.ModeSymlink | 0o777)
	return h
}

// Each archive is refused with its own code, and with words that tell its owner
// what to do.
func TestArchivesThatAreRefused(t *testing.T) {
	good := zipOf(t, sample()...)
	tgz := gzipOf(t, tarOf(t, sample()...))
	zeros := strings.Repeat("0", 20<<20)
	small := archive.Limits{Files: 5, Bytes: 64 << 20}
	page := secret + "/exercise-0.json"
	for name, test := range map[string]struct {
		content []byte
		limits  archive.Limits
		code    string
	}{
		"a page of the web":        {[]byte("<!DOCTYPE html>" + strings.Repeat(" ", 2000)), archive.Limits{}, provider.ArchiveNotOne},
		"an empty file":            {nil, archive.Limits{}, provider.ArchiveNotOne},
		"a file of zeros":          {make([]byte, 4096), archive.Limits{}, provider.ArchiveNotOne},
		"gzip without tar":         {gzipOf(t, []byte(`[{"logId":1}]`+strings.Repeat(" ", 600))), archive.Limits{}, provider.ArchiveNotOne},
		"seven zip":                {[]byte("7z\xbc\xaf\x27\x1c" + zeros[:100]), archive.Limits{}, provider.ArchiveUnsupported},
		"rar":                      {[]byte("Rar!\x1a\x07\x01" + zeros[:100]), archive.Limits{}, provider.ArchiveUnsupported},
		"a piece of a zip":         {[]byte("PK\x07\x08PK\x03\x04" + zeros[:100]), archive.Limits{}, provider.ArchiveUnsupported},
		"an unheard-of method":     {zipWith(t, zip.FileHeader{Name: page, Method: 9}, nil), archive.Limits{}, provider.ArchiveUnsupported},
		"half a zip":               {good[:len(good)/2], archive.Limits{}, provider.ArchiveTruncated},
		"a zip without its tail":   {good[:len(good)-1], archive.Limits{}, provider.ArchiveTruncated},
		"half a tgz":               {tgz[:len(tgz)/2], archive.Limits{}, provider.ArchiveTruncated},
		"five bytes of a tgz":      {tgz[:5], archive.Limits{}, provider.ArchiveTruncated},
		"a tgz with a wrong sum":   {append(bytes.Clone(tgz[:len(tgz)-8]), 1, 2, 3, 4, 5, 6, 7, 8), archive.Limits{}, provider.ArchiveDamaged},
		"a password":               {zipWith(t, zip.FileHeader{Name: page, Flags: 1}, nil), archive.Limits{}, provider.ArchiveEncrypted},
		"names outside, zip":       {zipOf(t, named{"../" + page, ""}), archive.Limits{}, provider.ArchiveUnsafeName},
		"names outside, backslash": {zipOf(t, named{`a\..\..\` + page, ""}), archive.Limits{}, provider.ArchiveUnsafeName},
		"names at the root":        {zipOf(t, named{"/etc/" + page, ""}), archive.Limits{}, provider.ArchiveUnsafeName},
		"names on a drive":         {zipOf(t, named{`C:\` + page, ""}), archive.Limits{}, provider.ArchiveUnsafeName},
		"names outside, tar":       {tarOf(t, named{"a/../../" + page, ""}), archive.Limits{}, provider.ArchiveUnsafeName},
		"a link, zip":              {zipWith(t, link(page), []byte("/etc/passwd")), archive.Limits{}, provider.ArchiveLink},
		"a link, tgz":              {gzipOf(t, tarWith(t, []tar.Header{{Name: page, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, nil)), archive.Limits{}, provider.ArchiveLink},
		"a hard link, tar":         {tarWith(t, []tar.Header{{Name: page, Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}}, nil), archive.Limits{}, provider.ArchiveLink},
		"a pipe, tar":              {tarWith(t, []tar.Header{{Name: page, Typeflag: tar.TypeFifo}}, nil), archive.Limits{}, provider.ArchiveLink},
		"too many files, zip":      {good, small, provider.ArchiveTooManyFiles},
		"too many files, tgz":      {tgz, small, provider.ArchiveTooManyFiles},
		"a directory without end":  {crowd(t), small, provider.ArchiveTooManyFiles},
		"too large, zip":           {zipWith(t, zip.FileHeader{Name: page, UncompressedSize64: 65 << 20}, nil), small, provider.ArchiveTooLarge},
		"too large, overflowing":   {zipWith(t, zip.FileHeader{Name: page, UncompressedSize64: 1<<64 - 2}, nil), archive.Limits{}, provider.ArchiveTooLarge},
		"too large, tar":           {tarOf(t, named{page, zeros}), archive.Limits{Bytes: 10 << 20}, provider.ArchiveTooLarge},
		"a bomb, zip":              {zipOf(t, named{page, zeros}), archive.Limits{}, provider.ArchiveBomb},
		"a bomb, tgz":              {gzipOf(t, tarOf(t, named{page, zeros})), archive.Limits{}, provider.ArchiveBomb},
		"a bomb that lies":         {liar(t, zeros), archive.Limits{}, provider.ArchiveDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			_, err := contents(t.Context(), test.limits, unpacked(t), saved(t, secret+".zip", test.content))
			var fault *provider.ArchiveError
			if !errors.As(err, &fault) || fault.Code != test.code {
				t.Fatalf("got %v, want the code %s", err, test.code)
			}
			if text := err.Error(); strings.Contains(text, secret) || strings.Contains(text, "exercise") || len(text) < 40 {
				t.Errorf("the words show a name or say too little: %s", text)
			}
			if runtime.NumGoroutine() > before {
				t.Error("something still runs")
			}
		})
	}
}

// crowd is a zip file with far more entries than it says at its end.
func crowd(t *testing.T) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for range 70_000 {
		if _, err := w.CreateRaw(&zip.FileHeader{Name: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// liar is a zip file whose entry is much larger than it says.
func liar(t *testing.T, text string) []byte {
	r, err := zip.NewReader(bytes.NewReader(zipOf(t, named{"a.json", text})), int64(len(zipOf(t, named{"a.json", text}))))
	if err != nil {
		t.Fatal(err)
	}
	in, err := r.File[0].OpenRaw()
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	if _, err := packed.ReadFrom(in); err != nil {
		t.Fatal(err)
	}
	h := r.File[0].FileHeader
	h.UncompressedSize64 = 100
	return zipWith(t, h, packed.Bytes())
}

func TestTheErrorSaysWhichPart(t *testing.T) {
	_, err := contents(t.Context(), archive.Limits{}, saved(t, "1", zipOf(t)), saved(t, "2", []byte("x")))
	if err == nil || !strings.HasPrefix(err.Error(), "archive 2: ") {
		t.Errorf("got %v", err)
	}
	_, err = contents(t.Context(), archive.Limits{}, saved(t, "1", zipOf(t)), saved(t, "2", tarOf(t, named{"a", ""}, named{"../b", ""})))
	if err == nil || !strings.HasPrefix(err.Error(), "archive 2: ") {
		t.Errorf("got %v", err)
	}
}

func TestEveryCodeHasItsOwnWords(t *testing.T) {
	seen := map[string]bool{(&provider.ArchiveError{}).Error(): true}
	for _, code := range provider.ArchiveCodes() {
		words := (&provider.ArchiveError{Code: code}).Error()
		if seen[words] {
			t.Errorf("%s has the words of another code: %s", code, words)
		}
		seen[words] = true
	}
}

func TestFoldersWithLinksAreRefused(t *testing.T) {
	outside := saved(t, "exercise-0.json", []byte("[]"))
	for name, link := range map[string]func(string) error{
		"file":   func(at string) error { return os.Symlink(outside, at) },
		"folder": func(at string) error { return os.Symlink(filepath.Dir(outside), at) },
		"loop":   func(at string) error { return os.Symlink(".", at) },
	} {
		root := unpacked(t, sample()...)
		if err := link(filepath.Join(root, "Takeout", "link")); err != nil {
			t.Fatal(err)
		}
		_, err := contents(t.Context(), archive.Limits{}, root)
		var fault *provider.ArchiveError
		if !errors.As(err, &fault) || fault.Code != provider.ArchiveLink {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// The person names the place; how it is reached is theirs to choose.
	door := filepath.Join(t.TempDir(), "door")
	if err := os.Symlink(unpacked(t, sample()...), door); err != nil {
		t.Fatal(err)
	}
	if files, err := contents(t.Context(), archive.Limits{}, door); err != nil || len(files) != 3 {
		t.Errorf("through a link: %d files, error %v", len(files), err)
	}
}

func TestPathsThatCannotBeRead(t *testing.T) {
	for path, code := range map[string]string{
		filepath.Join(t.TempDir(), secret): provider.ArchiveMissing,
		os.DevNull:                         provider.ArchiveNotOne,
	} {
		_, err := archive.Open(t.Context(), []string{path}, archive.Limits{})
		var fault *provider.ArchiveError
		if !errors.As(err, &fault) || fault.Code != code || strings.Contains(err.Error(), secret) {
			t.Errorf("got %v, want %s", err, code)
		}
	}
}

// A damaged file of a zip file leaves the others readable.
func TestADamagedFileIsItsOwnTrouble(t *testing.T) {
	content := zipOf(t, named{"a.json", strings.Repeat("abc", 100)}, named{"b.json", "[]"})
	at := bytes.Index(content, []byte("a.json")) + len("a.json") + 3
	content[at] ^= 0xff
	a, err := archive.Open(t.Context(), []string{saved(t, "a.zip", content)}, archive.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	outcome := map[string]error{}
	err = a.Walk(t.Context(), nil, func(f archive.File) error {
		in, err := f.Open()
		if err == nil {
			_, err = new(bytes.Buffer).ReadFrom(in)
		}
		outcome[f.Base] = err
		return nil
	})
	var fault *provider.ArchiveError
	if err != nil || outcome["b.json"] != nil || !errors.As(outcome["a.json"], &fault) || fault.Code != provider.ArchiveDamaged {
		t.Errorf("walk %v, files %v", err, outcome)
	}
}
