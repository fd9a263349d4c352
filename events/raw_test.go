package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
)

func activityWith(t interface{ Fatal(...any) }, raw []byte) events.Message {
	e := sampleEvent(&testing.T{}, events.TypeActivityFetched)
	fact, ok := e.Data.(*events.ActivityFetched)
	if !ok {
		t.Fatal("the sample is no activity fact")
	}
	fact.Raw = raw
	m, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func rawOf(t interface{ Fatal(...any) }, m events.Message) []byte {
	e, err := events.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	fact, ok := e.Data.(*events.ActivityFetched)
	if !ok {
		t.Fatal("decoded as something else")
	}
	return fact.Raw
}

// awkward lists records that a re-encoding would change.
func awkward() map[string]string {
	return map[string]string{
		"plain":               `{"logId":1}`,
		"odd white space":     "{ \"a\" :\t1 ,\n\"b\":[ ] }",
		"space around":        " {\"a\":1}\n",
		"float with zero":     `{"distance":1.0,"e":1e2}`,
		"angle and ampersand": `{"name":"<Tom & Jerry>"}`,
		"line separator":      "{\"name\":\"a\u2028b\"}",
		"escaped separator":   `{"name":"a\u2028b"}`,
		"19 digits":           `{"logId":2471190346655808113}`,
		"20 digits":           `{"logId":18446744073709551615}`,
		"doubled key":         `{"a":1,"a":2}`,
		"byte order mark":     "\ufeff{\"a\":1}",
		"a string":            `"hello"`,
		"null":                `null`,
		"HTML":                `<html><body>502 & more</body></html>`,
		"truncated":           `{"a":`,
		"empty":               ``,
		"invalid UTF-8":       "{\"a\":\"\xff\xfe\"}",
		"bytes":               "\x00\x01\xff",
		"escapes":             `{"a":"\/\u0041\ud83d\ude00"}`,
		"looks like the end":  `{"raw":{"raw_encoding":"text"}}`,
	}
}

func TestRawRecordsComeBackByteForByte(t *testing.T) {
	for name, record := range awkward() {
		t.Run(name, func(t *testing.T) {
			m := activityWith(t, []byte(record))
			if !json.Valid(m.Data) {
				t.Fatalf("payload is not JSON: %q", m.Data)
			}
			if got := rawOf(t, m); !bytes.Equal(got, []byte(record)) {
				t.Fatalf("sent %q, got back %q", record, got)
			}
		})
	}
}

func TestRawJSONIsReadableInPlace(t *testing.T) {
	record := `{"name":"<Tom & Jerry>", "distance":1.0}`
	if m := activityWith(t, []byte(record)); !strings.Contains(string(m.Data), `"raw":`+record) {
		t.Fatalf("the record does not stand in the payload as it was sent: %s", m.Data)
	}
}

// A payload that somebody else wrote may have its members in any order.
func TestARecordIsFoundWhereverItStands(t *testing.T) {
	for payload, want := range map[string]string{
		`{"raw":{"a":1.0},"raw_encoding":"json","user_id":"u"}`:                                                 `{"a":1.0}`,
		`{"user_id":"u","raw_encoding":"json","raw":{"a":1.0},"external_id":"e"}`:                               `{"a":1.0}`,
		`{ "user_id":"u","raw_encoding":"json","raw": {"a":1.0} }`:                                              `{"a":1.0}`,
		`{"user_id":"u","raw_encoding":"json","raw":{"b":2,"raw_encoding":"json","raw":3}}`:                     `{"b":2,"raw_encoding":"json","raw":3}`,
		`{"raw_encoding":"text","raw":"x","context":{"locale":"l","raw_encoding":"json","raw":1}}`:              `x`,
		`{"context":{"locale":"l","raw_encoding":"json","raw":1},"raw_encoding":"text","raw":"x"}`:              `x`,
		`{"user_id":",\"raw_encoding\":\"json\",\"raw\":1}","raw_encoding":"json","raw":2}`:                     `2`,
		`{"user_id":"u","raw_encoding":"json","raw":1,"raw_encoding":"text","raw":"the last of a name counts"}`: `the last of a name counts`,
	} {
		var got events.ActivityFetched
		if err := json.Unmarshal([]byte(payload), &got); err != nil || string(got.Raw) != want {
			t.Errorf("%s holds %q, want %q: %v", payload, got.Raw, want, err)
		}
	}
	m := activityWith(t, []byte(`{}`))
	for _, broken := range []string{`{"user_id":"u","raw_encoding":"json","raw":{}`, `{"user_id":"u","raw_encoding":"json","raw":{]}`, `{"user_id":7,"raw_encoding":"json","raw":{}}`} {
		m.Data = []byte(broken)
		if _, err := events.Decode(m); !errors.Is(err, events.ErrUndecodable) {
			t.Errorf("%s: %v, want ErrUndecodable", broken, err)
		}
	}
}

func TestAnyBytesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		record := rapid.SliceOf(rapid.Byte()).Draw(t, "record")
		if got := rawOf(t, activityWith(t, record)); !bytes.Equal(got, record) {
			t.Fatalf("sent %q, got back %q", record, got)
		}
	})
}
