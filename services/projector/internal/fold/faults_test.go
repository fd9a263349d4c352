package fold_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

func TestPoisonMessagesBecomeDeadLettersAndBlockNothing(t *testing.T) {
	x := setup(t)
	subject, err := events.Subject(events.TypeActivityFetched, projectortest.Provider, anna)
	if err != nil {
		t.Fatal(err)
	}
	fact := projectortest.Fact{User: anna, External: "spoilt"}
	bustest.StoreMessage(t, x.bus, events.Message{Subject: subject, Data: []byte("<html>")})
	for _, m := range []events.Message{
		fact.Of(t, ben), // the subject says ben, the data says anna
		fact.Spoilt(t, anna, "no-uuid"),
		fact.Spoilt(t, "spoilt", `nul\u0000byte`),
	} {
		m.Header[events.HeaderMsgID] = []string{events.NewID()}
		bustest.StoreMessage(t, x.bus, m)
	}
	x.publish(t, projectortest.Fact{User: anna, External: "good"})
	run(t, x.facts)
	projectortest.Drained(t, x.bus, events.StreamFacts, fold.Durable)
	if n := x.number(t, "SELECT count(*) FROM projector.view_workouts_v1"); n != 1 {
		t.Errorf("%d workouts, want the good one", n)
	}
	var dead []string
	for _, d := range projectortest.Deliveries(t, x.bus, events.StreamDeadLetters, 1) {
		dead = append(dead, d.Message.Header[bus.HeaderDeadSequence][0])
	}
	slices.Sort(dead) // two batches may be in hand at once
	if got := strings.Join(dead, " "); got != "1 2 3 4" {
		t.Errorf("dead letters of the facts %q, want 1 2 3 4", got)
	}
	if high := x.number(t, "SELECT high_water FROM projector.serving"); high != 5 {
		t.Errorf("the log is folded to %d, want 5", high)
	}
}

func TestARowThatTheDatabaseRefusesIsGivenUpAlone(t *testing.T) {
	x := setup(t)
	if _, err := x.db.Exec(t.Context(), "ALTER TABLE projector_g1.workout_versions ADD CHECK (external_id <> 'refused')"); err != nil {
		t.Fatal(err)
	}
	x.publish(t, projectortest.Fact{User: anna, External: "1"}, projectortest.Fact{User: anna, External: "refused"},
		projectortest.Fact{User: ben, External: "2"}, projectortest.Fact{User: ben, External: "3"})
	x.foldAll(t)
	if n := x.number(t, "SELECT count(*) FROM projector.view_workouts_v1"); n != 3 {
		t.Errorf("%d workouts, want 3", n)
	}
	dead := projectortest.Deliveries(t, x.bus, events.StreamDeadLetters, 1)
	if len(dead) != 1 || dead[0].Message.Header[bus.HeaderDeadSequence][0] != "2" {
		t.Fatalf("%d dead letters, want one of fact 2", len(dead))
	}
	if reason := dead[0].Message.Header[bus.HeaderDeadReason][0]; !strings.Contains(reason, "23514") || strings.Contains(reason, anna) {
		t.Errorf("reason %q should name the SQLSTATE and nobody", reason)
	}
}

func TestARecordThatIsNotUnderstoodKeepsTheLastGoodVersion(t *testing.T) {
	x := setup(t)
	x.publish(t,
		projectortest.Fact{User: anna, External: "1", Record: projectortest.Record{Minutes: 30}},
		projectortest.Fact{User: anna, External: "1", Replaces: 1, Record: projectortest.Record{Fault: "error"}},
		projectortest.Fact{User: anna, External: "2", Record: projectortest.Record{Fault: "panic"}},
		projectortest.Fact{User: anna, External: "3", Format: "unheard.of.v1"},
		projectortest.Fact{User: anna, External: "4", Record: projectortest.Record{Fault: "details"}},
		projectortest.Fact{User: anna, External: "5"})
	x.foldAll(t)
	versions := projectortest.Strings(t, x.db, "SELECT external_id || ':' || version FROM projector.view_workouts_v1 ORDER BY 1")
	if got := strings.Join(versions, " "); got != "1:1 5:6" {
		t.Errorf("workouts and versions are %q, want 1:1 5:6", got)
	}
	reasons := projectortest.Strings(t, x.db, "SELECT reason FROM projector.view_failures_v1 ORDER BY sequence")
	wanted := []string{"duration is missing", "panicked", "no normalizer for format", "details are not JSON"}
	if len(reasons) != len(wanted) {
		t.Fatalf("failures %q, want %d", reasons, len(wanted))
	}
	for i, part := range wanted {
		if !strings.Contains(reasons[i], part) || strings.Contains(reasons[i], "private text") {
			t.Errorf("reason %d is %q, want something with %q and nothing of the record", i, reasons[i], part)
		}
	}
	if n := len(projectortest.Deliveries(t, x.bus, events.StreamChanges, 1)); n != 2 {
		t.Errorf("%d events were announced, want 2", n)
	}
	if n := len(projectortest.Deliveries(t, x.bus, events.StreamDeadLetters, 1)); n != 0 {
		t.Errorf("%d dead letters, want none: these records are kept", n)
	}
}

