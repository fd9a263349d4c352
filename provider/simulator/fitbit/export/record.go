package export

import (
	"slices"
	"strconv"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/internal/wire"
)

// How an archive tells the UTC offset of a record.
const (
	OffsetFromRow     = "row"     // UserExercises says it
	OffsetFromTrack   = "track"   // no row, but the TCX file says it
	OffsetFromProfile = "profile" // only the zone of the account does, which is wrong after a journey
	OffsetUnknown     = "unknown"
)

// Record is an activity as an archive tells it: what the archive does not tell is
// nil, or zero where it cannot be nil. Start is in the offset that the archive
// tells, and in UTC where it tells none.
type Record struct {
	simulator.Truth
	LogID   string // what the API calls the activity; empty when it does not know it
	InPages bool   // in exercise-<n>.json
	// RowID is the id of the row in UserExercises; empty when there is none. A
	// record without a page has "csv-" and this as its ExternalID, no type id, no
	// ActiveDuration, and an English name of another vocabulary.
	RowID  string
	Offset string // one of the Offset… words
	// WallClock says that the page shows the start as the clock on the wall did,
	// which no member tells. Only the name of the app does.
	WallClock bool
	// ActiveZoneMinutes shadows the truth's own, which era A does not tell.
	ActiveZoneMinutes *int
	MaxHeartRateBPM   *int // rows alone tell it
	HasGPS            bool

	happened         simulator.Truth // all of it
	rowStart, rowEnd time.Time
}

// tell makes the records: of what happened, of what UserExercises alone holds,
// and of the session that nobody stopped.
func (a *Archive) tell(truths []simulator.Truth) []Record {
	all := a.repeated(truths)
	records := make([]Record, 0, len(all))
	for _, t := range all {
		records = append(records, a.record(t))
	}
	for _, t := range a.shortWalks(truths) {
		r := Record{happened: t, RowID: a.rowID(t), rowStart: t.Start, rowEnd: t.End()}
		a.tellRow(&r)
		records = append(records, r)
	}
	if a.options.Forgotten && len(truths) > 0 {
		records = append(records, a.record(a.forgotten(truths[len(truths)/2])))
	}
	slices.SortStableFunc(records, func(x, y Record) int { return x.happened.Start.Compare(y.happened.Start) })
	return records
}

// repeated is the history as often as it takes to have so many exercises.
func (a *Archive) repeated(truths []simulator.Truth) []simulator.Truth {
	const later, otherID, most = 90 * time.Minute, 20_000_000_000, 100
	all := slices.Clone(truths)
	for k := 1; len(all) < a.options.Exercises && len(truths) > 0 && k < most; k++ {
		for _, t := range truths {
			id, err := strconv.ParseUint(t.ExternalID, 10, 64)
			if err != nil || len(all) == a.options.Exercises {
				break
			}
			t = t.Copy()
			t.ExternalID = strconv.FormatUint(id+uint64(k)*otherID, 10)
			t.Start, t.Modified = t.Start.Add(time.Duration(k)*later), t.Modified.Add(time.Duration(k)*later)
			all = append(all, t)
		}
	}
	return all
}

func (a *Archive) record(t simulator.Truth) Record {
	r := Record{happened: t, LogID: t.ExternalID, InPages: true}
	since := a.options.CSVOnlySince
	if a.columns() > 0 {
		r.InPages = since.IsZero() || t.Start.Before(since)
		if !r.InPages || !a.oneIn(20, "page only", t.ExternalID) {
			r.RowID = a.rowID(t)
		}
	}
	r.rowStart, r.rowEnd = t.Start, t.End()
	if !r.InPages {
		a.tellRow(&r)
		return r
	}
	if a.oneIn(20, "row starts later", t.ExternalID) && t.Duration > 5*time.Minute {
		r.rowStart = t.Start.Add(time.Duration(a.draw("later", t.ExternalID)%60+1) * time.Second)
	}
	if a.oneIn(5, "row ends later", t.ExternalID) {
		r.rowEnd = t.End().Add(time.Duration(a.draw("longer", t.ExternalID)%60) * time.Second)
	}
	a.tellPage(&r)
	return r
}

