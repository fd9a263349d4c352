package export

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

// tracks are the TCX files of Takeout for workouts with GPS, one of eleven an
// empty stub (section 4).
func (a *Archive) tracks() []file {
	var files []file
	for _, r := range a.records {
		if !r.HasGPS || !a.options.Era.takeout() {
			continue
		}
		files = append(files, text(a.at("Activities", r.ExternalID+".tcx"), a.tcx(r)))
	}
	return files
}

// Track gives the bytes of a record's TCX file; nil where there is none, or only an
// empty stub.
func (a *Archive) Track(r Record) []byte {
	if !a.hasTrack(r) {
		return nil
	}
	return []byte(a.tcx(r))
}

func (a *Archive) tcx(r Record) string {
	activity := ""
	if a.hasTrack(r) {
		activity = a.track(r.happened)
	}
	return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2">
  <Activities>` + activity + `</Activities>
</TrainingCenterDatabase>
`
}

// hasTrack says whether there is a TCX file with something in it.
func (a *Archive) hasTrack(r Record) bool {
	return r.HasGPS && a.options.Era.takeout() && !a.oneIn(11, "stub", r.happened.ExternalID)
}

// track is the one activity of a TCX file; its times carry the local offset.
func (a *Archive) track(t simulator.Truth) string {
	const clock = "2006-01-02T15:04:05.000-07:00"
	var points strings.Builder
	for i := range 5 {
		at := t.Start.Add(t.Duration / 4 * time.Duration(i)).Format(clock)
		fmt.Fprintf(&points, "<Trackpoint><Time>%s</Time><Position><LatitudeDegrees>%.5f</LatitudeDegrees><LongitudeDegrees>%.5f</LongitudeDegrees></Position></Trackpoint>",
			at, 10+float64(i)/1000, 20+float64(i)/1000)
	}
	return fmt.Sprintf(`
    <Activity Sport="Other"><Id>%s</Id><Lap StartTime="%s"><TotalTimeSeconds>%.1f</TotalTimeSeconds><Track>%s</Track></Lap></Activity>
  `, t.Start.Format(clock), t.Start.Format(clock), t.Duration.Seconds(), points.String())
}

// decoys are files of other families and of none, small ones. Some hold what is
// nobody's business.
func (a *Archive) decoys() []file {
	l, at := a.layout(), a.options.At
	month, day := at.AddDate(0, 0, -30).Format(time.DateOnly), at.AddDate(0, 0, -1)
	json := func(family, name string, list []object) file {
		return text(a.at(family, name), string(appendList(nil, list, "")))
	}
	files := []file{
		a.heartRate(day, time.Minute),
		json(l.exercises, "steps-"+month+".json", a.minutes(day)),
		json(l.exercises, "resting_heart_rate-"+month+".json", []object{{{"dateTime", day.Format(`"01/02/06 15:04:05"`)}, {"value", object{{"date", "null"}, {"value", "0.0"}, {"error", "0.0"}}}}}),
		json(l.exercises, "badge.json", []object{{{"encodedId", `"228TT7"`}, {"badgeType", `"DAILY_STEPS"`}, {"value", "10000"}}}),
		json(l.sleep, "sleep-"+month+".json", []object{{
			{"logId", strconv.FormatUint(a.draw("sleep", month)%90_000_000_000, 10)}, {"dateOfSleep", day.Format(`"2006-01-02"`)},
			{"startTime", day.Format(`"2006-01-02T15:04:05.000"`)}, {"duration", "27000000"}, {"type", `"stages"`}, {"mainSleep", "true"},
		}}),
		text(a.at(l.exercises, "exercise-notes.json"), "[]"),
	}
	if a.options.Era == EraA {
		return append(files, text(a.at("user-profile", "README.txt"), "Profile of "+a.email()+"\n"), text(a.at("Challenges", "challenges.json"), "[]"))
	}
	files = append(files,
		text(a.at(l.exercises, "Fitbit Exercise Export README.txt"), "Physical activity of the account\n\nFiles included: exercise-0.json\n"),
		text(a.at("Stress", "Stress Score.csv"), "DATE,UPDATED_AT,STRESS_SCORE\r\n"),
	)
	if a.options.Era.takeout() {
		files = append(files,
			text(a.at("Sleep Score", "sleep_score.csv"), "sleep_log_entry_id,timestamp,overall_score\n53612104642,"+day.Format("2006-01-02T15:04:05Z")+",82\n"),
			text(a.at("Paired Devices", "Devices.csv"), "wire_id,device_type,serial_number\n0B2680AA5243,Charge 6,HIDDEN-SERIAL\n"),
			text(a.at("Health Fitness Data_GoogleData", "UserSleeps_"+month+".csv"), "sleep_id,sleep_type,minutes_asleep\n"),
			text(a.at("Physical Activity_GoogleData", "daily_resting_heart_rate.csv"), "timestamp,beats per minute\n"+day.Format("2006-01-02")+"T00:00:00Z,58\n"),
			text(a.at("Biometrics", "Glucose "+day.Format("200601")+".csv"), "no data\n"),
			text(path.Join(a.top(), "archive_browser.html"), "<html><body>"+a.email()+"</body></html>\n"),
		)
	}
	return files
}

// minutes are some steps by the minute; the value is a string.
func (a *Archive) minutes(day time.Time) []object {
	list := make([]object, 0, 60)
	for i := range 60 {
		at := day.Add(time.Duration(i) * time.Minute)
		list = append(list, object{{"dateTime", at.Format(`"01/02/06 15:04:00"`)}, {"value", `"` + strconv.Itoa(i%7*9) + `"`}})
	}
	return list
}

// heartRate is a day of heart rate, a sample every so often.
func (a *Archive) heartRate(day time.Time, every time.Duration) file {
	midnight := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC)
	return file{a.at(a.layout().exercises, "heart_rate-"+midnight.Format(time.DateOnly)+".json"), func(w *bufio.Writer) error {
		sample := []byte{'['}
		beats := rand.New(rand.NewPCG(a.draw("beats", midnight.String()), 0))
		for at := time.Duration(0); at < 24*time.Hour; at += every {
			if at > 0 {
				sample = append(sample[:0], ',')
			}
			sample = append(sample, "{\n  \"dateTime\" : "...)
			sample = midnight.Add(at).AppendFormat(sample, `"01/02/06 15:04:05"`)
			sample = append(sample, ",\n  \"value\" : {\n    \"bpm\" : "...)
			sample = strconv.AppendInt(sample, 60+int64(beats.Uint64()%40), 10)
			sample = append(sample, ",\n    \"confidence\" : 2\n  }\n}"...)
			if _, err := w.Write(sample); err != nil {
				return err
			}
		}
		return w.WriteByte(']')
	}}
}

// bulk is as many days of heart rate as it takes to have so many bytes, one
// sample in ten seconds, going back from the day before the decoy's.
func (a *Archive) bulk(bytes int64) []file {
	const every = 10 * time.Second
	day := a.options.At.AddDate(0, 0, -2)
	one := size([]file{a.heartRate(day, every)}) // every day has as many
	var days []file
	for ; bytes > 0; bytes -= one {
		days = append(days, a.heartRate(day, every))
		day = day.AddDate(0, 0, -1)
	}
	slices.Reverse(days)
	return days
}
