package projector_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

const (
	anna = "11111111-2222-4333-8444-555555555555"
	ben  = "22222222-2222-4333-8444-555555555555"
)

type system struct {
	db      *pgxpool.Pool
	bus     *bus.Bus
	service *projector.Service
}

func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{db: postgrestest.New(t), bus: bustest.New(t)}
	s.service = s.another(t, projectortest.Normalizers())
	return s
}

// another is a projector on the same stores, as another process would be.
func (s *system) another(t *testing.T, n provider.Normalizers) *projector.Service {
	t.Helper()
	p, err := projector.New(projector.Config{Log: bustest.Logger(t), DB: s.db, Bus: s.bus, Normalizers: n, Sources: projectortest.Sources(), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *system) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- s.service.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		t.Fatalf("the projector did not start: %v", err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the projector failed: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func (s *system) drained(t *testing.T) {
	t.Helper()
	projectortest.Drained(t, s.bus, events.StreamFacts, fold.Durable)
}

func manyFacts(rounds int) []projectortest.Fact {
	var list []projectortest.Fact
	for round := range rounds {
		for i := range 12 {
			f := projectortest.Fact{
				User: []string{anna, ben}[i%2], External: fmt.Sprint(i), Replaces: uint64(round),
				Removed: (round*i)%7 == 6, Record: projectortest.Record{Minutes: round + i + 1},
			}
			if i == 5 {
				f.Record.Fault = "error"
			}
			list = append(list, f)
		}
	}
	return list
}

func rebuild(t *testing.T, p *projector.Service) projector.Report {
	t.Helper()
	report, err := p.Rebuild(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestRebuildAfterTruncationGivesIdenticalRows(t *testing.T) {
	s := newSystem(t)
	projectortest.Publish(t, s.bus, manyFacts(6)...)
	s.run(t)
	s.drained(t)
	before := projectortest.Dump(t, s.db)
	if _, err := s.db.Exec(t.Context(), "TRUNCATE projector_g1.workouts"); err != nil {
		t.Fatal(err)
	}
	if projectortest.Dump(t, s.db) == before {
		t.Fatal("the control: the truncation cannot be seen in the dump")
	}
	var progress []projector.Progress
	report, err := s.service.Rebuild(t.Context(), func(p projector.Progress) { progress = append(progress, p) })
	if err != nil {
		t.Fatal(err)
	}
	if after := projectortest.Dump(t, s.db); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if report.Generation != 2 || report.Facts != 72 || report.Versions != 72 || report.LastSequence != 72 || report.Failures == 0 {
		t.Errorf("report is %+v", report)
	}
	if last := progress[len(progress)-1]; last.Phase != "switched" || last.Facts != 72 || last.Rate <= 0 {
		t.Errorf("the last progress is %+v", last)
	}
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'projector\\_g%'"); n != 1 {
		t.Errorf("%d generations are left, want 1", n)
	}
	// The running projector goes on in the new generation.
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "after"})
	s.drained(t)
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector_g2.workouts WHERE external_id = 'after'"); n != 1 {
		t.Error("a fact after the switch did not land in the new generation")
	}
}

func TestRebuildBesideArrivingFacts(t *testing.T) {
	s := newSystem(t)
	projectortest.Publish(t, s.bus, manyFacts(4)...)
	s.run(t)
	stop, published := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				published <- nil
				return
			default:
			}
			f := projectortest.Fact{User: anna, External: fmt.Sprint(i % 50), Replaces: uint64(i / 50), Record: projectortest.Record{Minutes: i + 1}}
			if _, err := s.bus.Publish(context.WithoutCancel(t.Context()), f.Event()); err != nil {
				published <- err
				return
			}
		}
	}()
	other := s.another(t, projectortest.Normalizers())
	for range 3 {
		rebuild(t, other)
	}
	close(stop)
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	s.drained(t)
	live := projectortest.Dump(t, s.db)
	report := rebuild(t, other)
	if again := projectortest.Dump(t, s.db); again != live {
		t.Errorf("rebuilt while facts came:\n%s\nrebuilt in peace:\n%s", live, again)
	}
	if n := projectortest.Number(t, s.db, "SELECT high_water FROM projector.serving"); uint64(n) != report.LastSequence {
		t.Errorf("the log is folded to %d, want %d", n, report.LastSequence)
	}
}

func TestRebuildReadsWhatAnOlderNormalizerCouldNot(t *testing.T) {
	s := newSystem(t)
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "1", Record: projectortest.Record{Fault: "error"}})
	s.run(t)
	s.drained(t)
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_failures_v1"); n != 1 {
		t.Fatalf("%d failures before, want 1", n)
	}
	rebuild(t, s.another(t, provider.Normalizers{projectortest.Format: projectortest.Normalizer{Number: 2, Lenient: true}}))
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_failures_v1"); n != 0 {
		t.Errorf("%d failures after, want none", n)
	}
	if n := projectortest.Number(t, s.db, "SELECT normalizer_version FROM projector.view_workout_versions_v1"); n != 2 {
		t.Errorf("normalizer version %d, want 2", n)
	}
}

