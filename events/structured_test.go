package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
)

// throughALine writes a message as a line and reads it back.
func throughALine(t interface{ Fatalf(string, ...any) }, m events.Message) events.Stored {
	line, err := events.Stored{Message: m, Stream: "S", Sequence: 7}.Structured()
	if err != nil {
		t.Fatalf("%v", err)
	}
	if !json.Valid(line) || bytes.ContainsAny(line, "\r\n") {
		t.Fatalf("no line of JSON: %q", line)
	}
	back, err := events.ReadStructured(line)
	if err != nil || back.Stream != "S" || back.Sequence != 7 {
		t.Fatalf("%+v, %v", back, err)
	}
	return back
}

func TestARecordIsTheSameAfterALine(t *testing.T) {
	for name, raw := range awkward() {
		if got := rawOf(t, throughALine(t, activityWith(t, []byte(raw))).Message); string(got) != raw {
			t.Errorf("%s: %q became %q", name, raw, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOf(rapid.Byte()).Draw(t, "raw")
		if rapid.Bool().Draw(t, "as JSON") {
			raw = []byte("{\n \"a\": [1.0,\r\n" + string(bytes.Repeat([]byte("["), rapid.IntRange(0, 3).Draw(t, "depth"))) + "2]}")
		}
		if got := rawOf(t, throughALine(t, activityWith(t, raw)).Message); !bytes.Equal(got, raw) {
			t.Fatalf("%q became %q", raw, got)
		}
	})
}

func TestEveryEventIsTheSameAfterALine(t *testing.T) {
	for _, d := range events.Types() {
		m, err := sampleEvent(t, d.Type).Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back := throughALine(t, m); !reflect.DeepEqual(back.Message, m) {
			t.Errorf("%s: %+v became %+v", d.Type, m, back.Message)
		}
	}
}

// What is no readable event is exported, too.
func TestAForeignMessageIsTheSameAfterALine(t *testing.T) {
	for _, data := range []string{"", "no\njson", "[1,\n2]", "\xff"} {
		m := events.Message{Subject: "stridelog.a.b.c.d", Header: map[string][]string{"ce-type": {"x"}}, Data: []byte(data)}
		if back := throughALine(t, m); string(back.Data) != data || back.Subject != m.Subject {
			t.Errorf("%q became %q", data, back.Data)
		}
	}
}

func TestALineThatIsNoEventIsRefused(t *testing.T) {
	for _, line := range []string{"", "[]", `{"id":7}`, `{"sequence":"-1"}`, `{"data_base64":"?"}`} {
		if _, err := events.ReadStructured([]byte(line)); !errors.Is(err, events.ErrUndecodable) {
			t.Errorf("%q: %v", line, err)
		}
	}
}