func TestZeroAndAbsentStayApart(t *testing.T) {
	x := setup(t)
	zero := int64(0)
	x.publish(t,
		projectortest.Fact{User: anna, External: "zero", Record: projectortest.Record{Steps: &zero, Extra: json.RawMessage(`{"a":1.0}`)}},
		projectortest.Fact{User: anna, External: "absent"})
	x.foldAll(t)
	for external, want := range map[string]string{"zero": "0", "absent": "null"} {
		got := projectortest.Strings(t, x.db, "SELECT (doc::json -> 'steps')::text FROM projector.view_workouts_v1 WHERE external_id = $1", external)
		if len(got) != 1 || got[0] != want {
			t.Errorf("steps of %s are %q, want %s", external, got, want)
		}
	}
	details := projectortest.Strings(t, x.db, "SELECT coalesce(details, 'null') FROM projector.view_workouts_v1 ORDER BY external_id")
	if got := strings.Join(details, " "); got != `null {"a":1.0}` {
		t.Errorf("details are %s", got)
	}
	if n := x.number(t, "SELECT count(*) FROM projector.view_workouts_v1 WHERE doc LIKE '%details%'"); n != 0 {
		t.Error("doc holds the details, which lists do not show")
	}
}

func TestARemovalOfNothingIsKept(t *testing.T) {
	x := setup(t)
	x.publish(t, projectortest.Fact{User: anna, External: "1", Removed: true},
		projectortest.Fact{User: anna, External: "1", Origin: events.OriginImport})
	x.foldAll(t)
	n := x.number(t, `SELECT count(*) FROM projector.view_workouts_v1
		WHERE removed_at IS NOT NULL AND version = 1 AND doc IS NULL AND start_time IS NULL AND type IS NULL`)
	if n != 1 {
		t.Error("an import brought back what the API had removed, or the removed row still shows something")
	}
}

func TestConnectionHistory(t *testing.T) {
	x := setup(t)
	at := projectortest.Start()
	for i, data := range []events.Data{
		&events.ConnectionActivated{ConnectionID: ben, UserID: anna, Provider: projectortest.Provider, Scopes: []string{}, ActivatedAt: at},
		&events.ConnectionStatusChanged{ConnectionID: ben, UserID: anna, Provider: projectortest.Provider,
			Status: events.StatusActionRequired, Reason: events.ReasonReauthRequired, Since: at},
		&events.ConnectionRevoked{ConnectionID: ben, UserID: anna, Provider: projectortest.Provider, By: events.RevokedByUser, RevokedAt: at},
	} {
		e := events.Event{ID: events.NewID(), Source: "stridelog/oauth", Time: at, Provider: projectortest.Provider, UserID: anna, Data: data}
		if _, err := x.bus.Publish(t.Context(), e); err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	x.foldAll(t)
	x.foldAll(t)
	got := projectortest.Strings(t, x.db, `SELECT concat_ws(' ', event, status, nullif(reason, '')) FROM projector.view_connections_history_v1 ORDER BY sequence`)
	want := "activated active|status_changed action_required reauth_required|revoked revoked user"
	if strings.Join(got, "|") != want {
		t.Errorf("history is %q, want %s", got, want)
	}
}

func TestTheFoldStopsWhenTheLogWasRestored(t *testing.T) {
	fact := projectortest.Fact{User: anna, External: "1"}
	for name, damage := range map[string]func(t *testing.T, x *bench){
		"another epoch": func(t *testing.T, x *bench) {
			x.bus = bustest.New(t)
			x.facts = x.fold(t, x.bus)
			x.publish(t, fact, fact, fact)
		},
		"the log ends too early": func(t *testing.T, x *bench) {
			if _, err := x.db.Exec(t.Context(), "UPDATE projector.serving SET high_water = 100"); err != nil {
				t.Fatal(err)
			}
			x.publish(t, fact)
		},
		"an older database": func(t *testing.T, x *bench) {
			if _, err := x.db.Exec(t.Context(), "UPDATE projector.serving SET high_water = 1"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := setup(t)
			x.publish(t, fact, fact)
			stop := run(t, x.facts)
			projectortest.Drained(t, x.bus, events.StreamFacts, fold.Durable)
			if err := stop(); err != nil {
				t.Fatalf("the control, before the damage: %v", err)
			}
			before := projectortest.Dump(t, x.db)
			damage(t, x)
			if err := x.facts.Run(t.Context(), func() {}); !errors.Is(err, generation.ErrLogRestored) || !strings.Contains(err.Error(), "stridelog rebuild") {
				t.Errorf("the fold ended with %v, want ErrLogRestored and what to run", err)
			}
			if after := projectortest.Dump(t, x.db); after != before {
				t.Error("something was folded all the same")
			}
		})
	}
}

func TestARunningFoldNoticesARestoredLog(t *testing.T) {
	x := setup(t)
	x.publish(t, projectortest.Fact{User: anna, External: "1"})
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- x.facts.Run(t.Context(), func() { close(ready) }) }()
	<-ready
	projectortest.Drained(t, x.bus, events.StreamFacts, fold.Durable)
	if _, err := x.db.Exec(t.Context(), "UPDATE projector.serving SET high_water = 100"); err != nil {
		t.Fatal(err)
	}
	x.publish(t, projectortest.Fact{User: anna, External: "2"})
	if err := <-ended; !errors.Is(err, generation.ErrLogRestored) {
		t.Errorf("the fold ended with %v, want ErrLogRestored", err)
	}
}
