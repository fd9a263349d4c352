package fitbit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// What bounds an export. The longest histories known have 4,000 exercises.
const (
	maxRecords     = 500_000
	maxRecordFiles = 10_000
	maxEntry       = 1 << 20  // bytes of one record; entries have 2 kB
	maxTables      = 32 << 20 // bytes of all tables of rows, which are held in memory; a row has 700
	maxProfile     = 1 << 20
)

// scan visits every file once. It refuses what is no export, before anything was
// handed over.
func (e *export) scan(ctx context.Context, bounds importer) error {
	s := &scanner{export: e, bounds: bounds, unknown: map[string]bool{}}
	err := e.files.Walk(ctx, e.byNumber, func(f archive.File) error { return s.visit(ctx, f) })
	if err != nil {
		return err
	}
	if err := s.conclude(); err != nil {
		return err
	}
	e.profile = s.profiles.merge(e)
	e.zone, _ = provider.ZoneNamed(e.profile.timeZone)
	if s.tcx.Records > 0 {
		e.report.Files = append(e.report.Files, s.tcx)
	}
	e.join()
	e.planCuts()
	return nil
}

// scanner is the state of one scan.
type scanner struct {
	*export
	bounds      importer
	profiles    profiles
	tables      int64 // bytes
	recordFiles int
	found       int  // entries
	known       bool // something belongs to Fitbit
	nested      bool
	unknown     map[string]bool
}

func (s *scanner) visit(ctx context.Context, f archive.File) error {
	name := s.kindOf(f)
	switch name.kind {
	case kindExercises, kindRows:
		if s.recordFiles++; s.recordFiles > s.bounds.recordFiles {
			return &provider.ArchiveError{Code: provider.ArchiveTooManyFiles, Detail: fmt.Sprintf("more than %d files of exercises", s.bounds.recordFiles)}
		}
		s.size += f.Size
		if name.kind == kindRows {
			return s.readTable(f)
		}
		return s.indexEntries(ctx, f)
	case kindProfile:
		s.known = s.profiles.read(f) || s.known
	case kindTCX:
		s.known = true
		s.readTCX(f, name.number)
	case kindPoints:
		s.known = true
		s.notePoints(f, int64(name.number)) //nolint:gosec // a day of a four-digit year
	case kindIgnored:
		s.known = true
		s.report.Ignored++
	case kindExplanation:
		s.report.Ignored++
	default:
		s.list(f.Base)
	}
	return nil
}

func (s *scanner) list(base string) {
	s.nested = s.nested || archive.IsArchiveName(base)
	base = shown(base)
	switch {
	case s.unknown[base]:
	case len(s.unknown) == provider.MaxUnknown:
		s.note(provider.NoteMoreUnknown)
	default:
		s.unknown[base] = true
		s.report.Unknown = append(s.report.Unknown, base)
	}
}

// shown is a foreign name as a report can have it and a terminal can show it.
func shown(base string) string {
	const longest = 255 // bytes, as in most file systems
	base = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r // a byte that is no text comes as the replacement, too
	}, base)
	if len(base) > longest {
		base = strings.ToValidUTF8(base[:longest], "") + "…"
	}
	return base
}

// conclude says what the files are together.
func (s *scanner) conclude() error {
	slices.Sort(s.report.Unknown)
	switch {
	case s.known && s.recordFiles == 0:
		s.note(provider.NotePartMissing)
	case !s.known && s.nested:
		return &provider.ArchiveError{Code: provider.ArchiveNested}
	case !s.known:
		return &provider.ArchiveError{Code: provider.ArchiveForeign}
	}
	return nil
}

// readAll reads a small file. The problem is for the report.
func readAll(f archive.File, limit int64) (text []byte, problem string) {
	in, err := f.Open()
	if err != nil {
		return nil, problemOf(err)
	}
	defer func() { _ = in.Close() }()
	room := min(max(f.Size, 0), limit, 1<<20) // the size is what the archive says
	buffer := bytes.NewBuffer(make([]byte, 0, room+bytes.MinRead))
	switch n, err := buffer.ReadFrom(io.LimitReader(in, limit+1)); {
	case err != nil:
		return nil, problemOf(err)
	case n > limit:
		return nil, "the file is too large to be read"
	}
	return buffer.Bytes(), ""
}

// problemOf is what a report says about a file that cannot be read.
func problemOf(err error) string {
	var fault *provider.ArchiveError
	if errors.As(err, &fault) {
		return (&provider.ArchiveError{Code: fault.Code, Detail: fault.Detail}).Error()
	}
	if errors.Is(err, errChanged) {
		return errChanged.Error() + "; import it again"
	}
	return "the file cannot be read"
}
