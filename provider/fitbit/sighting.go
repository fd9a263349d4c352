package fitbit

import (
	"strings"

	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
)

// sighting is when an entry says it was; false when it cannot be joined with anything.
func (e *pageEntry) sighting() (provider.Sighting, bool) {
	return e.times.sighting(e.id), e.id != "" && !e.times.written.IsZero() && e.times.timed
}

func (t entryTimes) sighting(id string) provider.Sighting {
	return provider.Sighting{ID: id, Start: t.written, Wall: t.wall, Duration: t.duration, LogType: t.logType}
}

// sighting is when a row says it was. Its id is the one it has as a record of its own.
func (r *row) sighting() (provider.Sighting, bool) {
	return provider.Sighting{
		ID: rowIDPrefix + r.id, Start: r.times.start, Duration: r.times.duration, Offset: r.times.offset, LogType: r.logType,
	}, r.problem() == ""
}

// Sight implements provider.Sighter.
func (entryNormalizer) Sight(r provider.Record) (provider.Sighting, bool) {
	members, err := rawjson.Read(r.Raw)
	if err != nil {
		return provider.Sighting{}, false
	}
	_, identified := digitsOf(members.Value("logId"))
	t := timeMembers{members.Value("startTime"), members.Value("duration"), members.Value("logType"), members.Value("source")}.entryTimes()
	return t.sighting(r.ExternalID), identified && !t.written.IsZero() && t.timed
}

// Sight implements provider.Sighter.
func (rowNormalizer) Sight(r provider.Record) (provider.Sighting, bool) {
	line, ok := soleRow(r.Raw)
	if !ok {
		return provider.Sighting{}, false
	}
	one := rowOf(line)
	return one.sighting()
}

// Sight implements provider.Sighter.
func (activityNormalizer) Sight(r provider.Record) (provider.Sighting, bool) {
	members, err := rawjson.Read(r.Raw)
	if err != nil {
		return provider.Sighting{}, false
	}
	start, ok := instantOf(members.Value("startTime"))
	duration, timed := milliseconds(members.Value("duration"))
	logType, _ := rawjson.Text(members.Value("logType"))
	return provider.Sighting{ID: r.ExternalID, Start: start.UTC(), Duration: duration, LogType: strings.ToLower(logType)}, ok && timed
}
