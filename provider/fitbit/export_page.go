package fitbit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
	"github.com/stridelog/stridelog/provider/internal/jsonarray"
)

// page is what the scan of a file of exercises leaves to the second reading, which
// takes the entries out and looks at nothing else.
type page struct {
	file    provider.ExportFile
	entries []span
}

// span is where an entry lies in its file, and what it says.
type span struct {
	at     int64
	length int
	entry  *version
}

// indexEntries looks at every entry of a page. A file that is {} has a problem and is
// no page.
func (s *scanner) indexEntries(ctx context.Context, f archive.File) (err error) {
	p := page{file: provider.ExportFile{Name: f.Base, Kind: "exercise_json", Skipped: map[string]int{}}}
	p.file.Problem, err = eachEntry(ctx, f, func(element jsonarray.Element) error {
		p.file.Records++
		switch element.Fault {
		case jsonarray.Broken:
			p.file.Skipped[provider.SkipBroken]++
			return nil
		case jsonarray.TooLarge:
			p.file.Skipped[provider.SkipTooLarge]++
			return nil
		}
		if s.found++; s.found > s.bounds.records {
			return &provider.ArchiveError{Code: provider.ArchiveTooManyRecords, Detail: fmt.Sprintf("more than %d, copies too", s.bounds.records)}
		}
		v := &version{pageEntry: readEntry(element), row: -1}
		s.entries.add(v)
		p.entries = append(p.entries, span{at: element.At, length: len(element.Bytes), entry: v})
		return nil
	})
	if p.file.Problem == emptyObject {
		s.recordFiles--
	} else {
		s.known = true
	}
	s.pages = append(s.pages, p)
	return err
}

// eachEntry reads a page and hands over each entry, or what is wrong with it. The
// problem says why the page could not be read to its end. An error is take's or the
// context's.
func eachEntry(ctx context.Context, f archive.File, take func(jsonarray.Element) error) (problem string, err error) {
	in, err := f.Open()
	if err != nil {
		return problemOf(err), ctx.Err()
	}
	defer func() { _ = in.Close() }()
	var start head
	array := jsonarray.NewReader(io.TeeReader(in, &start), jsonarray.Options{Max: maxEntry, First: "logId"})
	for {
		element, err := array.Next()
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if errors.Is(err, jsonarray.ErrNotArray) && isEmptyObject(start.text) {
			return emptyObject, nil
		}
		if err != nil {
			return endOf(err, f.Size), nil
		}
		if err := take(element); err != nil {
			return "", err
		}
	}
}

// emptyObject is the problem of a file that is {}: something wrote it that had no data.
const emptyObject = "the file is an empty object and holds nothing"

func isEmptyObject(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	inside, closed := bytes.CutSuffix(bytes.TrimSpace(text), []byte("}"))
	return closed && string(bytes.TrimSpace(inside)) == "{"
}

// head keeps the start of a text: more than an empty object has.
type head struct{ text []byte }

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	const most = 64
	h.text = append(h.text, p[:min(len(p), most-len(h.text))]...)
	return len(p), nil
}

// endOf is the problem of a page that ended so; empty when it is read to its end.
func endOf(err error, size int64) string {
	switch {
	case errors.Is(err, io.EOF):
		return ""
	case size == 0:
		return "the file is empty"
	case errors.Is(err, jsonarray.ErrNotArray):
		return "the file is not a list of exercises"
	case errors.Is(err, jsonarray.ErrTruncated):
		return "the file ends in the middle; what stands before was read"
	case errors.Is(err, jsonarray.ErrTrailing):
		return "more text follows the list of exercises; it was not read"
	case errors.Is(err, jsonarray.ErrRuined):
		return "too much of the file is broken; the rest was not read"
	default:
		return problemOf(err)
	}
}

// take takes the entries out of a file that the scan has seen, and hands over those
// that stand. An error is give's or the context's.
func (p *page) take(ctx context.Context, f archive.File, index entryIndex, give func(raw []byte, x span) error) error {
	in, err := f.Open()
	if err != nil {
		p.cutOff(0, problemOf(err))
		return ctx.Err()
	}
	defer func() { _ = in.Close() }()
	from := spanReader{in: bufio.NewReaderSize(in, 32<<10)}
	for i, x := range p.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !index.stands(x.entry) {
			p.file.Skipped[provider.SkipDuplicate]++
			continue
		}
		raw, err := from.read(x)
		if err != nil {
			p.cutOff(i, problemOf(err))
			return ctx.Err()
		}
		if err := give(raw, x); err != nil {
			return err
		}
	}
	return nil
}

// cutOff notes why the entries from one on cannot be read.
func (p *page) cutOff(from int, problem string) {
	p.file.Records -= len(p.entries) - from
	p.file.Problem = problem
}

// errChanged says that a file is not what the scan saw: somebody writes to it.
var errChanged = errors.New("the file was changed while it was read")

// spanReader reads spans of a file in their order.
type spanReader struct {
	in *bufio.Reader
	at int64
}

func (r *spanReader) read(x span) ([]byte, error) {
	raw := make([]byte, x.length)
	_, err := r.in.Discard(int(x.at - r.at))
	if err == nil {
		_, err = io.ReadFull(r.in, raw)
	}
	r.at = x.at + int64(x.length)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err == nil && sumOf(raw) != x.entry.sum {
		return nil, errChanged
	}
	return raw, err
}
