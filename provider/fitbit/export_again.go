package fitbit

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
)

// Alone implements provider.Export: the companion of an entry is a row.
func (e *export) Alone(companion string) (provider.Companion, bool) {
	a := rowAlone(companion)
	if a == nil {
		return provider.Companion{}, false
	}
	return *a, true
}

// rowAlone is the row of a text as the record that it is by itself; nil when it is none.
func rowAlone(text string) *provider.Companion {
	line, ok := soleRow([]byte(text))
	if !ok {
		return nil
	}
	r := rowOf(line)
	return r.alone(func() string { return text })
}

// alone is a row as the record that it is by itself; nil when it is none.
func (r *row) alone(text func() string) *provider.Companion {
	if r.problem() != "" {
		return nil
	}
	a := provider.Companion{Deleted: r.deleted, Text: text}
	a.ForeignID, a.Duration = true, r.times.duration
	a.ExternalID, a.Format = rowIDPrefix+r.id, FormatExportCSV
	a.Context.UTCOffsetSeconds = r.times.offset
	if !r.updated.IsZero() {
		a.ModifiedAt = &r.updated
	}
	a.Reading = r.reading(text())
	return &a
}

// reading is what a row says of itself; text is its own.
func (r *row) reading(text string) *provider.Reading {
	reading := provider.Reading{Edition: r.edition(text)}
	if s, ok := r.sighting(); ok {
		reading.Sighting = &s
	}
	return &reading
}

// Contexts implements provider.Export.
func (e *export) Contexts() []provider.ImportedContext {
	var all []provider.ImportedContext
	said := events.ActivityContext{TimeZone: e.profile.timeZone, Locale: e.profile.locale, DistanceUnit: e.profile.distanceUnit}
	if said != (events.ActivityContext{}) {
		all = append(all, provider.ImportedContext{Context: said})
	}
	for _, id := range slices.Sorted(maps.Keys(e.offsets)) {
		if seconds := e.offsets[id]; seconds <= int(maxOffset/time.Second) { // its tracks agree
			all = append(all, provider.ImportedContext{
				ExternalID: strconv.FormatUint(id, 10), Context: events.ActivityContext{UTCOffsetSeconds: &seconds},
			})
		}
	}
	return all
}

// Finish implements provider.Export.
func (e *export) Finish(a *provider.ImportedActivity) {
	if times := timesOf(a); !times.written.IsZero() {
		place := placeOf(times, &a.Context)
		a.StartedAt = place.startedAt()
		a.Context.OffsetSource = place.source
	}
	a.ContentHash, a.HashVersion = e.again.Import(a.Raw, a.Context), HashVersion
}

// timesOf are when a record of an export says it was.
func timesOf(a *provider.ImportedActivity) entryTimes {
	if a.Format == FormatExportCSV {
		line, ok := soleRow(a.Raw)
		if !ok {
			return entryTimes{}
		}
		return entryTimes{written: rowTimesOf(line).start}
	}
	members, err := rawjson.Read(a.Raw)
	if err != nil {
		return entryTimes{}
	}
	return timeMembers{members.Value("startTime"), members.Value("duration"), members.Value("logType"), members.Value("source")}.entryTimes()
}
