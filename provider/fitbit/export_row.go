package fitbit

import (
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
	"github.com/stridelog/stridelog/provider/internal/csvtable"
)

// row is a row of UserExercises (section 3), as far as an importer looks at it.
type row struct {
	id      string // empty when it has none
	file    int    // of the report
	header  []byte // of its file
	line    []byte
	end     int64 // bytes of the file up to the row's end
	times   rowTimes
	updated time.Time
	logType string // in lower case
	deleted bool
	taken   bool // goes along with an entry
	// recorded says that a person began and ended it.
	recorded bool
}

// rowTimes are when a row says it was.
type rowTimes struct {
	start    time.Time // UTC; zero when it cannot be read
	duration time.Duration
	offset   *int // seconds east of UTC, then and there
}

// rowIDPrefix stands before the id of a row that is a record of its own.
const rowIDPrefix = "csv-"

// text is the row as it is kept: a row alone would not say what its values are.
func (r *row) text() string { return string(r.header) + "\r\n" + string(r.line) }

// readTable keeps the rows of one file. They are few bytes each, and all of them
// must be known before the first entry can be joined.
func (s *scanner) readTable(f archive.File) error {
	file := provider.ExportFile{Name: f.Base, Kind: "user_exercises_csv", Skipped: map[string]int{}}
	at := len(s.report.Files)
	var rows []row
	rows, file.Problem = s.readRows(f, at, file.Skipped)
	if file.Problem == emptyObject {
		s.recordFiles--
	} else {
		s.known = true
	}
	file.Records = len(rows) + file.Skipped[provider.SkipBroken] + file.Skipped[provider.SkipTooLarge]
	s.report.Files = append(s.report.Files, file)
	s.rows = append(s.rows, rows...)
	return nil
}

func (s *scanner) readRows(f archive.File, at int, skipped map[string]int) (rows []row, problem string) {
	text, problem := readAll(f, maxTables-s.tables)
	if problem != "" || len(text) == 0 { // an empty year has an empty file
		return nil, problem
	}
	s.tables += int64(len(text))
	if isEmptyObject(text) {
		return nil, emptyObject
	}
	table, err := csvtable.Open(text)
	if err != nil || !table.Header.Has("exercise_id") || !table.Header.Has("exercise_start") {
		return nil, "the file does not begin with the column names of exercises"
	}
	for {
		line, ok, more := table.Next()
		switch {
		case !more:
			return rows, ""
		case !ok:
			skipped[provider.SkipBroken]++
		case len(line.Line)+len(table.Header.Line()) > maxEntry:
			skipped[provider.SkipTooLarge]++
		default:
			r := rowOf(line)
			r.file, r.header, r.end = at, table.Header.Line(), int64(table.Offset())
			rows = append(rows, r)
		}
	}
}

func rowOf(line csvtable.Row) row {
	r := row{line: line.Line, times: rowTimesOf(line)}
	if id := line.Value("exercise_id"); isRowID(id) {
		r.id = strings.Clone(id) // the columns of a row share their memory
	}
	r.updated, _ = rowTime(line.Value("exercise_last_updated"))
	r.logType = strings.Clone(strings.ToLower(rowText(line, "log_type")))
	r.deleted = rowText(line, "deletion_reason") != ""
	r.recorded = recordedBy(r.logType)
	return r
}

// isRowID says whether a text is a number of up to 64 bits with a sign.
func isRowID(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return digits != "" && len(digits) <= 19 && strings.Trim(digits, "0123456789") == ""
}

func rowTimesOf(line csvtable.Row) rowTimes {
	start, ok := rowTime(line.Value("exercise_start"))
	end, ended := rowTime(line.Value("exercise_end"))
	if !ok || !ended || end.Before(start) || end.Sub(start) > maxDuration {
		return rowTimes{}
	}
	t := rowTimes{start: start, duration: end.Sub(start)}
	if seconds, ok := secondsEast(line.Value("utc_offset")); ok {
		t.offset = &seconds
	}
	return t
}

// rowText is a column's text; empty for the words that stand for none.
func rowText(line csvtable.Row, column string) string {
	text := line.Value(column)
	if strings.Contains(text, "UNSPECIFIED") || text == "null" {
		return ""
	}
	return text
}

// rowTime reads both notations of a point in time (section 7, quirk 6).
func rowTime(text string) (time.Time, bool) {
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700"} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() >= 1900 && at.Year() <= 9000 {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// secondsEast reads an offset in seconds.
func secondsEast(text string) (seconds int, ok bool) {
	for _, layout := range []string{"Z07:00", "Z0700"} {
		if at, err := time.Parse(layout, text); err == nil {
			_, seconds = at.Zone()
			return seconds, (time.Duration(seconds) * time.Second).Abs() <= maxOffset
		}
	}
	return 0, false
}

// problem is why a row is no workout; empty when it can be one.
func (r *row) problem() string {
	switch {
	case r.id == "":
		return "exercise_id is missing or is not a whole number"
	case r.times.start.IsZero():
		return "exercise_start or exercise_end is missing or is not a point in time"
	default:
		return ""
	}
}

// edition orders versions of one row, by its text. Newer exports have more columns.
func (r *row) edition(text string) provider.Edition {
	var modified *time.Time
	if !r.updated.IsZero() {
		modified = &r.updated
	}
	return provider.EditionOf(modified, []byte(text))
}

func (r *row) compare(other *row) int {
	return r.edition(r.text()).Compare(other.edition(other.text()))
}

// newestRows leaves one version of every row. Rows without an id stay as they are.
func (e *export) newestRows() {
	best := map[string]int{}
	for i := range e.rows {
		r := &e.rows[i]
		if known, ok := best[r.id]; r.id != "" && (!ok || r.compare(&e.rows[known]) > 0) {
			best[r.id] = i
		}
	}
	kept := e.rows[:0]
	for i, r := range e.rows {
		if r.id == "" || best[r.id] == i {
			kept = append(kept, r)
			continue
		}
		e.report.Files[r.file].Skipped[provider.SkipDuplicate]++
	}
	e.rows = kept
}
