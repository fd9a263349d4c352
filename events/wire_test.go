package events_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
)

// drawRecord makes a record of a kind with every member that its wire has.
func drawRecord(t *rapid.T, k events.Kind) events.RecordFetched {
	text := rapid.OneOf(rapid.StringMatching(`[a-z0-9 /%.:ü<&-]{1,12}`), rapid.Just("1"))
	maybe := func(name string) string {
		return rapid.OneOf(rapid.Just(""), text).Draw(t, name)
	}
	zone := time.FixedZone("", rapid.SampledFrom([]int{0, 3600, -12600}).Draw(t, "zone"))
	instant := func(name string) time.Time {
		at := time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name+" ns"))
		if _, offset := at.In(zone).Zone(); offset == 0 {
			return at.UTC()
		}
		return at.In(zone)
	}
	perhaps := func(name string) *time.Time {
		if at := instant(name); rapid.Bool().Draw(t, name+" is known") {
			return &at
		}
		return nil
	}
	r := events.RecordFetched{
		UserID: sampleUser, Provider: "health_connect", Kind: k.Name,
		ConnectionID:      rapid.SampledFrom([]string{"", sampleConnection}).Draw(t, "connection"),
		ImportID:          rapid.SampledFrom([]string{"", sampleImport}).Draw(t, "import"),
		ProviderAccountID: maybe("account"), Format: text.Draw(t, "format"), ContentHash: text.Draw(t, "hash"),
		Origin:    rapid.SampledFrom([]events.Origin{events.OriginImport, events.OriginPush, events.OriginAPI}).Draw(t, "origin"),
		FetchedAt: instant("fetched"),
	}
	sequence := rapid.Uint64Range(0, 1<<62)
	if k.FetchedType() == events.TypeRouteFetched {
		r.Raw = rapid.SliceOf(rapid.Byte()).Draw(t, "file")
		r.Parent = &events.ParentRef{Kind: "activity", ExternalID: text.Draw(t, "activity")}
		r.ExternalID = events.AttachmentID(*r.Parent, events.RouteName)
		r.ParentSequence, r.Points = sequence.Draw(t, "activity sequence"), rapid.IntRange(0, 9).Draw(t, "points")
		return r
	}
	r.Raw = bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "raw"), rapid.SampledFrom([]int{1, 200}).Draw(t, "length"))
	r.SyncID = rapid.SampledFrom([]string{"", sampleSync}).Draw(t, "sync")
	r.ForeignID, r.Aliases = rapid.Bool().Draw(t, "foreign"), rapid.SliceOfN(text, 1, 3).Draw(t, "aliases")
	r.Slot, r.Part, r.Door, r.IdentityZone = maybe("slot"), rapid.IntRange(0, 9).Draw(t, "part"), maybe("door"), maybe("identity zone")
	r.File = &events.ParentRef{Kind: "file", ExternalID: text.Draw(t, "file id")}
	r.Context = events.ActivityContext{TimeZone: maybe("time zone"), Companion: maybe("companion")}
	r.ProviderModifiedAt, r.ListedAt, r.StartedAt = perhaps("modified"), perhaps("listed"), perhaps("started")
	r.HashVersion, r.ReplacesSequence = rapid.IntRange(0, 9).Draw(t, "hash version"), sequence.Draw(t, "replaces")
	if k.FetchedType() == events.TypeActivityFetched {
		r.ExternalID = text.Draw(t, "external id")
		return r
	}
	offset := rapid.IntRange(-64800, 64800).Draw(t, "offset")
	r.EndedAt, r.StartOffsetSeconds, r.EndOffsetSeconds = perhaps("ended"), &offset, &offset
	r.LocalDate = rapid.SampledFrom([]string{"", "2026-05-03"}).Draw(t, "date")
	r.Delivery = rapid.SampledFrom([]string{"", events.DeliverySnapshot, events.DeliveryPart}).Draw(t, "delivery")
	r.Complete, r.ParentSequence = rapid.Bool().Draw(t, "complete"), sequence.Draw(t, "parent sequence")
	r.Resource, r.Step = maybe("resource"), maybe("step")
	if rapid.Bool().Draw(t, "has a parent") || k.Shape == events.ShapeAttachment {
		r.Parent = &events.ParentRef{Kind: "probe", ExternalID: text.Draw(t, "parent id")}
	}
	switch k.Shape {
	case events.ShapeItem:
		r.ExternalID = text.Draw(t, "external id")
	case events.ShapeDay:
		r.Resource, r.LocalDate = text.Draw(t, "resource of the day"), "2026-05-03"
		r.ExternalID = events.DayID(r.Resource, r.LocalDate, r.Slot)
	case events.ShapeChunk:
		r.ExternalID = events.ChunkID(text.Draw(t, "series"), r.Step, r.Slot, "2026-05-03T17", r.Parent)
	case events.ShapeAttachment:
		r.ExternalID = events.AttachmentID(*r.Parent, text.Draw(t, "name"))
	}
	return r
}

