package fitbit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// sourceTrack is what one source says about one activity: lines under one header.
type sourceTrack struct {
	source string
	header string
	end    string // of the file's lines
	points []pointLine
}

type pointLine struct {
	at   int64 // nanoseconds since 1970
	line string
}

// cutter cuts routes out of files of positions.
type cutter struct {
	*export
	held  int // bytes of lines
	read  int64
	yield func(provider.ImportedRoute) error
}

// cutRoutes hands over the routes of activities that have positions and no track of
// their own. An activity's lines are held from its first file to its last: files come
// by day, but for those of streams, whose order is their own.
func (e *export) cutRoutes(ctx context.Context, read int64, yield func(provider.ImportedRoute) error) error {
	if e.pointBytes == 0 {
		return nil
	}
	c := &cutter{export: e, read: read, yield: yield}
	err := e.files.Walk(ctx, e.byNumber, func(f archive.File) error {
		name := e.kindOf(f)
		d := e.days[int64(name.number)] //nolint:gosec // a day of a four-digit year
		if name.kind != kindPoints || d == nil || len(d.cuts) == 0 {
			return nil
		}
		return c.take(ctx, f, d)
	})
	if err != nil {
		return err
	}
	for _, d := range e.days { // somebody writes to the files
		for _, x := range d.cuts {
			if x.left > 0 {
				x.left = 0
				c.countCut(provider.SkipBroken)
			}
		}
	}
	return nil
}

// take reads a file and hands over the routes that are complete with it.
func (c *cutter) take(ctx context.Context, f archive.File, d *pointDay) error {
	if err := c.lines(ctx, f, d); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, x := range d.cuts {
			c.drop(x, provider.SkipBroken)
		}
	}
	c.read += max(f.Size, 0)
	for _, x := range d.cuts {
		if x.left--; x.left > 0 {
			continue
		}
		if err := c.hand(x); err != nil {
			return err
		}
	}
	return nil
}

// lines gives every line of a file to the activities that it belongs to.
func (c *cutter) lines(ctx context.Context, f archive.File, d *pointDay) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	text := bufio.NewReaderSize(in, 32<<10)
	columns, err := readColumns(text)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		line, err := text.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return errors.New("a line is too long")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if p, ok := columns.point(bytes.TrimRight(line, "\r\n")); ok {
			c.give(p, columns, d.cuts)
		}
		if err != nil {
			return nil
		}
	}
}

func (c *cutter) give(p position, columns *pointColumns, cuts []*cut) {
	for _, x := range cuts {
		if x.start.After(p.at) {
			return // they come by their start
		}
		if !p.at.Before(x.end) || x.skip != "" {
			continue
		}
		key := columns.header + "\x00" + p.source
		t := x.tracks[key]
		if t == nil {
			t = &sourceTrack{source: p.source, header: columns.header, end: columns.end}
			x.tracks[key] = t
		}
		t.points = append(t.points, pointLine{p.at.UnixNano(), p.line})
		size := len(p.line) + 32 // with what holds it
		x.held, c.held = x.held+size, c.held+size
		if x.held > events.MaxRoute || c.held > maxHeld {
			c.drop(x, provider.SkipTooLarge)
		}
	}
}

// drop gives an activity up.
func (c *cutter) drop(x *cut, why string) {
	c.held -= x.held
	x.tracks, x.held = nil, 0
	x.skip = cmp.Or(x.skip, why)
}

// hand hands an activity's route over, if there is one.
func (c *cutter) hand(x *cut) error {
	best := x.best()
	skip := x.skip
	switch {
	case skip == "" && best == nil:
		return nil // the day's file is of other hours
	case skip == "" && len(best.points) < minPoints:
		skip = provider.SkipFewPoints
	}
	c.drop(x, skip)
	c.countCut(skip)
	if skip != "" {
		return nil
	}
	return c.yield(provider.ImportedRoute{
		ExternalID: x.id, Format: FormatExportPoints, File: pointsRow, Raw: best.text(), Points: len(best.points), Read: c.read,
	})
}

// best is the source with the most points: several devices may have recorded the same
// hour, and a route that jumps between them is none. Names decide at last, so that
// the order of files cannot matter. Nil when there is no point.
func (x *cut) best() (best *sourceTrack) {
	for _, t := range x.tracks {
		t.order()
		if best == nil || cmp.Or(cmp.Compare(len(best.points), len(t.points)), cmp.Compare(t.source, best.source), cmp.Compare(t.header, best.header)) < 0 {
			best = t
		}
	}
	return best
}

// order sorts the points and leaves one of each instant: exports that overlap hold
// the same day.
func (t *sourceTrack) order() {
	slices.SortFunc(t.points, func(a, b pointLine) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.line, b.line)) })
	t.points = slices.CompactFunc(t.points, func(a, b pointLine) bool { return a.at == b.at })
}

// text is the header and the lines, as they stand in their files.
func (t *sourceTrack) text() []byte {
	var b bytes.Buffer
	b.WriteString(t.header + t.end)
	for _, p := range t.points {
		b.WriteString(p.line + t.end)
	}
	return b.Bytes()
}

// pointColumns are the columns of a file of positions.
type pointColumns struct {
	header, end              string
	at, lat, lon, alt, owner int // -1 for a column that is not there
}

// position is a line of a file of positions.
type position struct {
	at                 time.Time
	lat, lon, altitude string // as written
	source             string
	line               string
}

var errNoPositions = errors.New("the file does not begin with the column names of positions")

func readColumns(in *bufio.Reader) (*pointColumns, error) {
	line, err := in.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	c := &pointColumns{end: "\n"}
	if bytes.HasSuffix(line, []byte("\r\n")) {
		c.end = "\r\n"
	}
	c.header = string(bytes.TrimRight(bytes.TrimPrefix(line, []byte("\ufeff")), "\r\n"))
	names := cells([]byte(c.header))
	place := func(name string) int {
		return slices.IndexFunc(names, func(n string) bool { return n == name })
	}
	c.at, c.lat, c.lon, c.alt, c.owner = place("timestamp"), place("latitude"), place("longitude"), place("altitude"), place("data source")
	if c.at < 0 || c.lat < 0 || c.lon < 0 {
		return nil, errNoPositions
	}
	return c, nil
}

// cells takes a line apart.
func cells(line []byte) []string {
	var values []string
	if bytes.IndexByte(line, '"') >= 0 {
		r := csv.NewReader(bytes.NewReader(line))
		values, _ = r.Read() // a broken line has none
	} else {
		for value := range bytes.SplitSeq(line, []byte(",")) {
			values = append(values, string(value))
		}
	}
	for i, v := range values {
		values[i] = string(bytes.TrimSpace([]byte(v)))
	}
	return values
}

// point reads a line; ok is false for one that is no position.
func (c *pointColumns) point(line []byte) (p position, ok bool) {
	values := cells(line)
	if len(values) <= max(c.at, c.lat, c.lon) {
		return p, false
	}
	at, ok := rowTime(values[c.at])
	if !ok || !isDegrees(values[c.lat], 90) || !isDegrees(values[c.lon], 180) {
		return p, false
	}
	p = position{at: at, lat: values[c.lat], lon: values[c.lon], line: string(line)}
	if c.alt >= 0 && c.alt < len(values) && isNumber(values[c.alt]) {
		p.altitude = values[c.alt]
	}
	if c.owner >= 0 && c.owner < len(values) {
		p.source = values[c.owner]
	}
	return p, true
}
