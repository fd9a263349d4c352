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
	line, ok := soleRow([]byte(companion))
	if !ok {
		return provider.Companion{}, false
	}
	r := rowOf(line)
	if r.problem() != "" {
		return provider.Companion{}, false
	}
	a := provider.Companion{Deleted: r.deleted}
	a.ForeignID, a.Duration = true, r.times.duration
	a.ExternalID, a.Format, a.Raw = rowIDPrefix+r.id, FormatExportCSV, []byte(companion)
	a.Context.UTCOffsetSeconds = r.times.offset
	if !r.updated.IsZero() {
		a.ModifiedAt = &r.updated
	}
	return a, true
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
