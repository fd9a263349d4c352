package imports

import (
	"cmp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// person is what exports say of the person, whatever record it came with: files of
// one export that are imported apart belong together.
type person struct {
	zone, unit, locale string // the least of several, so that their order cannot matter
	stated             string // zone, by whoever imported last and stated one
	statedAt           time.Time
}

func (p *person) addContext(c events.ActivityContext, at time.Time) {
	p.zone, p.unit, p.locale = least(p.zone, c.TimeZone), least(p.unit, c.DistanceUnit), least(p.locale, c.Locale)
	if zone := c.ImportTimeZone; zone != "" && cmp.Or(at.Compare(p.statedAt), cmp.Compare(zone, p.stated)) > 0 {
		p.stated, p.statedAt = zone, at
	}
}

// least is the lesser of two texts; one that is empty says nothing.
func least(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return min(a, b)
}

// addContext takes in what an export says beside a record, at the time of its import: of
// the person, of the record's offset, and the companion, which is a record, too. It
// returns the offset that a track says, nil when none does. Alone is the companion in
// the context, nil when it is no record.
func (k *knowledge) addContext(a *activity, c events.ActivityContext, alone *provider.Companion, at time.Time) (track *int) {
	k.person.addContext(c, at)
	if a.foreign {
		return nil // the offset is its own
	}
	track = c.UTCOffsetSeconds
	if alone == nil {
		a.opaque = max(a.opaque, c.Companion)
	} else {
		k.accompany(a, alone, c)
		if alone.Context.UTCOffsetSeconds != nil { // the offset is the companion's
			track = nil
		}
	}
	if c.TrackOffsetSeconds != nil {
		track = c.TrackOffsetSeconds
	}
	if track != nil {
		a.addTrack(*track)
	}
	return track
}

// addTrack takes in an offset that no record says: a track of the activity does.
func (a *activity) addTrack(seconds int) {
	for _, known := range a.tracks {
		if known == seconds {
			return
		}
	}
	a.tracks = append(a.tracks, seconds)
}

// track is the offset that the activity's tracks agree about; nil without one.
func (a *activity) track() *int {
	if a.foreign || len(a.tracks) != 1 {
		return nil
	}
	return &a.tracks[0]
}

// accompany takes in the companion of an activity.
func (k *knowledge) accompany(a *activity, alone *provider.Companion, c events.ActivityContext) {
	row := k.activity(alone.ExternalID)
	row.foreign = true
	if alone.Reading == nil {
		alone.Reading = k.reading(provider.Record{ExternalID: alone.ExternalID, Format: alone.Format, Raw: []byte(alone.Text())}, alone.ModifiedAt)
	}
	k.offer(row, alone.Reading, statement{
		text: alone.Text, format: alone.Format, modified: alone.ModifiedAt, unit: c.DistanceUnit, locale: c.Locale, deleted: alone.Deleted,
	})
	k.joins.provisional(a.id, row.id)
}

// contextOf is the context of an activity's record: all that exports say of it. The
// zone of the profile goes before a stated one, and before both the record's own
// offset, or that of its companion, or that of its track.
func (k *knowledge) contextOf(a *activity, unit, locale string) events.ActivityContext {
	c := events.ActivityContext{
		TimeZone: k.person.zone, Locale: cmp.Or(locale, k.person.locale), DistanceUnit: cmp.Or(unit, k.person.unit), OffsetSource: events.OffsetUnknown,
	}
	if c.TimeZone == "" {
		c.ImportTimeZone = k.person.stated
	}
	if a.foreign {
		c.UTCOffsetSeconds = a.sighting.Offset
	} else {
		k.besides(&c, a)
	}
	switch {
	case c.UTCOffsetSeconds != nil:
		c.OffsetSource = events.OffsetFromRecord
	case c.TimeZone != "":
		c.OffsetSource = events.OffsetFromProfile
	case c.ImportTimeZone != "":
		c.OffsetSource = events.OffsetFromImport
	}
	return c
}

// besides sets what other files say of a record of the provider's.
func (k *knowledge) besides(c *events.ActivityContext, a *activity) {
	c.Companion = a.opaque
	if row := k.activities[k.joins.foreignOf[a.id]]; row != nil {
		c.Companion, c.UTCOffsetSeconds = row.said.text(), row.sighting.Offset
		if !utf8.ValidString(c.Companion) { // a fact is text
			c.Companion = strings.ToValidUTF8(c.Companion, "\ufffd")
		}
	}
	switch {
	case len(a.tracks) != 1:
	case c.UTCOffsetSeconds == nil:
		c.UTCOffsetSeconds = &a.tracks[0]
	default:
		c.TrackOffsetSeconds = &a.tracks[0]
	}
}

// sameContext says whether two contexts say the same. Where an offset comes from
// follows from the rest.
func sameContext(a, b events.ActivityContext) bool {
	if !sameNumber(a.UTCOffsetSeconds, b.UTCOffsetSeconds) || !sameNumber(a.TrackOffsetSeconds, b.TrackOffsetSeconds) {
		return false
	}
	a.UTCOffsetSeconds, a.TrackOffsetSeconds, a.OffsetSource = b.UTCOffsetSeconds, b.TrackOffsetSeconds, b.OffsetSource
	return a == b
}

func sameNumber(a, b *int) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}