// tellPage fills in what a page tells, and the row beside it.
func (a *Archive) tellPage(r *Record) {
	t := r.happened.Copy()
	r.HasGPS = t.Device != nil && t.Device.Type == simulator.DeviceApp
	t.Device = a.source(t)
	r.WallClock = t.Device != nil && t.Device.Name == iPhone
	if t.Name == nil {
		name := a.person.Label(t.Type)
		t.Name = &name
	}
	if a.options.Era != EraA {
		r.ActiveZoneMinutes = t.ActiveZoneMinutes()
	}
	if !a.options.Era.takeout() {
		for i := range t.Zones {
			t.Zones[i].CaloriesKcal = nil
		}
	}
	if r.RowID != "" {
		r.MaxHeartRateBPM = a.peak(r)
	}
	t.OriginalStart, t.OriginalDuration = t.Start, t.Duration // an archive shows no edits
	switch {
	case r.RowID != "":
		r.Offset = OffsetFromRow
	case a.hasTrack(*r):
		r.Offset = OffsetFromTrack
	case a.layout().profile != "":
		r.Offset = OffsetFromProfile
		t.Start = pinned(t.Start.In(a.zone()))
	default:
		r.Offset = OffsetUnknown
		t.Start = t.Start.UTC()
	}
	r.Truth = t
}

// tellRow fills in what a row alone tells. A zero is not measured, and of what a
// device noticed by itself only the times are told.
func (a *Archive) tellRow(r *Record) {
	happened := r.happened.Copy()
	name := rowName(happened.Type)
	t := simulator.Truth{
		ExternalID: "csv-" + r.RowID, Type: happened.Type, Custom: happened.Custom, Name: &name, Start: r.rowStart, Duration: r.rowEnd.Sub(r.rowStart),
		OriginalStart: r.rowStart, OriginalDuration: r.rowEnd.Sub(r.rowStart), Modified: happened.Modified, Recording: happened.Recording,
	}
	r.Offset = OffsetFromRow
	if t.Recording != simulator.RecordedAutomatically {
		t.CaloriesKcal, t.Steps = measured(happened.CaloriesKcal), measured(happened.Steps)
		t.DistanceMeters = measured(happened.DistanceMeters)
	}
	if wire.LogType(&happened) != "manual" && wire.LogType(&happened) != "auto_detected" {
		t.ElevationGainMeters, t.AvgHeartRateBPM = measured(happened.ElevationGainMeters), measured(happened.AvgHeartRateBPM)
		r.MaxHeartRateBPM = a.peak(r)
	}
	r.Truth = t
}

func measured[T int | float64](n *T) *T {
	if n == nil || *n == 0 {
		return nil
	}
	return n
}

// zone is the account's zone when the archive was made.
func (a *Archive) zone() *time.Location { return a.person.Zone(a.options.At) }

// pinned replaces a zone by the offset it has at that instant.
func pinned(t time.Time) time.Time {
	_, seconds := t.Zone()
	return t.In(time.FixedZone(t.Format("-07:00"), seconds))
}

// rowID is an id of a row: 16 to 19 digits that have nothing to do with the log's.
func (a *Archive) rowID(t simulator.Truth) string {
	id := strconv.FormatUint(a.draw("row", t.ExternalID+t.Start.UTC().String())%9_000_000_000_000_000_000+1_000_000_000_000_000_000, 10)
	if a.oneIn(15, "short row id", t.ExternalID) {
		return id[:16]
	}
	return id
}

// peak is the highest heart rate; only a tracker's row tells it.
func (a *Archive) peak(r *Record) *int {
	t := r.happened
	if wire.LogType(&t) != "tracker" || t.AvgHeartRateBPM == nil || *t.AvgHeartRateBPM == 0 {
		return nil
	}
	highest := *t.AvgHeartRateBPM + 8 + int(a.draw("peak", t.ExternalID)%30)
	return &highest
}

// The apps that manual entries come from. Those of iPhones show local time.
const (
	iPhone  = "Fitbit for iPhone"
	android = "Fitbit for Android"
)

// source is what the page names as the source: nothing for what a device noticed
// by itself, and an app or, for those typed in on the website, nothing for manual
// entries.
func (a *Archive) source(t simulator.Truth) *simulator.Device {
	switch t.Recording {
	case simulator.RecordedAutomatically:
		return nil
	case simulator.RecordedManually:
		switch a.draw("typed", t.ExternalID) % 3 {
		case 0:
			return &simulator.Device{ID: "2295KP", Name: iPhone, Type: simulator.DeviceApp}
		case 1:
			return &simulator.Device{ID: "228VSR", Name: android, Type: simulator.DeviceApp}
		default:
			return nil
		}
	default:
		return t.Device
	}
}