// encoded is a fact's message.
func encoded(t interface{ Fatal(...any) }, d events.Data, provider string) events.Message {
	m, err := events.Event{ID: "1", Source: "stridelog/test", Time: time.Unix(1, 0), Provider: provider, UserID: sampleUser, Data: d}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRecordsOfEveryKindComeBackFromTheWire(t *testing.T) {
	for _, k := range shaped().All() {
		t.Run(k.Name, rapid.MakeCheck(func(t *rapid.T) {
			r := drawRecord(t, k)
			data, err := k.Fetched(r)
			if err != nil {
				t.Fatal(err)
			}
			if data.EventType() != k.FetchedType() {
				t.Fatalf("it travels as %s, not %s", data.EventType(), k.FetchedType())
			}
			m := encoded(t, data, r.Provider)
			if !json.Valid(m.Data) {
				t.Fatalf("the payload is no JSON: %q", m.Data)
			}
			event, err := events.Decode(m)
			if err != nil {
				t.Fatal(err)
			}
			back, ok := events.FetchedOf(event.Data)
			if !ok || !reflect.DeepEqual(back, r) {
				t.Fatalf("%+v\ncame back as\n%+v", r, back)
			}
			again, err := k.Fetched(back)
			if err != nil {
				t.Fatal(err)
			}
			if second := encoded(t, again, r.Provider); !bytes.Equal(second.Data, m.Data) {
				t.Fatalf("%s\nbecame\n%s", m.Data, second.Data)
			}
		}))
	}
}

// What was on the wire before there were records is written byte for byte as it was.
func TestFrozenFactsAreWrittenTheSameThroughARecord(t *testing.T) {
	table := shaped().With(events.Kind{Name: "sleep", Shape: events.ShapeItem}, events.Kind{Name: "samples", Shape: events.ShapeChunk})
	for _, typ := range []events.Type{events.TypeActivityFetched, events.TypeRouteFetched, events.TypeRecordFetched, events.TypeChunkFetched} {
		sample := readSample(t, typ)
		event, err := events.Decode(sample)
		if err != nil {
			t.Fatal(err)
		}
		r, ok := events.FetchedOf(event.Data)
		k, known := table.Find(r.Kind)
		if !ok || !known {
			t.Fatalf("%s is the record of a kind %q", typ, r.Kind)
		}
		if event.Data, err = k.Fetched(r); err != nil {
			t.Fatal(err)
		}
		again, err := event.Encode()
		if err != nil || again.Subject != sample.Subject {
			t.Fatalf("%s: %s, %v", typ, again.Subject, err)
		}
		if typ == events.TypeRouteFetched { // another program's compression need not be ours
			sample.Data, again.Data = withoutRaw(sample.Data), withoutRaw(again.Data)
		}
		if !bytes.Equal(again.Data, sample.Data) {
			t.Errorf("%s:\n  was %s\n  now %s", typ, sample.Data, again.Data)
		}
		if len(again.Header[events.HeaderKind]) > 0 != (event.Type() == events.TypeRecordFetched || event.Type() == events.TypeChunkFetched) {
			t.Errorf("%s has the header %v", typ, again.Header[events.HeaderKind])
		}
	}
}

func withoutRaw(data []byte) []byte {
	before, _, _ := bytes.Cut(data, []byte(`,"raw_gzip"`))
	return before
}

func TestRemovalsOfEveryKindComeBackFromTheWire(t *testing.T) {
	for _, k := range shaped().All() {
		r := events.RecordRemoved{UserID: sampleUser, Provider: "health_connect", ConnectionID: sampleConnection, SyncID: sampleSync, ImportID: sampleImport,
			Kind: k.Name, ExternalID: "1", ReplacesSequence: 7, Origin: events.OriginAPI, Proof: events.RemovedNotFound, RemovedAt: time.Unix(1, 0).UTC()}
		data, err := k.Removed(r)
		if k.RemovedType() == "" {
			if err == nil {
				t.Errorf("a %s is removed by itself", k.Name)
			}
			continue
		}
		if err != nil || data.EventType() != k.RemovedType() {
			t.Fatalf("a removal of %s travels as %v: %v", k.Name, data, err)
		}
		event, err := events.Decode(encoded(t, data, r.Provider))
		if err != nil {
			t.Fatal(err)
		}
		if back, ok := events.RemovedOf(event.Data); !ok || back != r {
			t.Errorf("%+v came back as %+v", r, back)
		}
		r.Kind = "other"
		if _, err := k.Removed(r); err == nil {
			t.Errorf("a removal of another kind is one of %s", k.Name)
		}
	}
	if _, ok := events.FetchedOf(&events.RecordRemoved{}); ok {
		t.Error("a removal is a record")
	}
	if _, ok := events.RemovedOf(&events.RecordFetched{}); ok {
		t.Error("a record is a removal")
	}
	if _, ok := events.FetchedOf(&events.RouteFetched{RawGzip: []byte("no gzip")}); ok {
		t.Error("a route whose file cannot be read is a record")
	}
}

// Who looks at no bytes need not uncompress them.
func TestTheHeadOfARouteHasAllButItsBytes(t *testing.T) {
	whole := &events.RouteFetched{ExternalID: "1", ContentHash: "h", ActivitySequence: 7, Points: 3}
	if err := whole.Compress([]byte("<gpx/>")); err != nil {
		t.Fatal(err)
	}
	want, ok := events.FetchedOf(whole)
	head, found := events.HeadOf(whole)
	if want.Raw = nil; !ok || !found || !reflect.DeepEqual(head, want) {
		t.Errorf("the head is %+v, the record %+v", head, want)
	}
	if head, found := events.HeadOf(&events.RouteFetched{ExternalID: "1", RawGzip: []byte("no gzip")}); !found || head.Kind != "route" || head.Raw != nil {
		t.Errorf("the head of a route whose file cannot be read is %+v", head)
	}
	record := &events.RecordFetched{Kind: "probe", Raw: events.Raw("{}")}
	if head, found := events.HeadOf(record); !found || !reflect.DeepEqual(head, *record) {
		t.Errorf("the head of another record is %+v", head)
	}
	if _, found := events.HeadOf(&events.RecordRemoved{}); found {
		t.Error("a removal is a record")
	}
}

// An id that is made of parts says the same as the members beside it.
func TestARecordWhoseIDSaysOtherPartsIsRefused(t *testing.T) {
	table := shaped()
	parent, other := &events.ParentRef{Kind: "probe", ExternalID: "1"}, &events.ParentRef{Kind: "probe", ExternalID: "2"}
	for name, r := range map[string]events.RecordFetched{
		"another kind":              {Kind: "activity", ExternalID: "1"},
		"no id of a day":            {Kind: "probe_day", ExternalID: "1"},
		"another slot of a day":     {Kind: "probe_day", ExternalID: events.DayID("r", "2026-05-03", "a"), Slot: "b"},
		"another resource of a day": {Kind: "probe_day", ExternalID: events.DayID("r", "2026-05-03", ""), Resource: "s"},
		"another date of a day":     {Kind: "probe_day", ExternalID: events.DayID("r", "2026-05-03", ""), LocalDate: "2026-05-04"},
		"no id of a chunk":          {Kind: "probe_chunk", ExternalID: "1"},
		"another step of a chunk":   {Kind: "probe_chunk", ExternalID: events.ChunkID("s", "1min", "", "2026-05-03", nil)},
		"another parent of a chunk": {Kind: "probe_chunk", ExternalID: events.ChunkID("s", "", "", "2026-05-03", parent), Parent: other},
		"a file without a parent":   {Kind: "probe_file", ExternalID: events.AttachmentID(*parent, "f")},
		"a file of another":         {Kind: "probe_file", ExternalID: events.AttachmentID(*parent, "f"), Parent: other},
		"a route of no activity":    {Kind: "route", ExternalID: events.AttachmentID(*parent, events.RouteName), Parent: parent},
		"a route of another name": {Kind: "route", ExternalID: events.AttachmentID(events.ParentRef{Kind: "activity", ExternalID: "1"}, "x"),
			Parent: &events.ParentRef{Kind: "activity", ExternalID: "1"}},
	} {
		kind := r.Kind
		if name == "another kind" {
			kind = "probe"
		}
		k, ok := table.Find(kind)
		if !ok {
			t.Fatal(kind)
		}
		if d, err := k.Fetched(r); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// A record of more than 4 KB is compressed, where that makes it shorter; activities are
// written as they always were, and read either way.
func TestLongRecordsAreCompressed(t *testing.T) {
	long := []byte(strings.Repeat(`{"bpm":58.0, "name":"<&>"},`, 1000))
	random := make([]byte, 8<<10)
	for i, state := 0, uint32(1); i < len(random); i++ {
		state = state*1664525 + 1013904223
		random[i] = byte(state >> 24)
	}
	for name, c := range map[string]struct {
		raw      []byte
		encoding string
	}{
		"short JSON":            {[]byte(`{"a":1.0}`), "json"},
		"4 KB":                  {bytes.Repeat([]byte("a"), 4<<10), "text"},
		"more than 4 KB":        {bytes.Repeat([]byte("a"), 4<<10+1), "gzip"},
		"long text":             {long, "gzip"},
		"what cannot be packed": {random, "base64"},
	} {
		chunk := sampleChunk(time.Unix(1, 0).UTC())
		chunk.Raw = c.raw
		m := encoded(t, &events.ChunkFetched{RecordFetched: chunk}, chunk.Provider)
		if !bytes.Contains(m.Data, []byte(`"raw_encoding":"`+c.encoding+`"`)) {
			t.Errorf("%s is not written as %s: %.200s", name, c.encoding, m.Data[max(0, len(m.Data)-200):])
		}
		if c.encoding == "gzip" && len(m.Data) > len(c.raw)/2 {
			t.Errorf("%s: %d bytes became %d", name, len(c.raw), len(m.Data))
		}
		event, err := events.Decode(m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if back, ok := events.FetchedOf(event.Data); !ok || !bytes.Equal(back.Raw, c.raw) {
			t.Errorf("%s came back as %d bytes", name, len(back.Raw))
		}
	}
	if m := activityWith(t, long); bytes.Contains(m.Data, []byte(`"raw_encoding":"gzip"`)) {
		t.Error("an activity's record is compressed, which older programs do not read")
	}
}

func TestACompressedRecordThatIsNoneIsRefused(t *testing.T) {
	chunk := sampleChunk(time.Unix(1, 0).UTC())
	chunk.Raw = bytes.Repeat([]byte("a"), 8<<10)
	m := encoded(t, &events.ChunkFetched{RecordFetched: chunk}, chunk.Provider)
	var all map[string]json.RawMessage
	if err := json.Unmarshal(m.Data, &all); err != nil {
		t.Fatal(err)
	}
	var packed []byte
	if err := json.Unmarshal(all["raw"], &packed); err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]any{
		"bytes behind it": append(slices.Clone(packed), 'x'), "another one behind it": append(slices.Clone(packed), packed...),
		"cut off": packed[:len(packed)-3], "no gzip": []byte("plain"), "no string": 7, "no base64": "!!", "nothing": "",
	} {
		text, err := json.Marshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		broken := events.Message{Subject: m.Subject, Header: m.Header, Data: withMember(t, m.Data, "raw", string(text))}
		if _, err := events.Decode(broken); err == nil {
			t.Errorf("a record with %s is read", name)
		}
	}
	large := sampleChunk(time.Unix(1, 0).UTC())
	large.Raw = make([]byte, events.MaxRaw+1)
	if _, err := (events.Event{ID: "1", Source: "s", Time: time.Unix(1, 0), Provider: large.Provider, UserID: sampleUser, Data: &events.ChunkFetched{RecordFetched: large}}).Encode(); err == nil {
		t.Error("a record that is too large is written")
	}
}

func TestTheHeaderNamesTheKind(t *testing.T) {
	m := readSample(t, events.TypeRecordFetched)
	if got := m.Header[events.HeaderKind]; !slices.Equal(got, []string{"sleep"}) {
		t.Errorf("the header is %v", got)
	}
	for _, other := range [][]string{nil, {""}, {"samples"}} {
		m.Header[events.HeaderKind] = other
		if _, err := events.Decode(m); err == nil {
			t.Errorf("a fact with the header %v is read", other)
		}
	}
}
