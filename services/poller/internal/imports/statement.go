package imports

import (
	"hash/maphash"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// statement is what came with the best edition of a record.
type statement struct {
	sequence uint64        // of a fact that has its bytes; 0 while only the export has them
	text     func() string // of a foreign record, which may be in no fact of its own
	format   string
	modified *time.Time
	unit     string // distance unit of the account
	locale   string
	deleted  bool // by itself it is not to be shown
}

// newStatement is what a record says; the sequence is that of its fact.
func newStatement(r provider.Record, foreign bool, modified *time.Time, sequence uint64) statement {
	s := statement{sequence: sequence, format: r.Format, modified: modified, unit: r.Context.DistanceUnit, locale: r.Context.Locale}
	if foreign {
		text := string(r.Raw)
		s.text = func() string { return text }
	}
	return s
}

func statementOf(x *record, sequence uint64) statement {
	return newStatement(x.asRecord(), x.ForeignID, x.ModifiedAt, sequence)
}

// join takes in what another export says with the same edition.
func (s *statement) join(o statement) {
	if s.sequence == 0 {
		s.sequence = o.sequence
	}
	s.unit, s.locale = least(s.unit, o.unit), least(s.locale, o.locale)
}

// offer takes in an edition of a record that an export holds, and what it says.
func (k *knowledge) offer(a *activity, r *provider.Reading, s statement) {
	switch order := r.Edition.Compare(a.best); {
	case a.told && order < 0:
		return
	case a.told && order == 0:
		a.said.join(s)
		return
	}
	a.told, a.best, a.said = true, r.Edition, s
	if r.Sighting != nil && !a.byAPI {
		k.sight(a, *r.Sighting)
	}
}

func (k *knowledge) sight(a *activity, s provider.Sighting) {
	a.sighting, a.sighted = s, true
	k.joins.stale = true
}

// reading is what a record says of itself, but for its companion.
func (k *knowledge) reading(r provider.Record, modified *time.Time) *provider.Reading {
	reading := provider.Reading{Edition: provider.EditionOf(modified, r.Raw)}
	if s, ok := k.normalizers.Sight(r); ok {
		reading.Sighting = &s
	}
	return &reading
}

// alone is a companion as the record that it is by itself; nil when it is none.
func (k *knowledge) alone(companion string) *provider.Companion {
	if companion == "" {
		return nil
	}
	if alone, ok := k.format.Alone(companion); ok {
		return &alone
	}
	return nil
}

// sum tells contexts apart, so that the log's need not be kept: two are equal when
// sameContext says so. It is of this knowledge alone.
func (k *knowledge) sum(c events.ActivityContext) uint64 {
	type context struct {
		rest          events.ActivityContext
		offset, track struct {
			known   bool
			seconds int
		}
	}
	all := context{rest: c}
	if c.UTCOffsetSeconds != nil {
		all.offset.known, all.offset.seconds = true, *c.UTCOffsetSeconds
	}
	if c.TrackOffsetSeconds != nil {
		all.track.known, all.track.seconds = true, *c.TrackOffsetSeconds
	}
	all.rest.UTCOffsetSeconds, all.rest.TrackOffsetSeconds, all.rest.OffsetSource = nil, nil, ""
	return maphash.Comparable(k.seed, all)
}
