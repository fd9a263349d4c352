package googlehealth

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

const exportSuffix = ":exportExerciseTcx"

// maxTrackpoints bounds a track; longer workouts have wider steps.
const maxTrackpoints = 400

// track is GET …/dataPoints/{id}:exportExerciseTcx. Positions need the location
// scope as well.
func (c *Cloud) track(w http.ResponseWriter, r *http.Request, who caller) {
	p := checkPath(r, who, true)
	if p == nil {
		p = checkParameters(r.URL.Query(), "partialData")
	}
	if p != nil {
		refuse(w, *p)
		return
	}
	located := slices.Contains(who.scopes, scopeLocation)
	if !located && !c.options.TracksWithoutScope {
		refuse(w, scopeProblem(who.scopes))
		return
	}
	e := who.account.find(strings.TrimSuffix(r.PathValue("id"), exportSuffix), who.now)
	if e == nil {
		refuse(w, notFound())
		return
	}
	record := e.at(who.now)
	file := tcx(record, located && record.Detail.HasGPS, r.URL.Query().Get("partialData") == "true" || !located)
	if file == "" && (record.Recording == simulator.RecordedManually || draw(2, "no route", record.ExternalID) == 0) {
		refuse(w, notFound())
		return
	}
	if r.URL.Query().Get("alt") == "media" {
		send(w, http.StatusOK, "application/vnd.garmin.tcx+xml", []byte(file))
		return
	}
	reply(w, struct {
		Data string `json:"tcxData"`
	}{file})
}

// RawTrack gives the bytes of a record's track with positions, as alt=media sends
// them without partialData; nil when there is none.
func (c *Cloud) RawTrack(accountID, externalID string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, e, err := c.find(accountID, externalID)
	if err != nil {
		return nil
	}
	if file := tcx(e.at(c.options.Now()), true, false); file != "" {
		return []byte(file)
	}
	return nil
}

// tcx writes a track in Garmin's format: a circle around a made-up place. Without
// positions it is empty, unless partial asks for what else is known and the heart
// rate is.
func tcx(r *Record, positions, partial bool) string {
	if positions = positions && r.Detail.HasGPS; !positions && (!partial || r.AvgHeartRateBPM == nil) {
		return ""
	}
	step := max(5*time.Second, (r.Duration/maxTrackpoints).Truncate(time.Second)+time.Second)
	latitude, longitude := float64(draw(120, "latitude", r.ExternalID)-60)+0.123456, float64(draw(340, "longitude", r.ExternalID)-170)+0.654321
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"><Activities><Activity Sport="%s">
<Id>%s</Id><Lap StartTime="%s"><TotalTimeSeconds>%s</TotalTimeSeconds><Track>
`, sport(r), instant(r.Start), instant(r.Start), decimal(r.Duration.Seconds()))
	for at := time.Duration(0); at <= r.Duration; at += step {
		part := float64(at) / float64(r.Duration)
		_, _ = fmt.Fprintf(&b, "<Trackpoint><Time>%s</Time>", instant(r.Start.Add(at)))
		if positions {
			_, _ = fmt.Fprintf(&b, "<Position><LatitudeDegrees>%.6f</LatitudeDegrees><LongitudeDegrees>%.6f</LongitudeDegrees></Position><AltitudeMeters>%.1f</AltitudeMeters>",
				latitude+0.01*math.Sin(2*math.Pi*part), longitude+0.01*math.Cos(2*math.Pi*part), 100+20*math.Sin(math.Pi*part))
		}
		if r.DistanceMeters != nil {
			_, _ = fmt.Fprintf(&b, "<DistanceMeters>%.2f</DistanceMeters>", *r.DistanceMeters*part)
		}
		if r.AvgHeartRateBPM != nil {
			_, _ = fmt.Fprintf(&b, "<HeartRateBpm><Value>%d</Value></HeartRateBpm>", *r.AvgHeartRateBPM)
		}
		_, _ = b.WriteString("</Trackpoint>\n")
	}
	_, _ = b.WriteString("</Track></Lap></Activity></Activities></TrainingCenterDatabase>\n")
	return b.String()
}

func sport(r *Record) string {
	switch r.Type {
	case "running", "treadmill":
		return "Running"
	case "biking", "outdoor_bike":
		return "Biking"
	default:
		return "Other"
	}
}
