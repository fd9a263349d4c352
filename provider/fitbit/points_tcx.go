package fitbit

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"time"
)

// numberForm is a decimal number as XML Schema and CSV both write it.
var numberForm = regexp.MustCompile(`^[+-]?[0-9]{1,9}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?$`)

func isNumber(text string) bool { return numberForm.MatchString(text) }

func isDegrees(text string, most float64) bool {
	n, err := strconv.ParseFloat(text, 64)
	return isNumber(text) && err == nil && math.Abs(n) <= most
}

// TCXOfPoints makes a TCX file of the positions of one activity, lines of
// FormatExportPoints. It is pure: the same lines give the same file. Coordinates and
// altitudes stand in it as they were written, times in UTC. The schema of TCX wants
// a sport, a distance and calories of each lap: Other, the length of the line between
// the points in metres, and 0, for the positions tell neither sport nor energy.
func TCXOfPoints(file []byte) ([]byte, error) {
	in := bufio.NewReaderSize(bytes.NewReader(file), 64<<10)
	columns, err := readColumns(in)
	if err != nil {
		return nil, fmt.Errorf("make a TCX file of %s: %w", FormatExportPoints, err)
	}
	var points []position
	for {
		line, err := in.ReadSlice('\n')
		if p, ok := columns.point(bytes.TrimRight(line, "\r\n")); ok {
			points = append(points, p)
		}
		if err == io.EOF { //nolint:errorlint // a bufio.Reader gives it as it is
			break
		}
		if err != nil {
			return nil, fmt.Errorf("make a TCX file of %s: %w", FormatExportPoints, err)
		}
	}
	if len(points) == 0 {
		return nil, fmt.Errorf("make a TCX file of %s: there is no position", FormatExportPoints)
	}
	return tcxOf(points), nil
}

func tcxOf(points []position) []byte {
	var b bytes.Buffer
	first, last := points[0].at, points[len(points)-1].at
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2">` + "\n" +
		"<Activities>\n" + `<Activity Sport="Other">` + "\n")
	fmt.Fprintf(&b, "<Id>%s</Id>\n<Lap StartTime=\"%s\">\n", tcxInstant(first), tcxInstant(first))
	fmt.Fprintf(&b, "<TotalTimeSeconds>%s</TotalTimeSeconds>\n", strconv.FormatFloat(last.Sub(first).Seconds(), 'f', -1, 64))
	fmt.Fprintf(&b, "<DistanceMeters>%.1f</DistanceMeters>\n", lengthOf(points))
	b.WriteString("<Calories>0</Calories>\n<Intensity>Active</Intensity>\n<TriggerMethod>Manual</TriggerMethod>\n<Track>\n")
	for _, p := range points {
		fmt.Fprintf(&b, "<Trackpoint><Time>%s</Time><Position><LatitudeDegrees>%s</LatitudeDegrees><LongitudeDegrees>%s</LongitudeDegrees></Position>",
			tcxInstant(p.at), p.lat, p.lon)
		if p.altitude != "" {
			fmt.Fprintf(&b, "<AltitudeMeters>%s</AltitudeMeters>", p.altitude)
		}
		b.WriteString("</Trackpoint>\n")
	}
	b.WriteString("</Track>\n</Lap>\n</Activity>\n</Activities>\n</TrainingCenterDatabase>\n")
	return b.Bytes()
}

func tcxInstant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// lengthOf is the length of the line between points on a sphere, in metres.
func lengthOf(points []position) (metres float64) {
	const earth = 6_371_008.8 // mean radius in metres
	for i := 1; i < len(points); i++ {
		lat1, lon1 := points[i-1].radians()
		lat2, lon2 := points[i].radians()
		a := math.Pow(math.Sin((lat2-lat1)/2), 2) + math.Cos(lat1)*math.Cos(lat2)*math.Pow(math.Sin((lon2-lon1)/2), 2)
		metres += 2 * earth * math.Asin(math.Min(1, math.Sqrt(a)))
	}
	return metres
}

func (p position) radians() (lat, lon float64) {
	lat, _ = strconv.ParseFloat(p.lat, 64) // point has checked them
	lon, _ = strconv.ParseFloat(p.lon, 64)
	return lat * math.Pi / 180, lon * math.Pi / 180
}
