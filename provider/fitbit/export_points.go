package fitbit

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
)

// What bounds the routes that are cut out of files of positions (section 4).
const (
	maxCut     = 24 * time.Hour // of an activity; longer ones are forgotten sessions
	minPoints  = 10
	maxOverlap = 16       // other activities that may begin during one; people have one or two
	maxDayCuts = 200      // activities of one UTC day
	maxHeld    = 64 << 20 // bytes of the lines that are held at once; an hour has 0.2 MB
	pointsRow  = "gps_location_*.csv"
)

// pointDay is what the scan has seen of the files of positions of one UTC day.
type pointDay struct {
	files int
	bytes int64
	cuts  []*cut // activities that need the day, by their start
}

// cut is an activity whose route is cut out of files of positions.
type cut struct {
	id         string
	start, end time.Time // UTC; the end is not part of it
	left       int       // files that are still to be read
	skip       string    // why there will be no route
	tracks     map[string]*sourceTrack
	held       int // bytes
}

// dayOf is a UTC day as a number.
func dayOf(t time.Time) int64 { return t.Unix() / int64(24*time.Hour/time.Second) }

// notePoints remembers a file of positions. It is read only if an activity needs it:
// such files are most of an archive's bytes.
func (s *scanner) notePoints(f archive.File, day int64) {
	d := s.days[day]
	if d == nil {
		d = &pointDay{}
		s.days[day] = d
	}
	d.files, d.bytes = d.files+1, d.bytes+max(f.Size, 0)
}

// planCuts finds the activities that have positions and no track of their own. The
// other files of positions are counted as those of any family without activities.
func (e *export) planCuts() {
	var cuts []*cut
	if len(e.days) > 0 {
		cuts = e.candidates()
	}
	slices.SortFunc(cuts, func(a, b *cut) int { return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.id, b.id)) })
	crowded := 0
	for i, c := range cuts {
		if i+maxOverlap < len(cuts) && cuts[i+maxOverlap].start.Before(c.end) || !e.needs(c) {
			crowded++
		}
	}
	for _, d := range e.days {
		if len(d.cuts) == 0 {
			e.report.Ignored += d.files
			continue
		}
		e.pointBytes += d.bytes
	}
	if crowded == 0 && e.pointBytes == 0 {
		return
	}
	e.pointsAt = len(e.report.Files)
	e.report.Files = append(e.report.Files, provider.ExportFile{Name: pointsRow, Kind: provider.KindPoints, Skipped: map[string]int{}})
	for range crowded {
		e.countCut(provider.SkipCrowded)
	}
}

// countCut counts an activity that positions were found of, in the report's row. Skip
// is why it has no route; empty when it has one.
func (e *export) countCut(skip string) {
	row := &e.report.Files[e.pointsAt]
	row.Records++
	if skip != "" {
		row.Skipped[skip]++
	}
}

// needs enters an activity for the days that it needs; false when one of them has
// too many already.
func (e *export) needs(c *cut) bool {
	first, last := dayOf(c.start), dayOf(c.end.Add(-1))
	for day := first; day <= last; day++ {
		if d := e.days[day]; d != nil && len(d.cuts) >= maxDayCuts {
			return false
		}
	}
	for day := first; day <= last; day++ {
		if d := e.days[day]; d != nil {
			d.cuts = append(d.cuts, c)
			c.left += d.files
		}
	}
	return true
}

// candidates are the activities that say that they have positions. Rows do not say
// it: of them those that a device or an app recorded.
func (e *export) candidates() (cuts []*cut) {
	add := func(id string, start time.Time, duration time.Duration) {
		c := &cut{id: id, start: start.UTC(), end: start.UTC().Add(duration), tracks: map[string]*sourceTrack{}}
		if duration <= 0 || duration > maxCut || e.days[dayOf(c.start)] == nil && e.days[dayOf(c.end.Add(-1))] == nil {
			return
		}
		cuts = append(cuts, c)
	}
	for number, v := range e.entries {
		if !v.positions || v.problem() != "" || e.tracks[number] != nil {
			continue
		}
		c := e.context()
		e.accompany(&c, v)
		add(strconv.FormatUint(number, 10), e.placeOf(v.times, &c).start, v.times.duration)
	}
	for i := range e.rows {
		if r := &e.rows[i]; !r.taken && !r.deleted && r.problem() == "" && r.recorded {
			add("csv-"+r.id, r.times.start, r.times.duration)
		}
	}
	return cuts
}

// recordedBy says whether a log type of a row is that of a recording, which a person
// began and ended.
func recordedBy(logType string) bool { return recordingMethod(logType) == events.RecordingActive }
