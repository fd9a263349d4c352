package events_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
)

// members are a sample's payload, to be changed.
func members(t *testing.T, typ events.Type) map[string]json.RawMessage {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(readSample(t, typ).Data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// decodes says whether a payload under a sample's envelope is read.
func decodes(t *testing.T, typ events.Type, payload map[string]json.RawMessage) error {
	t.Helper()
	m := readSample(t, typ)
	var err error
	if m.Data, err = json.Marshal(payload); err != nil {
		t.Fatal(err)
	}
	_, err = events.Decode(m)
	if err != nil && !errors.Is(err, events.ErrUndecodable) {
		t.Errorf("%s: %v is not ErrUndecodable", typ, err)
	}
	return err
}

// What the schema requires, Decode requires.
func TestDecodeWantsEveryRequiredMember(t *testing.T) {
	for _, d := range events.Types() {
		text, err := events.Schema(d.Type)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Required []string `json:"required"`
		}
		if err := json.Unmarshal(text, &schema); err != nil || len(schema.Required) == 0 {
			t.Fatalf("%s requires %v: %v", d.Type, schema.Required, err)
		}
		if err := decodes(t, d.Type, members(t, d.Type)); err != nil {
			t.Errorf("%s: the control: %v", d.Type, err)
		}
		for _, name := range schema.Required {
			without := members(t, d.Type)
			delete(without, name)
			if decodes(t, d.Type, without) == nil {
				t.Errorf("%s is read without %s", d.Type, name)
			}
		}
	}
}

// Ids, owners and texts that no row, key or subject can be made of.
func TestDecodeRefusesMembersThatAreNotWhatTheySay(t *testing.T) {
	const upper = `"5B0E7C1E-6F0A-4F43-9A8E-0A4D1F1C2B3D"`
	for _, d := range events.Types() {
		for name, values := range map[string][]string{
			"user_id":              {`"anna"`, upper, `"` + sampleSync + `"`, `""`, `7`},
			"provider":             {`"other"`, `""`},
			"connection_id":        {`"c1"`, upper},
			"sync_id":              {`"s1"`, upper},
			"erasure_id":           {`"e1"`, `"` + sampleUser + `"`},
			"workout_id":           {`"w1"`, upper},
			"external_id":          {`"a\u0000b"`, `""`, `"\ud800"`, `"\udc00"`, `"\ud800\u0041"`, `null`},
			"provider_account_id":  {`"\u0000"`},
			"format":               {`""`, `"\u0000"`},
			"content_hash":         {`""`, `"\u0000"`},
			"hash_version":         {`-1`, `null`, `"1"`},
			"context":              {`null`, `[]`},
			"origin":               {`"\u0000"`},
			"proof":                {`""`},
			"by":                   {`""`, `"\u0000"`, `"\ud83d"`},
			"status":               {`""`, `null`},
			"trigger":              {`""`, `"a\u0000"`},
			"version":              {`0`, `-1`, `9223372036854775808`},
			"replaces_sequence":    {`-1`, `9223372036854775808`},
			"fact_id":              {`""`},
			"at":                   {`"yesterday"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `null`},
			"revoked_at":           {`null`, `"0000-06-01T00:00:00Z"`},
			"window":               {`null`, `{}`, `{"from":"2026-05-03T17:03:00Z"}`},
			"counts":               {`[]`, `7`},
			"report":               {`-1`, `null`},
			"raw_encoding":         {`"zip"`, `null`},
			"raw_gzip":             {`null`, `""`},
			"suspects":             {`["\u0000"]`, `[""]`},
			"kind":                 {`""`, `null`, `"activity"`, `"route"`, `"Sleep"`, `"a.b"`, `"another"`},
			"import_id":            {`"i1"`, upper},
			"aliases":              {`[""]`, `["\u0000"]`, `["\ud800"]`, `7`},
			"slot":                 {`"\u0000"`, `"\udc00"`},
			"step":                 {`"\u0000"`},
			"resource":             {`"\u0000"`, `7`},
			"door":                 {`"\u0000"`},
			"delivery":             {`"\u0000"`},
			"identity_zone":        {`"\u0000"`},
			"parent":               {`{}`, `{"kind":"a/b","external_id":"1"}`, `{"kind":"sleep","external_id":""}`, `{"kind":"sleep","external_id":"\u0000"}`},
			"file":                 {`{}`, `7`},
			"part":                 {`-1`},
			"points":               {`-1`},
			"parent_sequence":      {`-1`, `9223372036854775808`},
			"local_date":           {`"2026-13-01"`, `"yesterday"`, `"2026-05-03T00:00:00Z"`, `"0000-01-01"`},
			"start_offset_seconds": {`90000`, `"x"`},
			"end_offset_seconds":   {`-90000`},
			"started_at":           {`"yesterday"`},
			"ended_at":             {`"0001-01-01T00:00:00Z"`},
			"listed_at":            {`"0001-01-01T00:00:00Z"`},
			"complete":             {`7`},
		} {
			if _, has := members(t, d.Type)[name]; !has {
				continue
			}
			for _, value := range values {
				if d.Type == events.TypeContextFetched && name == "external_id" && (value == `""` || value == "null") {
					continue // it is about the person then
				}
				changed := members(t, d.Type)
				changed[name] = json.RawMessage(value)
				if decodes(t, d.Type, changed) == nil {
					t.Errorf("%s is read with %s %s", d.Type, name, value)
				}
			}
		}
	}
}

// The payload of one type under the name of another is none of either.
func TestDecodeComparesThePayloadWithTheType(t *testing.T) {
	for _, d := range events.Types() {
		for _, other := range events.Types() {
			same := d.Type == other.Type || strings.HasPrefix(string(d.Type), "stridelog.workout.") && strings.HasPrefix(string(other.Type), "stridelog.workout.")
			m := readSample(t, d.Type)
			m.Data = readSample(t, other.Type).Data
			if _, err := events.Decode(m); err == nil && !same {
				t.Errorf("the payload of %s is read as %s", other.Type, d.Type)
			}
		}
	}
	m := readSample(t, events.TypeWorkoutRecorded)
	m.Data = readSample(t, events.TypeWorkoutRemoved).Data
	if _, err := events.Decode(m); err == nil {
		t.Error("a removal is read as a recorded workout")
	}
}

func TestDecodeRefusesTextThatIsNone(t *testing.T) {
	m := readSample(t, events.TypeActivityFetched)
	m.Data = []byte(strings.Replace(string(m.Data), "7XQ2LM", "7XQ\xff", 1))
	if _, err := events.Decode(m); !errors.Is(err, events.ErrUndecodable) {
		t.Errorf("invalid UTF-8: %v", err)
	}
	for _, id := range []string{"a\x00", "a\nb", "\xff"} {
		m := readSample(t, events.TypeActivityFetched)
		m.Header[events.HeaderID] = []string{id}
		if _, err := events.Decode(m); !errors.Is(err, events.ErrUndecodable) {
			t.Errorf("id %q: %v", id, err)
		}
	}
}

// A provider's own words are nobody's key: they may be anything that JSON may be.
func TestARecordMayHoldWhatAnIdMayNot(t *testing.T) {
	const record = `{"name":"a\u0000b","half":"\ud800"}`
	if got := rawOf(t, activityWith(t, []byte(record))); string(got) != record {
		t.Errorf("the record came back as %s", got)
	}
}

// A later program of the same version may add members, at any depth.
func TestDecodePassesOverUnknownMembers(t *testing.T) {
	for _, d := range events.Types() {
		more := members(t, d.Type)
		more["unheard_of"] = json.RawMessage(`{"a":[1]}`)
		for _, name := range []string{"window", "context", "counts", "workout"} {
			if inner, has := more[name]; has && d.Type != events.TypeUserErased {
				more[name] = json.RawMessage(strings.Replace(string(inner), "{", `{"unheard_of":7,`, 1))
			}
		}
		if err := decodes(t, d.Type, more); err != nil {
			t.Errorf("%s: %v", d.Type, err)
		}
	}
}

func TestABrokenTraceIsNoFault(t *testing.T) {
	m := readSample(t, events.TypeActivityFetched)
	for _, broken := range []string{"", "00-", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\x00"} {
		m.Header[events.HeaderTraceParent] = []string{broken}
		if e, err := events.Decode(m); err != nil || e.TraceParent != "" {
			t.Errorf("%q: %q, %v", broken, e.TraceParent, err)
		}
	}
}

// Nobody writes what nobody reads.
func TestEncodeRefusesWhatDecodeRefuses(t *testing.T) {
	for name, change := range map[string]func(*events.Event, *events.ActivityFetched){
		"an owner of another subject": func(e *events.Event, _ *events.ActivityFetched) { e.UserID = sampleSync },
		"a NUL in an external id":     func(_ *events.Event, a *events.ActivityFetched) { a.ExternalID = "a\x00" },
		"bytes in an external id":     func(_ *events.Event, a *events.ActivityFetched) { a.ExternalID = "\xff" },
		"a sync id that is none":      func(_ *events.Event, a *events.ActivityFetched) { a.SyncID = "s1" },
		"no origin":                   func(_ *events.Event, a *events.ActivityFetched) { a.Origin = "" },
		"no source":                   func(e *events.Event, _ *events.ActivityFetched) { e.Source = "" },
		"no id":                       func(e *events.Event, _ *events.ActivityFetched) { e.ID = "" },
		"a line break in its id":      func(e *events.Event, _ *events.ActivityFetched) { e.ID = "a\r\nb" },
		"no data":                     func(e *events.Event, _ *events.ActivityFetched) { e.Data = nil },
	} {
		e := sampleEvent(t, events.TypeActivityFetched)
		fact, ok := e.Data.(*events.ActivityFetched)
		if !ok {
			t.Fatal("the sample is no activity fact")
		}
		change(&e, fact)
		if _, err := e.Encode(); err == nil {
			t.Errorf("an event with %s is written", name)
		} else if strings.Contains(err.Error(), "\x00") || strings.Contains(err.Error(), "\xff") {
			t.Errorf("%s: the error quotes the value: %q", name, err)
		}
	}
}