func TestASecondRebuildIsRefused(t *testing.T) {
	s := newSystem(t)
	projectortest.Publish(t, s.bus, manyFacts(1)...)
	other := s.another(t, projectortest.Normalizers())
	tried := false
	_, err := s.service.Rebuild(t.Context(), func(projector.Progress) {
		if tried {
			return
		}
		tried = true
		if _, err := other.Rebuild(t.Context(), nil); !errors.Is(err, projector.ErrRebuildRunning) {
			t.Errorf("the second rebuild ended with %v, want ErrRebuildRunning", err)
		}
	})
	if err != nil || !tried {
		t.Fatalf("the first rebuild: %v, second tried: %v", err, tried)
	}
	rebuild(t, other)
}

func TestAStoppedRebuildLeavesTheTablesAsTheyWere(t *testing.T) {
	s := newSystem(t)
	projectortest.Publish(t, s.bus, manyFacts(2)...)
	stop := s.run(t)
	s.drained(t)
	before := projectortest.Dump(t, s.db)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := s.service.Rebuild(ctx, func(projector.Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("the rebuild ended with %v, want a cancellation", err)
	}
	if after := projectortest.Dump(t, s.db); after != before {
		t.Error("a stopped rebuild changed the tables")
	}
	// What a killed one leaves goes with the next start.
	if _, err := s.db.Exec(t.Context(), "CREATE SCHEMA projector_g9; CREATE TABLE projector_g9.workouts (id int)"); err != nil {
		t.Fatal(err)
	}
	stop()
	s.run(t)
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'projector\\_g%'"); n != 1 {
		t.Errorf("%d generations are left, want 1", n)
	}
}

func TestRebuildAcceptsARestoredLog(t *testing.T) {
	s := newSystem(t)
	projectortest.Publish(t, s.bus, manyFacts(2)...)
	stop := s.run(t)
	s.drained(t)
	stop()
	s.bus = bustest.New(t)
	s.service = s.another(t, projectortest.Normalizers())
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "kept"})
	if err := s.service.Run(t.Context(), func() {}); !errors.Is(err, projector.ErrLogRestored) || !strings.Contains(err.Error(), "stridelog rebuild") {
		t.Fatalf("the projector ended with %v, want ErrLogRestored and what to run", err)
	}
	rebuild(t, s.service)
	s.run(t)
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "new"})
	s.drained(t)
	got := projectortest.Strings(t, s.db, "SELECT external_id FROM projector.view_workouts_v1 ORDER BY 1")
	if strings.Join(got, " ") != "kept new" {
		t.Errorf("workouts are %q, want kept new", got)
	}
}

func TestErasureLeavesNothingAndNothingComesBack(t *testing.T) {
	s := newSystem(t)
	projectortest.Publish(t, s.bus, manyFacts(3)...)
	s.run(t)
	s.drained(t)
	answer, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), s.bus, rpc.ProjectorErase, rpc.EraseRequest{UserID: anna, ErasureID: "e"})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Counts["workouts"] != 6 || answer.Counts["workout_versions"] != 18 || answer.Counts["workout_events"] == 0 {
		t.Errorf("counts are %v", answer.Counts)
	}
	left := func() int64 {
		return projectortest.Number(t, s.db, `SELECT (SELECT count(*) FROM projector.view_workouts_v1 WHERE user_id = $1)
			+ (SELECT count(*) FROM projector.view_workout_versions_v1 WHERE user_id = $1)`, anna)
	}
	if n := left(); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	// The facts are still in the log here; live or rebuilt, they stay without effect.
	projectortest.Publish(t, s.bus, projectortest.Fact{User: anna, External: "late"}, projectortest.Fact{User: ben, External: "late"})
	s.drained(t)
	rebuild(t, s.service)
	if n := left(); n != 0 {
		t.Errorf("%d rows came back", n)
	}
	for _, d := range projectortest.Deliveries(t, s.bus, events.StreamChanges, 1) {
		if d.Event.UserID == anna {
			t.Errorf("event %s about the erased user is in the stream", d.Event.ID)
		}
	}
	if n := projectortest.Number(t, s.db, "SELECT count(*) FROM projector.view_workouts_v1 WHERE user_id = $1", ben); n != 6 {
		t.Errorf("the other user has %d workouts, want 6", n)
	}
	again, err := bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), s.bus, rpc.ProjectorErase, rpc.EraseRequest{UserID: anna, ErasureID: "e"})
	if err != nil || again.Counts["workouts"] != 0 {
		t.Errorf("erasing again: %v, %v", again, err)
	}
	var refused *rpc.Error
	_, err = bus.Call[rpc.EraseRequest, rpc.EraseResponse](t.Context(), s.bus, rpc.ProjectorErase, rpc.EraseRequest{UserID: "*", ErasureID: "e"})
	if !errors.As(err, &refused) || refused.Code != rpc.CodeInvalidArgument || refused.Field != "user_id" {
		t.Errorf("erasing everybody ended with %v", err)
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	if _, err := projector.New(projector.Config{Log: bustest.Logger(t)}); err == nil || !strings.Contains(err.Error(), "Config.DB") {
		t.Errorf("got %v, want an error that names Config.DB", err)
	}
}
