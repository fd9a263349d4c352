package main

import (
	"archive/zip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// bare unpacks the archive in this process.
func (i *importing) bare(unpack func(f *zip.File) error) func(context.Context, func(), func()) (int, error) {
	return func(_ context.Context, start, stop func()) (int, error) {
		start()
		defer stop()
		archive, err := zip.OpenReader(i.path)
		if err != nil {
			return 0, err
		}
		defer archive.Close()
		for _, f := range archive.File {
			if err := unpack(f); err != nil {
				return 0, fmt.Errorf("%s: %w", path.Base(f.Name), err)
			}
		}
		return i.exercises, nil
	}
}

// unpackAll decodes what is JSON and unpacks the rest.
func unpackAll(f *zip.File) error {
	return unpacked(f, func(r io.Reader) error {
		if path.Ext(f.Name) == ".json" {
			return decode(r)
		}
		_, err := io.Copy(io.Discard, r)
		return err
	})
}

// unpackRecords decodes the pages of exercises and the tables of exercises, and
// leaves all other files packed.
func unpackRecords(f *zip.File) error {
	name := path.Base(f.Name)
	switch {
	case strings.HasPrefix(name, "exercise-") && path.Ext(name) == ".json":
		return unpacked(f, decode)
	case strings.HasPrefix(name, "UserExercises_"):
		return unpacked(f, func(r io.Reader) error {
			rows := csv.NewReader(r)
			rows.FieldsPerRecord, rows.ReuseRecord = -1, true
			for {
				if _, err := rows.Read(); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
			}
		})
	}
	return nil
}

func unpacked(f *zip.File, read func(io.Reader) error) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	return errors.Join(read(r), r.Close())
}

// decode reads the records of an array, one at a time. A file that is no array of
// records is as it is.
func decode(r io.Reader) error {
	d := json.NewDecoder(r)
	d.UseNumber()
	first, err := d.Token()
	if err != nil || first != json.Delim('[') {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	for d.More() {
		var record map[string]any
		if err := d.Decode(&record); err != nil {
			return err
		}
	}
	return nil
}

// peakMemory is the most that this process had resident so far, in bytes.
func peakMemory() int64 { return statusBytes("VmHWM:") }

// statusBytes is a size that the system tells of this process; zero elsewhere than
// on Linux.
func statusBytes(name string) int64 {
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(procField("/proc/self/status", name), "kB")), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}
