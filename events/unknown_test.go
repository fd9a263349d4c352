package events_test

import (
	"bytes"
	"testing"

	"github.com/stridelog/stridelog/events"
)

// A later program's event decodes: with its envelope, and its payload as it came.
func TestAnEventOfAnUnknownTypeIsNoFault(t *testing.T) {
	for typ, payload := range map[events.Type]string{
		"stridelog.activity.fetched.v2":    `{"user_id" : "of another shape"}`,
		"stridelog.activity.paused.v1":     `{}`,
		"stridelog.connection.revoked.v10": `<no JSON>`,
		"stridelog.record.fetched.v2":      "\x1f\x8b\x00",
	} {
		e := sampleEvent(t, events.TypeActivityFetched)
		e.Data = &events.Unknown{Type: typ, Payload: []byte(payload)}
		m, err := e.Encode()
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		got, err := events.Decode(m)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		data, ok := got.Data.(*events.Unknown)
		if !ok || data.Type != typ || string(data.Payload) != payload {
			t.Errorf("%s: the data is %#v", typ, got.Data)
		}
		if !got.Unknown() || got.Known() || got.Type() != typ {
			t.Errorf("%s is said to be known, or another type", typ)
		}
		if got.ID != e.ID || got.UserID != e.UserID || got.Provider != e.Provider || !got.Time.Equal(e.Time) || got.TraceParent != e.TraceParent {
			t.Errorf("%s: the envelope is %+v", typ, got)
		}
		if again, err := got.Encode(); err != nil || again.Subject != m.Subject || !bytes.Equal(again.Data, m.Data) {
			t.Errorf("%s: encoded again it is %+v, %v", typ, again, err)
		}
	}
	known, err := events.Decode(readSample(t, events.TypeActivityFetched))
	if err != nil || !known.Known() || known.Unknown() {
		t.Errorf("the control: known %v, %v", known.Known(), err)
	}
	if none := (events.Event{}); none.Known() || none.Unknown() {
		t.Error("an event without data is said to be of a type")
	}
}
