package export

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// file is a file of an archive. Its bytes are made while they are written.
type file struct {
	path  string
	write func(w *bufio.Writer) error
}

// text is a file of a few lines.
func text(path, content string) file {
	return file{path, func(w *bufio.Writer) error {
		_, err := w.WriteString(content)
		return err
	}}
}

// list gives all files in the order of their paths, so that page 1000 comes
// before page 200.
func (a *Archive) list() []file {
	var files []file
	l := a.layout()
	for i, page := range a.pages() {
		name := fmt.Sprintf("exercise-%d.json", i*pageSize)
		if a.options.Repacked && i == 1 {
			name = fmt.Sprintf("exercise-%d (1).json", i*pageSize) // as a browser names a second download
		}
		files = append(files, file{a.at(l.exercises, name), func(w *bufio.Writer) error { return a.writePage(w, page) }})
	}
	for year, rows := range a.years() {
		name := "UserExercises_" + a.person.Since().AddDate(0, 0, year*365).Format(time.DateOnly) + ".csv"
		files = append(files, file{a.at("Health Fitness Data_GoogleData", name), func(w *bufio.Writer) error { return a.writeRows(w, rows) }})
	}
	if l.profile != "" {
		files = append(files, text(a.at(l.profile, "Profile.csv"), a.profile()))
	}
	files = append(files, a.tracks()...)
	files = append(files, a.decoys()...)
	if a.options.Repacked {
		files = append(files, leftovers(files)...)
	}
	if a.options.Bytes > 0 {
		files = append(files, a.bulk(a.options.Bytes-size(files))...)
	}
	slices.SortFunc(files, func(x, y file) int { return cmp.Compare(x.path, y.path) })
	return files
}

// leftovers are what a Mac puts beside every file it packs.
func leftovers(files []file) []file {
	found := []file{text(".DS_Store", "\x00\x00\x00\x01Bud1")}
	for _, f := range files[:min(20, len(files))] {
		folder, name := "", f.path
		if i := strings.LastIndexByte(f.path, '/'); i >= 0 {
			folder, name = f.path[:i+1], f.path[i+1:]
		}
		found = append(found, text("__MACOSX/"+folder+"._"+name, "\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X"))
	}
	return found
}

// pageSize is how far apart the numbers of two pages are.
const pageSize = 100

// pages splits what has a page, oldest first: a hundred to a page, and 99 on the
// second, as seen.
func (a *Archive) pages() [][]Record {
	var all []Record
	for _, r := range a.records {
		if r.InPages {
			all = append(all, r)
		}
	}
	var pages [][]Record
	for len(all) > 0 {
		n := pageSize
		if len(pages) == 1 && len(all) > pageSize {
			n = pageSize - 1
		}
		n = min(n, len(all))
		pages = append(pages, all[:n])
		all = all[n:]
	}
	return pages
}

func (a *Archive) writePage(w io.Writer, page []Record) error {
	out := []byte{'['}
	for i, r := range page {
		if i > 0 {
			out = append(out, ',')
		}
		out = a.entry(r).append(out, "")
	}
	_, err := w.Write(append(out, ']'))
	return err
}

// years splits the rows into years of 365 days since the account was made, by
// their number. A year without a row has no file.
func (a *Archive) years() map[int][]Record {
	years := map[int][]Record{}
	for _, r := range a.records {
		if r.RowID != "" {
			year := max(0, int(r.rowStart.Sub(a.person.Since())/(365*24*time.Hour)))
			years[year] = append(years[year], r)
		}
	}
	for _, rows := range years {
		slices.SortFunc(rows, func(x, y Record) int { return cmp.Compare(x.RowID, y.RowID) })
	}
	return years
}

// size is how many bytes files have.
func size(files []file) int64 {
	var n counter
	for _, f := range files {
		_ = f.writeTo(&n) // a counter takes everything
	}
	return int64(n)
}

// counter counts what is written to it.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func (f file) writeTo(w io.Writer) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	if err := f.write(buffered); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return buffered.Flush()
}
