package workouts

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/stridelog/stridelog/events"
)

// What clients of Open Wearables read beside the members of a document.

// appendSourced appends a document, or its beginning, with its source filled as Open
// Wearables does: source is the provider's name where the record names no app, device is
// what the device is called where the record has no model. The projector writes the
// members of a source in one order; a document that has them otherwise stays as it is.
func appendSourced(dst, doc []byte) []byte {
	const begin = `"source":{"provider":`
	at := bytes.Index(doc, []byte(begin)) // in a text the quotes would be escaped
	if at < 0 {
		return append(dst, doc...)
	}
	var values [5][]byte
	rest := doc[at+len(begin):]
	for i, next := range [...]string{`,"source":`, `,"device":`, `,"device_type":`, `,"device_name":`, `}`} {
		var ok bool
		if values[i], rest, ok = cutValue(rest, next); !ok {
			return append(dst, doc...)
		}
	}
	provider, source, device, deviceType, name := values[0], values[1], values[2], values[3], values[4]
	if string(source) == "null" {
		source = provider
	}
	if string(device) == "null" {
		device = name
	}
	dst = append(append(append(dst, doc[:at]...), begin...), provider...)
	dst = append(append(dst, `,"source":`...), source...)
	dst = append(append(dst, `,"device":`...), device...)
	dst = append(append(dst, `,"device_type":`...), deviceType...)
	dst = append(append(dst, `,"device_name":`...), name...)
	return append(append(dst, '}'), rest...)
}

// cutValue takes a text or null from the beginning of JSON, and what must come next.
func cutValue(text []byte, next string) (value, rest []byte, ok bool) {
	end := len("null")
	if len(text) > 0 && text[0] == '"' {
		for end = 1; end < len(text) && text[end] != '"'; end++ {
			if text[end] == '\\' {
				end++
			}
		}
		end++
	} else if !bytes.HasPrefix(text, []byte("null")) {
		return nil, nil, false
	}
	if end > len(text) || !bytes.HasPrefix(text[end:], []byte(next)) {
		return nil, nil, false
	}
	return text[:end], text[end+len(next):], true
}

// zone is the time in one zone of heart rate. Open Wearables numbers zones from 0, the
// lowest first, and knows neither a name nor a lower bound.
type zone struct {
	Zone    int      `json:"zone"`
	Name    string   `json:"name"`
	Seconds *float64 `json:"seconds"`
	MinBPM  *int     `json:"min_bpm"`
	MaxBPM  *int     `json:"max_bpm"`
}

type zones struct {
	Zones []zone `json:"zones"`
	// MaxHR and ThresholdHR are of the person. No source here tells them.
	MaxHR       *int `json:"max_hr"`
	ThresholdHR *int `json:"threshold_hr"`
}

// appendZones appends hr_zones and power_zones as include=zones asks for them. What the
// record does not say is null: no zones, a time, a bound. No source has power.
func appendZones(dst, doc []byte) ([]byte, error) {
	var w struct {
		Zones []events.HeartRateZone `json:"heart_rate_zones"`
	}
	if err := json.Unmarshal(doc, &w); err != nil {
		return dst, fmt.Errorf("%w: its zones: %w", errDoc, err)
	}
	var said *zones
	if w.Zones != nil {
		said = &zones{Zones: make([]zone, 0, len(w.Zones))}
		for i, z := range w.Zones {
			said.Zones = append(said.Zones, zone{Zone: i, Name: z.Zone, Seconds: z.DurationSeconds, MinBPM: z.MinBPM, MaxBPM: z.MaxBPM})
		}
	}
	text, err := json.Marshal(said)
	if err != nil {
		return dst, fmt.Errorf("write the zones of a workout: %w", err)
	}
	return append(append(append(dst, `,"hr_zones":`...), text...), `,"power_zones":null`...), nil
}
