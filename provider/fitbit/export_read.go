package fitbit

import (
	"bytes"
	"context"
	"math"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
	"github.com/stridelog/stridelog/provider/internal/jsonarray"
)

// Activities implements provider.Export: the entries of all pages, then the rows
// that stand for no entry.
func (e *export) Activities(ctx context.Context, yield func(provider.ImportedActivity) error) error {
	err := e.files.Walk(ctx, byNumber, func(f archive.File) error {
		if kindOf(f).kind != kindExercises {
			return nil
		}
		return e.readPage(ctx, f, yield)
	})
	if err != nil {
		return err
	}
	return e.yieldRows(ctx, yield)
}

// readPage hands over the entries of one file.
func (e *export) readPage(ctx context.Context, f archive.File, yield func(provider.ImportedActivity) error) error {
	file := provider.ExportFile{Name: f.Base, Kind: "exercise_json", Skipped: map[string]int{}}
	read := int64(0)
	problem, err := readEntries(ctx, f, func(raw []byte, fault string) error {
		file.Records++
		switch fault {
		case jsonarray.Broken:
			file.Skipped[provider.SkipBroken]++
			return nil
		case jsonarray.TooLarge:
			file.Skipped[provider.SkipTooLarge]++
			return nil
		}
		read += int64(len(raw))
		a, ok := e.entryActivity(raw)
		if !ok {
			file.Skipped[provider.SkipDuplicate]++
			return nil
		}
		a.File, a.Read = f.Base, e.done+min(read, f.Size)
		return yield(a)
	})
	file.Problem = problem
	e.report.Files = append(e.report.Files, file)
	e.done += f.Size
	return err
}

// entryActivity is an entry with what the other files say about it; ok is false
// for a copy of one that is handed over elsewhere.
func (e *export) entryActivity(raw []byte) (a provider.ImportedActivity, ok bool) {
	raw = bytes.Clone(raw)
	en, err := readEntry(raw)
	c := e.context()
	switch {
	case err != nil:
		a.ExternalID, a.Problem = madeUpID(raw), "the record is not a JSON object"
	case en.id == "":
		a.ExternalID, a.Problem = madeUpID(raw), en.problem()
	default:
		v, first := e.entries.take(en)
		if !first {
			return a, false
		}
		a.ExternalID, a.Problem = en.id, en.problem()
		e.accompany(&c, en.number, v)
	}
	a.Format, a.Raw = FormatExportJSON, raw
	a.ModifiedAt, a.Duration = en.modified, en.times.duration
	if !en.times.written.IsZero() {
		place := placeOf(en.times, &c)
		a.StartedAt = place.startedAt()
		c.OffsetSource = place.source
	}
	a.Context = c
	return e.hashed(a), true
}

// context is what the export says about every record.
func (e *export) context() events.ActivityContext {
	c := events.ActivityContext{
		TimeZone: e.profile.timeZone, Locale: e.profile.locale, DistanceUnit: e.profile.distanceUnit,
		OffsetSource: events.OffsetUnknown,
	}
	if c.TimeZone != "" {
		c.OffsetSource = events.OffsetFromProfile
	}
	return c
}

// accompany adds what other files say about one entry.
func (e *export) accompany(c *events.ActivityContext, id uint64, v *version) {
	if v.row >= 0 {
		r := e.rows[v.row]
		// A fact is text, so a byte that is none becomes the sign for that here.
		c.Companion = strings.ToValidUTF8(string(r.record()), "\ufffd")
		c.UTCOffsetSeconds = r.times.offset
	}
	if seconds, ok := e.offsets[id]; ok && c.UTCOffsetSeconds == nil && seconds <= int(maxOffset/time.Second) {
		c.UTCOffsetSeconds = &seconds
	}
}

// yieldRows hands over the rows that no entry was joined to.
func (e *export) yieldRows(ctx context.Context, yield func(provider.ImportedActivity) error) error {
	for _, r := range e.rows {
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
func (e *export) rowActivity(r row) provider.ImportedActivity {
	a := provider.ImportedActivity{ForeignID: true, Duration: r.times.duration}
	a.Format, a.Raw, a.Problem = FormatExportCSV, r.record(), r.problem()
	if a.ExternalID = "csv-" + r.id; r.id == "" {
		a.ExternalID = madeUpID(a.Raw)
	}
	a.Context = e.context()
	a.Context.UTCOffsetSeconds = r.times.offset
	if !r.updated.IsZero() {
		a.ModifiedAt = &r.updated
	}
	if !r.times.start.IsZero() {
		place := placeOf(entryTimes{written: r.times.start}, &a.Context)
		a.StartedAt = place.startedAt()
		a.Context.OffsetSource = place.source
	}
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
// offset, else from the person's zone, else the offset stays unknown. A wall
// clock's time of which no zone is known is taken for UTC, as all others are.
func placeOf(t entryTimes, c *events.ActivityContext) place {
	if c.UTCOffsetSeconds != nil {
		p := place{start: t.written, offset: c.UTCOffsetSeconds, source: events.OffsetFromRecord}
		if t.wall && !companionSays(c, t.written) {
			p.start = t.written.Add(-time.Duration(*c.UTCOffsetSeconds) * time.Second)
		}
		return p
	}
	zone, ok := timeZone(c.TimeZone)
	if !ok {
		return place{start: t.written, source: events.OffsetUnknown}
	}
	local := t.written.In(zone)
	if w := t.written; t.wall {
		local = time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), w.Nanosecond(), zone)
	}
	_, offset := local.Zone()
	return place{start: local.UTC(), offset: &offset, source: events.OffsetFromProfile}
}

// companionSays whether the companion, whose times are UTC, starts at that time.
func companionSays(c *events.ActivityContext, at time.Time) bool {
	row, ok := companionOf(c)
	return ok && rowTimesOf(row).start.Sub(at).Abs() <= maxStartGap
}

// startedAt is the start with its offset where that is known.
func (p place) startedAt() *time.Time {
	at := p.start.UTC()
	if p.offset != nil && math.Abs(float64(*p.offset)) <= maxOffset.Seconds() {
		at = at.In(time.FixedZone("", *p.offset))
	}
	return &at
}
