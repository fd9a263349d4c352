package rebuild_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/rebuild"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

const (
	anna = "11111111-2222-4333-8444-555555555555"
	ben  = "22222222-2222-4333-8444-555555555555"

	dyingRebuild = "rebuild"
	dyingUpgrade = "upgrade"
)

// later reads every record otherwise than the tests' usual normalizer.
func later() projectortest.Normalizer {
	return projectortest.Normalizer{Number: 2, Lenient: true, Category: "endurance"}
}

// TestMain also is the process of a rebuild or of an upgrade that dies.
func TestMain(m *testing.M) {
	projectortest.Main(m, map[string]projectortest.Part{dyingRebuild: rebuildAndDie, dyingUpgrade: upgradeAndDie})
}

// rebuildAndDie rebuilds with the later normalizer and is killed once the first changes
// are published, before anything says so.
func rebuildAndDie(ctx context.Context, db *pgxpool.Pool, b *bus.Bus) error {
	r := &rebuild.Rebuild{
		Log: slog.New(slog.DiscardHandler), Bus: b, Tables: generation.New(db, b), Reader: reader(later()), AfterPublish: projectortest.Kill,
	}
	_, err := r.Run(ctx, nil)
	return err
}

// upgradeAndDie is killed amid its reading.
func upgradeAndDie(ctx context.Context, db *pgxpool.Pool, b *bus.Bus) error {
	n := &killingNormalizer{Normalizer: projectortest.Normalizer{Number: 1}}
	n.left.Store(50)
	return upgradeAs(ctx, slog.New(slog.DiscardHandler), b, generation.New(db, b), n)
}

func reader(n provider.Normalizer) *row.Reader {
	return row.NewReader(provider.Normalizers{projectortest.Format: n}, projectortest.Sources())
}

type world struct {
	db       *pgxpool.Pool
	dbURL    string
	bus      *bus.Bus
	busURL   string
	tables   *generation.Tables
	consumed uint64 // sequence up to which take has read
	table    map[string]change
}

// change is a consumer's row: what the highest event about a workout said.
type change struct {
	ID         string          `json:"workout_id"`
	Version    uint64          `json:"version"`
	Normalizer int             `json:"normalizer_version"`
	Workout    json.RawMessage `json:"workout"`
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dbURL: postgrestest.URL(t), busURL: bustest.StartServer(t), table: map[string]change{}}
	db, err := postgres.Open(t.Context(), w.dbURL, postgres.Options{ApplicationName: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	w.db, w.bus = db, bustest.Connect(t, w.busURL, "test")
	w.tables = generation.New(w.db, w.bus)
	if err := w.tables.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// live publishes facts and folds them with the usual normalizer.
func (w *world) live(t *testing.T, facts ...projectortest.Fact) {
	t.Helper()
	from := projectortest.End(t, w.bus, events.StreamFacts) + 1
	projectortest.Publish(t, w.bus, facts...)
	metrics, err := fold.NewMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &fold.Facts{Log: bustest.Logger(t), Bus: w.bus, Tables: w.tables, Reader: reader(projectortest.Normalizer{Number: 1}), Metrics: metrics}
	if err := f.Fold(t.Context(), projectortest.Deliveries(t, w.bus, events.StreamFacts, from)); err != nil {
		t.Fatal(err)
	}
}

func (w *world) rebuild(t *testing.T, n provider.Normalizer) rebuild.Report {
	t.Helper()
	r := &rebuild.Rebuild{Log: bustest.Logger(t), Bus: w.bus, Tables: w.tables, Reader: reader(n)}
	report, err := r.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// take lets the consumer read on, and returns how many events there were. It keeps
// the highest (version, normalizer version), as docs/events.md says.
func (w *world) take(t *testing.T) int {
	t.Helper()
	list := projectortest.Deliveries(t, w.bus, events.StreamChanges, w.consumed+1)
	for _, d := range list {
		var c change
		if err := json.Unmarshal(d.Message.Data, &c); err != nil {
			t.Fatal(err)
		}
		have, ok := w.table[c.ID]
		if !ok || c.Version > have.Version || c.Version == have.Version && c.Normalizer > have.Normalizer {
			w.table[c.ID] = c
		}
		w.consumed = d.Sequence
	}
	return len(list)
}

// behind are the workouts that the consumer has otherwise than they are served.
func (w *world) behind(t *testing.T) (ids []string) {
	t.Helper()
	rows, err := w.db.Query(t.Context(), `SELECT id::text, CASE WHEN details IS NULL THEN coalesce(doc, '')
		ELSE left(doc, -1) || ',"details":' || details || '}' END FROM projector.view_workouts_v1`)
	if err != nil {
		t.Fatal(err)
	}
	var id, served string
	count := 0
	_, err = pgx.ForEachRow(rows, []any{&id, &served}, func() error {
		count++
		if string(w.table[id].Workout) != served {
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil || count == 0 {
		t.Fatalf("%d workouts are served: %v", count, err)
	}
	return ids
}

func (w *world) generations(t *testing.T) int64 {
	t.Helper()
	return projectortest.Number(t, w.db, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'projector\\_g%'")
}
