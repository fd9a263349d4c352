package fitbit

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/stridelog/stridelog/provider/simulator/jsontext"
)

// The lies of the activity list are legal answers with something wrong in them.
// They are Rewrites of a Fault. A body that is no list stays as it is.

// list is the body of the activity list.
type list struct {
	Activities []json.RawMessage `json:"activities"`
	Pagination json.RawMessage   `json:"pagination"`
}

func readListBody(body []byte) (l list, ok bool) {
	return l, json.Unmarshal(body, &l) == nil && l.Activities != nil
}

func (l list) body() []byte {
	entries := make([]string, 0, len(l.Activities))
	for _, a := range l.Activities {
		entries = append(entries, string(a))
	}
	return []byte(`{"activities":[` + strings.Join(entries, ",") + `],"pagination":` + string(l.Pagination) + `}`)
}

// EmptyList says that there is nothing, and nothing further on.
func EmptyList(body []byte) []byte {
	l, ok := readListBody(body)
	if !ok {
		return body
	}
	var pagination map[string]any
	if json.Unmarshal(l.Pagination, &pagination) != nil {
		return body
	}
	pagination["next"] = ""
	l.Activities = nil
	l.Pagination, _ = json.Marshal(pagination) // it was JSON before
	return l.body()
}

// RepeatAcrossPages makes a Rewrite that begins every page but the first with
// the last record of the page before it, as a list does that grows meanwhile.
func RepeatAcrossPages() func(body []byte) []byte {
	var last json.RawMessage
	return func(body []byte) []byte {
		l, ok := readListBody(body)
		if !ok || len(l.Activities) == 0 {
			return body
		}
		before := last
		last = bytes.Clone(l.Activities[len(l.Activities)-1])
		if before != nil {
			l.Activities = slices.Insert(l.Activities, 0, before)
		}
		return l.body()
	}
}

// ReorderKeys turns the members of every object around.
func ReorderKeys(body []byte) []byte {
	return jsontext.Walk(body, func(_ string, members []jsontext.Member) []jsontext.Member {
		slices.Reverse(members)
		return members
	})
}

// OtherLanguage changes the labels that come in the account's language.
func OtherLanguage(body []byte) []byte {
	return jsontext.Walk(body, func(path string, members []jsontext.Member) []jsontext.Member {
		for i, m := range members {
			switch {
			case m.Name == "activityName", m.Name == "zoneName", m.Name == "name" && strings.HasSuffix(path, "heartRateZones"):
				members[i].Value = json.RawMessage(`"Übersetzt"`)
			}
		}
		return members
	})
}

// OmitZeros leaves out every member of a record that is the number zero, as
// clouds do whose encoder skips defaults. The pagination keeps its zeros.
func OmitZeros(body []byte) []byte {
	l, ok := readListBody(body)
	if !ok {
		return body
	}
	for i, a := range l.Activities {
		l.Activities[i] = jsontext.Walk(a, func(_ string, members []jsontext.Member) []jsontext.Member {
			return slices.DeleteFunc(members, func(m jsontext.Member) bool { return isZero(m.Value) })
		})
	}
	return l.body()
}

func isZero(value json.RawMessage) bool {
	n, err := strconv.ParseFloat(string(value), 64)
	return err == nil && n == 0
}
