package synchistory_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/synchistory"
)

const anna = "11111111-2222-4333-8444-555555555555"

// sync is the id of a sync with a short name.
func sync(name string) string { return "00000000-0000-4000-8000-00000000000" + name }

func requested(id string, at time.Time) events.Data {
	return &events.SyncRequested{SyncID: id, UserID: anna, Provider: "fitbit", Window: events.Window{From: at, To: at.Add(time.Hour)}, Trigger: events.TriggerManual, RequestedAt: at}
}

func finished(id string, report int, status events.SyncStatus, at time.Time) events.Data {
	e := &events.SyncFinished{
		SyncID: id, ConnectionID: sync("e"), UserID: anna, Provider: "fitbit", Trigger: events.TriggerManual, Window: events.Window{From: at, To: at.Add(time.Hour)},
		Status: status, Counts: events.SyncCounts{Seen: report}, RequestedAt: at, FinishedAt: at.Add(time.Minute), Report: report,
	}
	if status == events.SyncFailed {
		e.Error = &events.SyncError{Code: "unavailable", Detail: "Try later."}
	}
	if status == events.SyncDeferred {
		e.NotBefore = &at
	} else {
		e.Kinds = []events.SyncKind{{Kind: "activity", Status: status, Counts: e.Counts}}
	}
	return e
}

func TestTheHighestReportWinsInAnyOrder(t *testing.T) {
	db, b := postgrestest.New(t), bustest.New(t)
	tables := generation.New(db, b)
	if err := tables.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := projectortest.Start()
	for _, data := range []events.Data{
		requested(sync("a"), at), finished(sync("a"), 1, events.SyncDeferred, at), finished(sync("a"), 2, events.SyncSuccess, at),
		finished(sync("b"), 1, events.SyncFailed, at), requested(sync("c"), at), requested(sync("d"), at), finished(sync("d"), 1, events.SyncDeferred, at),
	} {
		e := events.Event{ID: events.NewID(), Source: "stridelog/poller", Time: at, Provider: "fitbit", UserID: anna, Data: data}
		if _, err := b.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	// A later program's report is passed over, wherever it stands.
	bustest.Store(t, b, events.Event{ID: events.NewID(), Source: "stridelog/later", Time: at, Provider: "fitbit", UserID: anna,
		Data: &events.Unknown{Type: "stridelog.sync.finished.v2", Payload: []byte("{}")}})
	deliveries := projectortest.Deliveries(t, b, events.StreamSyncs, 1)
	syncs := &synchistory.Syncs{Log: bustest.Logger(t), Bus: b, Tables: tables}
	want := []string{"a success 2 2 done activity success 2", "b failed 1 1 unavailable done activity failed 1", "c queued 0", "d deferred 1 1"}
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := db.Exec(t.Context(), "TRUNCATE projector.syncs"); err != nil {
			rt.Fatal(err)
		}
		again := rapid.SliceOfN(rapid.SampledFrom(deliveries), 0, 3).Draw(rt, "repeated")
		order := rapid.Permutation(append(again, deliveries...)).Draw(rt, "order")
		for len(order) > 0 {
			n := rapid.IntRange(1, len(order)).Draw(rt, "batch")
			if err := syncs.Fold(t.Context(), order[:n]); err != nil {
				rt.Fatal(err)
			}
			order = order[n:]
		}
		got := projectortest.Strings(t, db, `SELECT concat_ws(' ', right(sync_id::text, 1), status, report, counts ->> 'seen', error ->> 'code',
			CASE WHEN finished_at IS NOT NULL THEN 'done' END,
			kinds -> 0 ->> 'kind', kinds -> 0 ->> 'status', kinds -> 0 -> 'counts' ->> 'seen') FROM projector.view_syncs_v1 ORDER BY sync_id`)
		if len(got) != len(want) {
			rt.Fatalf("syncs are %q, want %q", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				rt.Fatalf("syncs are %q, want %q", got, want)
			}
		}
	})
	if n := projectortest.End(t, b, events.StreamDeadLetters); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}
