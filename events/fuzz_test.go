package events_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
)

// Whatever comes, Decode does not panic; what it accepts can be encoded, and is then
// read as the same event again.
func FuzzDecode(f *testing.F) {
	for _, d := range events.Types() {
		m := fuzzSeed(f, sampleEvent(&testing.T{}, d.Type))
		f.Add(m.Subject, string(d.Type), m.Header[events.HeaderID][0], m.Header[events.HeaderTime][0], m.Header[events.HeaderTraceParent][0], kindHeader(m), m.Data)
		// The payload of each type under a subject that is not its own.
		f.Add("stridelog.connection.revoked.fitbit."+sampleUser, string(events.TypeConnectionRevoked), "1", "2026-05-03T17:03:00Z", "", "", m.Data)
	}
	for _, typ := range grown() {
		m := fuzzSeed(f, grownEvent(&testing.T{}, typ))
		f.Add(m.Subject, string(typ), "1", "2026-05-03T17:03:00Z", "", "", m.Data)
	}
	later := sampleEvent(&testing.T{}, events.TypeActivityFetched)
	later.Data = &events.Unknown{Type: "stridelog.activity.fetched.v2", Payload: []byte("\xff no JSON")}
	m := fuzzSeed(f, later)
	f.Add(m.Subject, string(later.Type()), later.ID, "9999-12-31T23:59:59-23:59", "00-broken", "", m.Data)
	f.Add("stridelog.activity.fetched.fitbit."+sampleUser, string(events.TypeActivityFetched), "a\x00", "0000-01-01T00:00:00+23:59", "", "", []byte(`{"raw_encoding":"base64","raw":"!!"}`))
	packed := sampleChunk(time.Date(2026, 5, 3, 17, 3, 0, 0, time.UTC))
	packed.Raw = bytes.Repeat([]byte(`{"bpm":58.0}`), 1000)
	m = fuzzSeed(f, events.Event{ID: "1", Source: "stridelog/fuzz", Time: packed.FetchedAt, Provider: packed.Provider, UserID: packed.UserID, Data: &events.ChunkFetched{RecordFetched: packed}})
	f.Add(m.Subject, string(events.TypeChunkFetched), "1", "2026-05-03T17:03:00Z", "", "samples", m.Data)
	f.Add(m.Subject, string(events.TypeChunkFetched), "1", "2026-05-03T17:03:00Z", "", "other", m.Data)
	f.Add(m.Subject, string(events.TypeChunkFetched), "1", "2026-05-03T17:03:00Z", "", "samples", m.Data[:len(m.Data)-20])

	f.Fuzz(func(t *testing.T, subject, typ, id, at, trace, kind string, data []byte) {
		event, err := events.Decode(events.Message{Subject: subject, Data: data, Header: map[string][]string{
			events.HeaderSpecVersion: {events.SpecVersion}, events.HeaderID: {id}, events.HeaderType: {typ}, events.HeaderSource: {"stridelog/fuzz"},
			events.HeaderTime: {at}, events.HeaderTraceParent: {trace}, events.HeaderSubject: {id}, events.HeaderKind: {kind},
		}})
		if err != nil {
			if !errors.Is(err, events.ErrUndecodable) || event.Data != nil {
				t.Fatalf("refused with %v and %+v", err, event)
			}
			return
		}
		if string(event.Type()) != typ || event.Known() == event.Unknown() {
			t.Fatalf("a %s was decoded as %s", typ, event.Type())
		}
		first, err := event.Encode()
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if first.Subject != subject {
			t.Fatalf("subject %s became %s", subject, first.Subject)
		}
		if event.Unknown() && !bytes.Equal(first.Data, data) {
			t.Fatalf("an unknown payload %q became %q", data, first.Data)
		}
		sameRaw(t, events.Message{Subject: subject, Header: first.Header, Data: data}, first)
		again, err := events.Decode(first)
		if err != nil {
			t.Fatalf("what was encoded does not decode: %v", err)
		}
		second, err := again.Encode()
		if err != nil || !sameMessage(first, second) {
			t.Fatalf("%+v became %+v: %v", first, second, err)
		}
	})
}

func kindHeader(m events.Message) string {
	if v := m.Header[events.HeaderKind]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func fuzzSeed(f *testing.F, e events.Event) events.Message {
	f.Helper()
	m, err := e.Encode()
	if err != nil {
		f.Fatal(err)
	}
	return m
}

// sameRaw compares the records of two messages, byte for byte, where they have any.
func sameRaw(t *testing.T, a, b events.Message) {
	t.Helper()
	before, err := events.Decode(a)
	if err != nil {
		t.Fatal(err)
	}
	after, err := events.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	one, ok := events.FetchedOf(before.Data)
	if other, same := events.FetchedOf(after.Data); ok != same || !bytes.Equal(one.Raw, other.Raw) {
		t.Fatal("the record changed on the way")
	}
}

func sameMessage(a, b events.Message) bool {
	if a.Subject != b.Subject || !bytes.Equal(a.Data, b.Data) || len(a.Header) != len(b.Header) {
		return false
	}
	for name, values := range a.Header {
		if len(b.Header[name]) != 1 || b.Header[name][0] != values[0] {
			return false
		}
	}
	return true
}
