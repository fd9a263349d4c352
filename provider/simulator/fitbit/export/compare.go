package export

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Comparison is what a test finds when it holds an imported workout against the
// same activity as polling gives it, or against what the archive tells.
type Comparison struct {
	// Differences are fields that both have and that differ.
	Differences []string
	// OnlyImported and OnlyPolled are fields that one of them has, by name; those of
	// the elements of a list without their number.
	OnlyImported, OnlyPolled []string
}

// Compare holds an imported workout against the polled one, both as JSON objects
// with the members that the system serves. What an archive cannot know is left
// out: the offset where only the account's zone tells it, the start of an entry
// by the wall clock where nothing tells the offset, and names and kinds of rows,
// which have their own vocabulary.
func (r Record) Compare(imported, polled []byte) (Comparison, error) {
	a, err := flat(imported)
	if err != nil {
		return Comparison{}, err
	}
	b, err := flat(polled)
	if err != nil {
		return Comparison{}, err
	}
	var c Comparison
	for _, name := range slices.Sorted(maps.Keys(a)) {
		_, both := b[name]
		switch {
		case !both:
			c.OnlyImported = append(c.OnlyImported, plain(name))
		case !r.untold(name, b) && !same(name, a[name], b[name]):
			c.Differences = append(c.Differences, fmt.Sprintf("%s: imported %v, polled %v", name, a[name], b[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, both := a[name]; !both {
			c.OnlyPolled = append(c.OnlyPolled, plain(name))
		}
	}
	return c, nil
}

// untold says whether the archive cannot know a field for sure.
func (r Record) untold(name string, polled map[string]any) bool {
	certain := r.Offset == OffsetFromRow || r.Offset == OffsetFromTrack
	switch name {
	case "id", "user_id", "version", "created_at", "updated_at", "offset_source":
		return true // about the row in the system, or about the way in
	case "zone_offset", "local_date":
		return !certain
	case "start_time", "end_time":
		return r.WallClock && !certain
	case "provider_type":
		return !r.InPages || polled["name"] == nil // polling has nothing but a number then
	case "source.source":
		// REST names the provider where the record names no app, and polling's names fewer.
		return polled[name] == polled["source.provider"]
	case "type", "category", "open_wearables_type":
		// The row beside a page names an activity whose id and name say nothing to polling.
		return !r.InPages || r.RowID != "" && polled["type"] == "other"
	case "external_id", "name", "avg_speed_mps", "avg_pace_sec_per_km":
		return !r.InPages // rows tell no pauses, so speeds are over the whole time
	}
	return false
}

// Untold compares an imported workout with the record: it lists the fields that
// the archive tells and the workout has not, or has otherwise.
func (r Record) Untold(imported []byte) ([]string, error) {
	got, err := flat(imported)
	if err != nil {
		return nil, err
	}
	want := map[string]any{"external_id": r.ExternalID, "recording_method": r.Recording, "duration_seconds": r.Duration.Seconds()}
	number := func(name string, told bool, value func() float64) {
		want[name] = nil
		if told {
			want[name] = value()
		}
	}
	number("distance_meters", r.DistanceMeters != nil, func() float64 { return *r.DistanceMeters })
	number("elevation_gain_meters", r.ElevationGainMeters != nil, func() float64 { return *r.ElevationGainMeters })
	number("calories_kcal", r.CaloriesKcal != nil, func() float64 { return float64(*r.CaloriesKcal) })
	number("steps", r.Steps != nil, func() float64 { return float64(*r.Steps) })
	number("avg_heart_rate_bpm", r.AvgHeartRateBPM != nil, func() float64 { return float64(*r.AvgHeartRateBPM) })
	number("max_heart_rate_bpm", r.MaxHeartRateBPM != nil, func() float64 { return float64(*r.MaxHeartRateBPM) })
	number("active_zone_minutes", r.ActiveZoneMinutes != nil, func() float64 { return float64(*r.ActiveZoneMinutes) })
	number("active_duration_seconds", r.ActiveDuration > 0, func() float64 { return r.ActiveDuration.Seconds() })
	for i, z := range r.Zones {
		want["heart_rate_zones."+strconv.Itoa(i)+".zone"] = z.Word
		number("heart_rate_zones."+strconv.Itoa(i)+".calories_kcal", z.CaloriesKcal != nil, func() float64 { return *z.CaloriesKcal })
	}
	r.wantPlace(want)
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !same(name, got[name], want[name]) {
			missing = append(missing, fmt.Sprintf("%s: imported %v, the archive tells %v", name, got[name], want[name]))
		}
	}
	return missing, nil
}

func (r Record) wantPlace(want map[string]any) {
	if r.InPages || r.Type == "walking" || r.Type == "running" {
		want["name"] = *r.Name
	}
	want["zone_offset"], want["local_date"] = r.Start.Format("-07:00"), r.Start.Format(time.DateOnly)
	switch r.Offset {
	case OffsetUnknown:
		want["offset_source"], want["zone_offset"], want["local_date"] = "unknown", nil, nil
	case OffsetFromProfile:
		want["offset_source"] = "profile"
	default:
		want["offset_source"] = "record"
	}
	if r.WallClock && r.Offset != OffsetFromRow && r.Offset != OffsetFromTrack {
		delete(want, "zone_offset")
		delete(want, "local_date")
		return
	}
	want["start_time"] = r.Start.UTC().Format(time.RFC3339)
}

// flat is an object's members that are not null, those inside others with a dot,
// without what is kept in the provider's own words.
func flat(text []byte) (map[string]any, error) {
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, fmt.Errorf("read a workout to compare: %w", err)
	}
	delete(object, "details")
	delete(object, "raw_url")
	all := map[string]any{}
	flatten(all, "", object)
	return all, nil
}

func flatten(all map[string]any, name string, value any) {
	join := func(element string) string {
		if name == "" {
			return element
		}
		return name + "." + element
	}
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for element, inner := range v {
			flatten(all, join(element), inner)
		}
	case []any:
		for i, inner := range v {
			flatten(all, join(strconv.Itoa(i)), inner)
		}
	default:
		all[name] = v
	}
}

// plain is a flat name without the numbers of lists.
func plain(name string) string {
	var parts []string
	for part := range strings.SplitSeq(name, ".") {
		if _, err := strconv.Atoi(part); err != nil {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ".")
}

// same compares to half a millimetre and a millionth: rows are in millimetres.
func same(name string, a, b any) bool {
	x, isNumber := a.(float64)
	y, both := b.(float64)
	if isNumber && both {
		return math.Abs(x-y) <= 0.0005+1e-6*math.Abs(y)
	}
	if strings.HasSuffix(name, "_time") {
		from, err := time.Parse(time.RFC3339, fmt.Sprint(a))
		to, err2 := time.Parse(time.RFC3339, fmt.Sprint(b))
		return err == nil && err2 == nil && from.Equal(to)
	}
	return a == b
}
