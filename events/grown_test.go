package events_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stridelog/stridelog/events"
)

// grown are types that gained members after their sample was frozen. A second sample of
// each, with these members, is frozen beside.
func grown() []events.Type {
	return []events.Type{events.TypeActivityFetched, events.TypeActivityRemoved, events.TypeRouteFetched, events.TypeSyncRequested, events.TypeSyncFinished}
}

// grownEvent is a sample with the members that came later.
func grownEvent(t *testing.T, typ events.Type) events.Event {
	t.Helper()
	e := sampleEvent(t, typ)
	switch data := e.Data.(type) {
	case *events.ActivityFetched:
		listed := data.FetchedAt.AddDate(0, 0, -1)
		data.ImportID, data.Aliases, data.Slot, data.Part, data.Door = sampleImport, []string{"7d0c1b2a-0000-4000-8000-0123456789ab"}, "watch", 2, "export"
		data.File, data.ListedAt, data.IdentityZone = &events.ParentRef{Kind: "file", ExternalID: "sha256:00"}, &listed, "Europe/Berlin"
	case *events.ActivityRemoved:
		data.ImportID = sampleImport
	case *events.RouteFetched:
		data.ImportID = sampleImport
	case *events.SyncRequested:
		data.Kinds = []string{"sleep", "samples"}
	case *events.SyncFinished:
		data.Kinds = []events.SyncKind{
			{Kind: "activity", Status: events.SyncSuccess, Counts: data.Counts},
			{Kind: "day", Status: events.SyncPartial, Counts: events.SyncCounts{Pages: 1}, Error: data.Error},
			{Kind: "sleep", Status: events.SyncSkipped},
		}
	default:
		t.Fatalf("%s has no members that came later", typ)
	}
	return e
}

func TestMembersThatCameLaterAreReadAndWrittenUnchanged(t *testing.T) {
	for _, typ := range grown() {
		path := filepath.Join("testdata", "samples", "grown", string(typ)+".json")
		if _, err := os.Stat(path); err != nil && *freeze {
			m, err := grownEvent(t, typ).Encode()
			if err != nil {
				t.Fatal(err)
			}
			writeSample(t, path, m)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var w wire
		if err := json.Unmarshal(text, &w); err != nil {
			t.Fatal(err)
		}
		event, err := events.Decode(events.Message{Subject: w.Subject, Header: w.Header, Data: []byte(w.Data)})
		if err != nil {
			t.Fatal(err)
		}
		again, err := event.Encode()
		if err != nil || !bytes.Equal(again.Data, []byte(w.Data)) {
			t.Errorf("%s changed (%v):\n  was %s\n  now %s", typ, err, w.Data, again.Data)
		}
		if err := validate(compile(t, typ), []byte(w.Data)); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		if bytes.Equal([]byte(w.Data), readSample(t, typ).Data) {
			t.Errorf("%s: the control: nothing came later", typ)
		}
	}
}

func TestKindsOfASyncAreNames(t *testing.T) {
	for typ, wrong := range map[events.Type][]string{
		events.TypeSyncRequested: {`[""]`, `["a.b"]`, `["\u0000"]`, `7`},
		events.TypeSyncFinished: {`[{}]`, `[{"kind":"sleep","status":"","counts":{}}]`, `[{"kind":"a/b","status":"success","counts":{}}]`,
			`[{"kind":"sleep","status":"failed","counts":{},"error":{"code":""}}]`},
	} {
		good := members(t, typ)
		good["kinds"] = json.RawMessage(`[]`)
		if err := decodes(t, typ, good); err != nil {
			t.Errorf("%s: the control: %v", typ, err)
		}
		for _, kinds := range wrong {
			changed := members(t, typ)
			changed["kinds"] = json.RawMessage(kinds)
			if decodes(t, typ, changed) == nil {
				t.Errorf("%s is read with kinds %s", typ, kinds)
			}
		}
	}
}
