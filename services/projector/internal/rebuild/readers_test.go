package rebuild_test

import (
	"testing"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/projector/internal/rebuild"
)

// A reader who takes long, as an analyst may, holds up the switch of a rebuild, and nobody
// else: others read the old generation until it moves.
func TestASwitchThatWaitsForAReaderKeepsNobodyElseFromReading(t *testing.T) {
	w := newWorld(t)
	w.live(t, many()...)
	const count = "SELECT count(*) FROM projector.view_workouts_v1"
	var workouts, seen int
	slow, err := w.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Rollback(t.Context())
	if err := slow.QueryRow(t.Context(), count).Scan(&workouts); err != nil || workouts == 0 {
		t.Fatalf("there are %d workouts: %v", workouts, err)
	}
	ended := make(chan error, 1)
	go func() {
		r := &rebuild.Rebuild{Log: bustest.Logger(t), Bus: w.bus, Tables: w.tables, Reader: reader(later())}
		_, err := r.Run(t.Context(), nil)
		ended <- err
	}()
	waittest.Until(t, "the switch waits for the reader", func() bool {
		var waits bool
		err := w.db.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted
			AND relation = 'projector.view_workouts_v1'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits)
		return err == nil && waits
	})
	// Would it wait for the reader above, who ends last, the test would not end.
	for range 3 {
		if err := w.db.QueryRow(t.Context(), count).Scan(&seen); err != nil || seen != workouts {
			t.Fatalf("another reader sees %d of %d workouts: %v", seen, workouts, err)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("the rebuild did not wait for the reader: %v", err)
	default:
	}
	if err := slow.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if p, err := w.tables.Serving(t.Context()); err != nil || p.Generation != 2 {
		t.Errorf("generation %d serves: %v", p.Generation, err)
	}
}
