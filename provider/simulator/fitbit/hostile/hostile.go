// Package hostile writes archives that are broken or made to do harm, for tests
// of whoever opens what people upload.
package hostile

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Archive is one archive with the answer that is right.
type Archive struct {
	Name   string
	Suffix string // .zip or .tgz
	// Refusal is the code that refuses the archive as a whole; empty when it is
	// opened and its report tells the trouble.
	Refusal string
	// Trouble is what the report must hold where there is no Refusal: a note, or
	// the reason why a record was skipped, or "problem" for a file that is none.
	Trouble string
	// Whole says that everything else in the archive can be read.
	Whole bool
	Write func(w io.Writer) error
}

// Good is a sound archive that the broken ones are made from.
type Good interface {
	WriteZip(w io.Writer) error
	WriteTGZ(w io.Writer) error
}

// The names of what the archives hold.
const (
	page      = "Takeout/Google Health/Global Export Data/exercise-0.json"
	otherPage = "Takeout/Google Health/Global Export Data/exercise-100.json"
	heartRate = "Takeout/Google Health/Global Export Data/heart_rate-2026-10-19.json"
)

// Archives are all of them. The good archive has at least a page of records; the
// ones that are Whole hold its records too.
func Archives(good Good) []Archive {
	return []Archive{
		{Name: "bomb by ratio", Suffix: ".zip", Refusal: "archive_bomb", Write: ratioBomb},
		{Name: "bomb by count", Suffix: ".zip", Refusal: "archive_too_many_files", Write: countBomb},
		{Name: "names outside, zip", Suffix: ".zip", Refusal: "archive_unsafe_name", Write: func(w io.Writer) error { return stored(w, "../../../etc/cron.d/exercise-0.json", "[]") }},
		{Name: "names outside, tgz", Suffix: ".tgz", Refusal: "archive_unsafe_name", Write: func(w io.Writer) error {
			return tarred(w, &tar.Header{Name: "/etc/cron.d/exercise-0.json", Typeflag: tar.TypeReg, Size: 2}, "[]")
		}},
		{Name: "symlink, zip", Suffix: ".zip", Refusal: "archive_link", Write: zipLink},
		{Name: "symlink, tgz", Suffix: ".tgz", Refusal: "archive_link", Write: func(w io.Writer) error {
			return tarred(w, &tar.Header{Name: page, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, "")
		}},
		{Name: "encrypted entry", Suffix: ".zip", Refusal: "archive_encrypted", Write: encrypted},
		{Name: "truncated zip", Suffix: ".zip", Refusal: "archive_truncated", Write: half(good.WriteZip)},
		{Name: "truncated tgz", Suffix: ".tgz", Refusal: "archive_truncated", Write: half(good.WriteTGZ)},
		{Name: "nested zip", Suffix: ".zip", Refusal: "archive_nested", Write: nested(good.WriteZip)},
		{Name: "a page of the web", Suffix: ".zip", Refusal: "not_an_archive", Write: plain("<!DOCTYPE html><html><body>Sign in to download</body></html>\n")},
		{Name: "empty file", Suffix: ".zip", Refusal: "not_an_archive", Write: plain("")},
		{Name: "empty archive", Suffix: ".zip", Refusal: "not_an_export", Write: func(w io.Writer) error { return zip.NewWriter(w).Close() }},
		{Name: "photographs", Suffix: ".zip", Refusal: "not_an_export", Write: func(w io.Writer) error { return stored(w, "Takeout/Google Photos/cat.jpg", "\xff\xd8\xff") }},
		{Name: "gigantic record", Suffix: ".zip", Trouble: "too_large", Whole: true, Write: beside(good, "exercise-900000.json", gigantic)},
		{Name: "deep record", Suffix: ".zip", Trouble: "broken", Whole: true, Write: beside(good, "exercise-900000.json", deep)},
		{Name: "wrong shape", Suffix: ".zip", Trouble: "problem", Whole: true, Write: beside(good, "exercise-900000.json", func(w io.Writer) error {
			_, err := io.WriteString(w, `{"activities":[],"pagination":{}}`)
			return err
		})},
		{Name: "only part 2 of 3", Suffix: ".zip", Trouble: "part_missing", Write: func(w io.Writer) error { return stored(w, heartRate, "[]") }},
	}
}

// half cuts what a good archive is in two.
func half(write func(io.Writer) error) func(io.Writer) error {
	return func(w io.Writer) error {
		var whole bytes.Buffer
		if err := write(&whole); err != nil {
			return err
		}
		_, err := w.Write(whole.Bytes()[:whole.Len()/2])
		return err
	}
}

func plain(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// nested is an archive that holds nothing but another one.
func nested(write func(io.Writer) error) func(io.Writer) error {
	return func(w io.Writer) error {
		pack := zip.NewWriter(w)
		inner, err := pack.Create("takeout-20261020T093000Z-1-001.zip")
		if err != nil {
			return err
		}
		return errors.Join(write(inner), pack.Close())
	}
}

// stored is a zip file with one entry that is not compressed.
func stored(w io.Writer, name, content string) error {
	pack := zip.NewWriter(w)
	entry, err := pack.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = io.WriteString(entry, content)
	return errors.Join(err, pack.Close())
}

// tarred is a gzipped tar file with one entry.
func tarred(w io.Writer, header *tar.Header, content string) error {
	squeezed := gzip.NewWriter(w)
	pack := tar.NewWriter(squeezed)
	header.Mode, header.ModTime = 0o644, time.Date(2026, time.October, 20, 9, 30, 0, 0, time.UTC)
	if err := pack.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.WriteString(pack, content)
	return errors.Join(err, pack.Close(), squeezed.Close())
}

// beside adds a file to the good archive, in the folder of its pages.
func beside(good Good, name string, write func(io.Writer) error) func(io.Writer) error {
	return func(w io.Writer) error {
		var whole bytes.Buffer
		if err := good.WriteZip(&whole); err != nil {
			return err
		}
		old, err := zip.NewReader(bytes.NewReader(whole.Bytes()), int64(whole.Len()))
		if err != nil {
			return err
		}
		pack := zip.NewWriter(w)
		folder := ""
		for _, f := range old.File {
			if i := strings.LastIndex(f.Name, "/exercise-0.json"); i >= 0 {
				folder = f.Name[:i+1]
			}
			if err := pack.Copy(f); err != nil {
				return err
			}
		}
		if folder == "" {
			return fmt.Errorf("write a hostile archive: the good one has no exercise-0.json in a folder; give one with records")
		}
		entry, err := pack.Create(folder + name)
		if err != nil {
			return err
		}
		return errors.Join(write(entry), pack.Close())
	}
}
