package fold_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

const dyingFold = "fold"

// TestMain also is the process of a projector that dies.
func TestMain(m *testing.M) {
	projectortest.Main(m, map[string]projectortest.Part{dyingFold: foldAndDie})
}

// foldAndDie is a projector that is killed when a link is committed and not announced.
func foldAndDie(ctx context.Context, db *pgxpool.Pool, b *bus.Bus) error {
	metrics, err := fold.NewMetrics(nil)
	if err != nil {
		return err
	}
	f := &fold.Facts{
		Log: slog.New(slog.DiscardHandler), Bus: b, Tables: generation.New(db, b),
		Reader: row.NewReader(projectortest.Normalizers(), projectortest.Sources()), Metrics: metrics,
		AfterCommit: func() error {
			var links int
			err := db.QueryRow(ctx, "SELECT count(*) FROM projector.workout_links WHERE changes > announced").Scan(&links)
			if err != nil || links == 0 {
				return err
			}
			return projectortest.Kill()
		},
	}
	return f.Run(ctx, func() {})
}

// kill -9 between the commit of a link and its announcement: the next projector gets
// the batch again, finds the link stored as it should be, and announces it once.
func TestALinkIsAnnouncedAfterAKill(t *testing.T) {
	x := &bench{url: bustest.StartServer(t)}
	dbURL := postgrestest.URL(t)
	db, err := postgres.Open(t.Context(), dbURL, postgres.Options{ApplicationName: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	x.db, x.bus = db, bustest.Connect(t, x.url, "test")
	x.facts = x.fold(t, x.bus)
	if err := x.facts.Tables.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	half := projectortest.Record{Minutes: 30}
	x.publish(t, projectortest.Fact{User: anna, External: "1", Record: half}, projectortest.Fact{User: anna, External: "2", Record: half})
	said := func() map[string]string { return projectortest.LinksSaid(t, x.bus, 1) }

	projectortest.Killed(t, dbURL, x.url, dyingFold)
	stored := projectortest.Links(t, x.db)
	if len(stored) != 1 || len(said()) != 0 {
		t.Fatalf("after the kill the links %v are stored and %v are said, want one and none", stored, said())
	}
	stop := run(t, x.facts)
	// The two workouts may come again in batches of their own, the link with the first.
	announced := func() int { return len(projectortest.Deliveries(t, x.bus, events.StreamChanges, 1)) }
	waittest.State(t, "two workouts and a link are announced", func() (string, bool) {
		n, links := announced(), said()
		return fmt.Sprintf("%d events, links %v", n, links), n >= 3 && maps.Equal(links, stored)
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := announced(); n != 3 {
		t.Errorf("%d events, want two workouts and a link", n)
	}
}
