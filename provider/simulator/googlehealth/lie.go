package googlehealth

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/stridelog/stridelog/provider/simulator/jsontext"
)

// The lies of list and get are legal answers with something wrong, or something
// else, in them. They are Rewrites of a Fault. A body that is no list stays as it
// is where a lie is about lists.

// page is the body of a list.
type page struct {
	Points []json.RawMessage `json:"dataPoints"`
	Token  json.RawMessage   `json:"nextPageToken"`
}

func readPage(body []byte) (p page, ok bool) {
	return p, json.Unmarshal(body, &p) == nil && p.Points != nil
}

func (p page) body() []byte {
	points := make([]string, 0, len(p.Points))
	for _, point := range p.Points {
		points = append(points, string(point))
	}
	token := ""
	if p.Token != nil {
		token = `,"nextPageToken":` + string(p.Token)
	}
	return []byte(`{"dataPoints":[` + strings.Join(points, ",") + `]` + token + `}`)
}

// EmptyList says that there is nothing, and nothing further on.
func EmptyList(body []byte) []byte {
	if _, ok := readPage(body); !ok {
		return body
	}
	return []byte("{}\n")
}

// RepeatAcrossPages makes a Rewrite that begins every page but the first with
// the last record of the page before it, as a list does that grows meanwhile.
func RepeatAcrossPages() func(body []byte) []byte {
	var last json.RawMessage
	return func(body []byte) []byte {
		p, ok := readPage(body)
		if !ok || len(p.Points) == 0 {
			return body
		}
		before := last
		last = bytes.Clone(p.Points[len(p.Points)-1])
		if before != nil {
			p.Points = slices.Insert(p.Points, 0, before)
		}
		return p.body()
	}
}

// ReorderKeys turns the members of every object around.
func ReorderKeys(body []byte) []byte {
	return jsontext.Walk(body, func(_ string, members []jsontext.Member) []jsontext.Member {
		slices.Reverse(members)
		return members
	})
}

// OtherLanguage changes the names that Google generates. A name of the person's
// own stays.
func OtherLanguage(body []byte) []byte {
	return jsontext.Walk(body, func(path string, members []jsontext.Member) []jsontext.Member {
		own := slices.ContainsFunc(members, func(m jsontext.Member) bool {
			return m.Name == "exerciseType" && string(m.Value) == `"OTHER"`
		})
		for i, m := range members {
			if m.Name == "displayName" && strings.HasSuffix(path, ".exercise") && !own {
				members[i].Value = json.RawMessage(`"Übersetzt"`)
			}
		}
		return members
	})
}

// OmitZeros leaves out every member that is zero: numbers, whole numbers in
// quotes, durations.
func OmitZeros(body []byte) []byte {
	return jsontext.Walk(body, func(_ string, members []jsontext.Member) []jsontext.Member {
		return slices.DeleteFunc(members, func(m jsontext.Member) bool { return isZero(m.Value) })
	})
}

func isZero(value json.RawMessage) bool {
	text := string(value)
	if text == `"0s"` || text == `"0"` {
		return true
	}
	n, err := strconv.ParseFloat(text, 64)
	return err == nil && n == 0
}

// NamedMe spells the account in names as me rather than as its number.
func NamedMe(body []byte) []byte {
	return jsontext.Walk(body, func(_ string, members []jsontext.Member) []jsontext.Member {
		for i, m := range members {
			_, rest, found := strings.Cut(string(m.Value), "dataTypes")
			if found && (m.Name == "name" || m.Name == "dataPointName") {
				members[i].Value = json.RawMessage(`"users/me/dataTypes` + strings.ReplaceAll(rest, `\/`, "/"))
			}
		}
		return members
	})
}

// BareNumbers writes the whole numbers of the metrics without quotes, as clients
// of other Google APIs expect them.
func BareNumbers(body []byte) []byte {
	return inMetrics(body, func(m *jsontext.Member) {
		text := strings.Trim(string(m.Value), `"`)
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			m.Value = json.RawMessage(text)
		}
	})
}

// NaN makes every fraction of the metrics "NaN", which live answers hold.
func NaN(body []byte) []byte {
	return inMetrics(body, func(m *jsontext.Member) {
		if _, err := strconv.ParseFloat(string(m.Value), 64); err == nil {
			m.Value = json.RawMessage(`"NaN"`)
		}
	})
}

// inMetrics changes the numbers of each record's own summary.
func inMetrics(body []byte, change func(*jsontext.Member)) []byte {
	return jsontext.Walk(body, func(path string, members []jsontext.Member) []jsontext.Member {
		if strings.HasSuffix(path, ".exercise.metricsSummary") {
			for i := range members {
				change(&members[i])
			}
		}
		return members
	})
}

// UnknownWords replaces the value of every enum by one that no contract names.
func UnknownWords(body []byte) []byte {
	enums := []string{"exerciseType", "recordingMethod", "platform", "formFactor", "splitType", "exerciseEventType"}
	return jsontext.Walk(body, func(_ string, members []jsontext.Member) []jsontext.Member {
		for i, m := range members {
			if slices.Contains(enums, m.Name) {
				members[i].Value = json.RawMessage(`"WORD_FROM_NEXT_YEAR"`)
			}
		}
		return members
	})
}

// UnknownMembers puts a member that nobody knows into every object.
func UnknownMembers(body []byte) []byte {
	return jsontext.Walk(body, func(_ string, members []jsontext.Member) []jsontext.Member {
		return append(members, jsontext.Member{Name: "memberFromNextYear", Value: json.RawMessage(`{"parts":[1.50,"2"]}`)})
	})
}
