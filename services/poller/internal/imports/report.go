package imports

import (
	"slices"
	"time"

	"github.com/stridelog/stridelog/provider"
)

// Report says how far an import is and, at the end, what it did.
type Report struct {
	Progress Progress      `json:"progress"`
	Counts   Counts        `json:"counts"`
	Range    *Range        `json:"date_range,omitempty"` // of the records found
	Files    []File        `json:"files"`
	Unknown  []string      `json:"unknown_files"` // base names that nobody knows
	Ignored  int           `json:"ignored_files"` // of families without activities
	Notes    []string      `json:"notes"`         // stable codes
	Elapsed  time.Duration `json:"-"`
}

// Progress is how much of the export has been read.
type Progress struct {
	BytesRead        int64   `json:"bytes_read"`
	BytesTotal       int64   `json:"bytes_total"`
	RecordsPerSecond float64 `json:"records_per_second"`
}

// Counts are numbers of records. Found is the sum of the others, but for those
// superseded and restated. Routes are counted in their row of the files alone.
type Counts struct {
	Found        int `json:"found"`
	Imported     int `json:"imported"`
	AlreadyThere int `json:"already_there"`
	Enriched     int `json:"enriched"`
	Skipped      int `json:"skipped"`  // not brought in; the files say why
	Rejected     int `json:"rejected"` // kept in the log, but not understood
	// Superseded are records that an earlier import had brought in under an id of
	// the export's own, and that are known under the provider's id now.
	Superseded int `json:"superseded"`
	// Restated are records of earlier imports of which this one tells more, without
	// holding them: the time zone of a profile, or the row of another file.
	Restated int `json:"restated"`
}

// Range is from the first start to the last.
type Range struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// File is what became of the records of one file.
type File struct {
	Name         string         `json:"name"`
	Kind         string         `json:"kind"`
	Found        int            `json:"found"`
	Imported     int            `json:"imported"`
	AlreadyThere int            `json:"already_there"`
	Enriched     int            `json:"enriched"`
	Rejected     int            `json:"rejected"`
	Skipped      map[string]int `json:"skipped,omitempty"` // why, to count
	Problem      string         `json:"problem,omitempty"`
}

// tally counts while an import runs.
type tally struct {
	counts Counts
	span   *Range
	files  map[string]*File
	order  []string
}

func newTally() *tally { return &tally{files: map[string]*File{}} }

func (t *tally) file(name string) *File {
	f, known := t.files[name]
	if !known {
		f = &File{Name: name}
		t.files[name] = f
		t.order = append(t.order, name)
	}
	return f
}

// add counts a record of a file.
func (t *tally) add(r record, o outcome) {
	f := t.file(r.File)
	f.Found++
	t.counts.Found++
	if r.StartedAt != nil {
		t.cover(r.StartedAt.UTC())
	}
	switch {
	case r.Problem != "":
		f.Rejected++
		t.counts.Rejected++
	case o == imported:
		f.Imported++
		t.counts.Imported++
	case o == enriched:
		f.Enriched++
		t.counts.Enriched++
	default:
		f.AlreadyThere++
		t.counts.AlreadyThere++
	}
}

// skip counts a record that the log does not take.
func (t *tally) skip(r record) {
	f := t.file(r.File)
	f.Found++
	f.skip(string(tooLarge), 1)
	t.counts.Found++
	t.counts.Skipped++
}

// addRoute counts a route in its row.
func (t *tally) addRoute(file string, o outcome) {
	f := t.file(file)
	f.Found++
	switch o {
	case imported:
		f.Imported++
	case alreadyThere:
		f.AlreadyThere++
	default:
		f.skip(string(o), 1)
	}
}

func (f *File) skip(why string, n int) {
	if f.Skipped == nil {
		f.Skipped = map[string]int{}
	}
	f.Skipped[why] += n
}

func (t *tally) cover(at time.Time) {
	if t.span == nil {
		t.span = &Range{From: at, To: at}
		return
	}
	if at.Before(t.span.From) {
		t.span.From = at
	}
	if at.After(t.span.To) {
		t.span.To = at
	}
}

// report is how the import stands.
func (t *tally) report() Report {
	r := Report{Counts: t.counts, Unknown: []string{}, Notes: []string{}, Files: make([]File, 0, len(t.order))}
	if t.span != nil {
		span := *t.span
		r.Range = &span
	}
	for _, name := range t.order {
		r.Files = append(r.Files, *t.files[name])
	}
	return r
}

// complete adds what the export says of its files.
func (t *tally) complete(e provider.ExportReport) Report {
	for _, x := range e.Files {
		f := t.file(x.Name)
		f.Kind, f.Problem = x.Kind, x.Problem
		for why, n := range x.Skipped {
			f.skip(why, n)
			f.Found += n
			if !provider.IsRoutes(x.Kind) {
				t.counts.Found += n
				t.counts.Skipped += n
			}
		}
	}
	r := t.report()
	r.Unknown, r.Notes, r.Ignored = slices.Concat(r.Unknown, e.Unknown), slices.Concat(r.Notes, e.Notes), e.Ignored
	return r
}
