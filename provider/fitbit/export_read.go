package fitbit

import (
	"context"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// Activities implements provider.Export: the entries of all pages, then the rows
// that stand for no entry.
func (e *export) Activities(ctx context.Context, yield func(provider.ImportedActivity) error) error {
	err := e.files.Walk(ctx, e.byNumber, func(f archive.File) error {
		if e.kindOf(f).kind != kindExercises || len(e.pages) == 0 {
			return nil
		}
		return e.readPage(ctx, f, yield)
	})
	if err != nil {
		return err
	}
	return e.yieldRows(ctx, yield)
}

// readPage hands over the entries of one file. Files come in the order in which the
// scan has seen them.
func (e *export) readPage(ctx context.Context, f archive.File, yield func(provider.ImportedActivity) error) error {
	p := e.pages[0]
	e.pages = e.pages[1:]
	err := p.take(ctx, f, e.entries, func(raw []byte, x span) error {
		a := e.entryActivity(raw, x.entry)
		a.File, a.Read = f.Base, e.done+min(x.at+int64(x.length), f.Size)
		return yield(a)
	})
	e.report.Files = append(e.report.Files, p.file)
	e.done += f.Size
	return err
}

// entryActivity is an entry with what the other files say about it.
func (e *export) entryActivity(raw []byte, v *version) provider.ImportedActivity {
	a := provider.ImportedActivity{Duration: v.times.duration}
	a.Format, a.Raw, a.Problem, a.ModifiedAt = FormatExportJSON, raw, v.problem(), v.modified
	if a.ExternalID = v.id; v.id == "" {
		a.ExternalID = madeUpID(raw)
	}
	a.Context = e.context()
	e.accompany(&a.Context, v)
	if !v.times.written.IsZero() {
		place := e.placeOf(v.times, &a.Context)
		a.StartedAt = place.startedAt()
		a.Context.OffsetSource = place.source
	}
	a.Reading = &provider.Reading{Edition: v.edition, Companion: e.companion(v, a.Context.Companion)}
	if s, ok := v.sighting(); ok {
		a.Reading.Sighting = &s
	}
	return e.hashed(a)
}

// companion is the row that goes along with an entry; text is that of the entry's
// context.
func (e *export) companion(v *version, text string) *provider.Companion {
	if v.row < 0 {
		return nil
	}
	if r := &e.rows[v.row]; r.text() == text { // it was text as it stood
		return r.alone(r.text)
	}
	return rowAlone(text)
}

// context is what the export says about every record.
func (e *export) context() events.ActivityContext {
	c := events.ActivityContext{
		TimeZone: e.profile.timeZone, Locale: e.profile.locale, DistanceUnit: e.profile.distanceUnit,
		OffsetSource: events.OffsetUnknown,
	}
	if e.stated != nil {
		c.ImportTimeZone, c.OffsetSource = e.stated.String(), events.OffsetFromImport
	}
	if c.TimeZone != "" {
		c.OffsetSource = events.OffsetFromProfile
	}
	return c
}

// accompany adds what other files say about one entry.
func (e *export) accompany(c *events.ActivityContext, v *version) {
	if v.row >= 0 {
		r := &e.rows[v.row]
		c.Companion = r.text()
		if !utf8.ValidString(c.Companion) { // a fact is text
			c.Companion = strings.ToValidUTF8(c.Companion, "\ufffd")
		}
		c.UTCOffsetSeconds = r.times.offset
	}
	if seconds, ok := e.offsets[v.number]; ok && c.UTCOffsetSeconds == nil && seconds <= int(maxOffset/time.Second) {
		c.UTCOffsetSeconds = &seconds
	}
}

// yieldRows hands over the rows that no entry was joined to.
func (e *export) yieldRows(ctx context.Context, yield func(provider.ImportedActivity) error) error {
	for i := range e.rows {
		r := &e.rows[i]
		if err := ctx.Err(); err != nil {
			return err
		}
		file := &e.report.Files[r.file]
		switch {
		case r.taken:
			file.Skipped[provider.SkipCompanion]++
			continue
		case r.deleted:
			file.Skipped[provider.SkipDeleted]++
			continue
		}
		a := e.rowActivity(r)
		a.File, a.Read = file.Name, min(e.done+r.end, e.size)
		if err := yield(a); err != nil {
			return err
		}
	}
	e.done = e.size
	return nil
}

// rowActivity is a row that stands for no entry. Its id is of another kind than
// those of the API (section 3).
func (e *export) rowActivity(r *row) provider.ImportedActivity {
	a := provider.ImportedActivity{ForeignID: true, Duration: r.times.duration}
	a.Format, a.Raw, a.Problem = FormatExportCSV, []byte(r.text()), r.problem()
	if a.ExternalID = rowIDPrefix + r.id; r.id == "" {
		a.ExternalID = madeUpID(a.Raw)
	}
	a.Context = e.context()
	a.Context.UTCOffsetSeconds = r.times.offset
	if !r.updated.IsZero() {
		a.ModifiedAt = &r.updated
	}
	if !r.times.start.IsZero() {
		place := e.placeOf(entryTimes{written: r.times.start}, &a.Context)
		a.StartedAt = place.startedAt()
		a.Context.OffsetSource = place.source
	}
	a.Reading = r.reading(string(a.Raw))
	return e.hashed(a)
}

func (e *export) hashed(a provider.ImportedActivity) provider.ImportedActivity {
	a.ContentHash, a.HashVersion = e.hasher.Import(a.Raw, a.Context), HashVersion
	return a
}

// place is an instant with what is known of the clock on the wall.
type place struct {
	start  time.Time // UTC
	offset *int      // seconds east of UTC
	source string
}

// placeOf finds the instant and the offset of a record: from the record's own
// offset, else from the zone of the profile, else from the zone that was stated
// with the import, else the offset stays unknown. A wall clock's time of
// which no zone is known is taken for UTC, as all others are.
func placeOf(t entryTimes, c *events.ActivityContext) place {
	if c.UTCOffsetSeconds != nil {
		p := place{start: t.written, offset: c.UTCOffsetSeconds, source: events.OffsetFromRecord}
		if t.wall && !companionSays(c, t.written) {
			p.start = t.written.Add(-time.Duration(*c.UTCOffsetSeconds) * time.Second)
		}
		return p
	}
	profile, _ := provider.ZoneNamed(c.TimeZone)
	if profile != nil {
		return placeIn(t, profile, nil)
	}
	stated, _ := provider.ZoneNamed(c.ImportTimeZone)
	return placeIn(t, nil, stated)
}

// placeOf is the function of that name. A time zone is a file of the system, and is
// read once for all records.
func (e *export) placeOf(t entryTimes, c *events.ActivityContext) place {
	if c.UTCOffsetSeconds == nil {
		return placeIn(t, e.zone, e.stated)
	}
	return placeOf(t, c)
}

// placeIn is the place of a record that has no offset of its own, in the zone of the
// profile or else in the stated one. Both may be nil.
func placeIn(t entryTimes, profile, stated *time.Location) place {
	zone, source := profile, events.OffsetFromProfile
	if zone == nil {
		zone, source = stated, events.OffsetFromImport
	}
	if zone == nil {
		return place{start: t.written, source: events.OffsetUnknown}
	}
	local := t.written.In(zone)
	if w := t.written; t.wall {
		local = time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), w.Nanosecond(), zone)
	}
	_, offset := local.Zone()
	return place{start: local.UTC(), offset: &offset, source: source}
}

// companionSays whether the companion, whose times are UTC, starts at that time.
func companionSays(c *events.ActivityContext, at time.Time) bool {
	row, ok := companionOf(c)
	return ok && rowTimesOf(row).start.Sub(at).Abs() <= provider.MaxStartGap
}

// startedAt is the start with its offset where that is known.
func (p place) startedAt() *time.Time {
	at := p.start.UTC()
	if p.offset != nil && math.Abs(float64(*p.offset)) <= maxOffset.Seconds() {
		at = at.In(time.FixedZone("", *p.offset))
	}
	return &at
}
