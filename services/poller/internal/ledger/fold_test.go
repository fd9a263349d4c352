package ledger

import (
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

func testKinds() events.KindTable {
	return events.Kinds().With(
		events.Kind{Name: "probe_day", Shape: events.ShapeDay},
		events.Kind{Name: "probe_chunk", Shape: events.ShapeChunk},
		events.Kind{Name: "probe_file", Shape: events.ShapeAttachment},
	)
}

// addRecord folds a record in, as the fact that it travels as.
func (f *fold) addRecord(t *testing.T, r events.RecordFetched, sequence uint64) {
	t.Helper()
	kind, known := testKinds().Find(r.Kind)
	if !known {
		t.Fatalf("kind %q is not in the table", r.Kind)
	}
	data, err := kind.Fetched(r)
	if err != nil {
		t.Fatal(err)
	}
	f.add(data, sequence)
}

func record(kind, id, hash string, origin events.Origin) events.RecordFetched {
	return events.RecordFetched{Kind: kind, ExternalID: id, ContentHash: hash, Origin: origin, SyncID: "s"}
}

func TestTheHighestOriginWinsAndThenTheLatest(t *testing.T) {
	f := newFold(testKinds())
	f.addRecord(t, record("activity", "1", "a", events.OriginAPI), 1)
	f.addRecord(t, record("activity", "1", "b", events.OriginPush), 2)
	f.addRecord(t, record("activity", "1", "c", events.OriginImport), 3)
	if k := f.versions[name{"activity", "1"}]; k.ContentHash != "a" || k.Sequence != 1 {
		t.Errorf("known is %+v", k)
	}
	f.addRecord(t, record("activity", "1", "d", events.OriginAPI), 4)
	if k := f.versions[name{"activity", "1"}]; k.ContentHash != "d" || k.Sequence != 4 {
		t.Errorf("known is %+v", k)
	}
	if f.count != 4 || f.last != 4 {
		t.Errorf("%d facts up to %d", f.count, f.last)
	}
}

func TestRecordsOfTwoKindsWithOneIDAreTwo(t *testing.T) {
	f := newFold(testKinds())
	day := record("probe_day", events.DayID("steps", "2026-11-09", ""), "a", events.OriginAPI)
	day.Resource, day.LocalDate = "steps", "2026-11-09"
	f.addRecord(t, day, 1)
	f.addRecord(t, record("activity", day.ExternalID, "b", events.OriginAPI), 2)
	if len(f.list()) != 2 {
		t.Errorf("known are %+v", f.list())
	}
	if k := f.versions[name{"probe_day", day.ExternalID}]; k.Resource != "steps" || k.LocalDate != "2026-11-09" || k.Sequence != 1 {
		t.Errorf("known is %+v", k)
	}
}

func TestWhatASyncPublishedIsFoundBySource(t *testing.T) {
	f := newFold(testKinds())
	f.addRecord(t, record("activity", "1", "a", events.OriginAPI), 1)
	changed := record("activity", "1", "b", events.OriginAPI)
	changed.ReplacesSequence = 1
	f.addRecord(t, changed, 2)
	f.add(&events.ActivityRemoved{ExternalID: "1", Origin: events.OriginAPI, SyncID: "s", ReplacesSequence: 2}, 3)
	day := record("probe_day", events.DayID("steps", "2026-11-09", ""), "a", events.OriginAPI)
	day.Resource = "steps"
	f.addRecord(t, day, 4)
	if got := f.syncs[Work{"s", store.Part{Kind: "activity"}}]; got != (Recovered{1, 1, 1}) {
		t.Errorf("of activities %+v", got)
	}
	if got := f.syncs[Work{"s", store.Part{Kind: "probe_day", Resource: "steps"}}]; got != (Recovered{New: 1}) {
		t.Errorf("of steps %+v", got)
	}
	if k := f.versions[name{"activity", "1"}]; !k.Removed || k.Sequence != 3 {
		t.Errorf("known is %+v", k)
	}
}

func TestAttachmentsAndWhatAPersonHidesAreNotInTheIndex(t *testing.T) {
	f := newFold(testKinds())
	parent := events.ParentRef{Kind: "activity", ExternalID: "1"}
	file := record("probe_file", events.AttachmentID(parent, "fit"), "a", events.OriginAPI)
	file.Parent = &parent
	f.addRecord(t, file, 1)
	f.add(&events.ActivityRemoved{ExternalID: "1", Origin: events.OriginAPI, Proof: events.RemovedByPerson}, 2)
	if len(f.versions) != 0 || len(f.syncs) != 0 || f.last != 2 {
		t.Errorf("the fold is %+v", f)
	}
}

func TestACompleteDeliveryIsNewsAfterAPart(t *testing.T) {
	chunk, _ := testKinds().Find("probe_chunk")
	r := record("probe_chunk", events.ChunkID("heart_rate", "", "watch", "2026-11-09T07", nil), "a", events.OriginAPI)
	r.Slot = "watch"
	for name, test := range map[string]struct{ before, now, same bool }{
		"a part again":              {false, false, true},
		"all after a part":          {false, true, false},
		"a part of what is all":     {true, false, true},
		"all again, nothing is new": {true, true, true},
	} {
		r.Complete = test.before
		known := knownOf(chunk, r)
		known.Sequence = 1
		r.Complete = test.now
		if got := comparable(chunk, known, r) && known.ContentHash == r.ContentHash; got != test.same {
			t.Errorf("%s: the same is %t", name, got)
		}
	}
}
