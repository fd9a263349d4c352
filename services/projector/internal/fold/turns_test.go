package fold_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

// take has a turn with a person until give.
func (x *bench) take(t *testing.T, turn generation.Turn, user string) (give func()) {
	t.Helper()
	tx, err := x.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b pgx.Batch
	turn.Queue(&b, []string{user})
	if err := tx.SendBatch(t.Context(), &b).Close(); err != nil {
		t.Fatal(err)
	}
	give = sync.OnceFunc(func() {
		if err := tx.Rollback(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(give)
	return give
}

// waiting says whether somebody waits for a turn.
func (x *bench) waiting(t *testing.T) bool {
	t.Helper()
	return x.number(t, `SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
		WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()`) > 0
}

// While a batch is announced, another about the same person is folded, and is
// announced after it. While one is folded, no other about the same person is.
func TestFoldingDoesNotWaitForAnnouncing(t *testing.T) {
	x := setup(t)
	shown := func() int64 { return x.number(t, "SELECT count(*) FROM projector.view_workouts_v1") }
	announced := func() int { return len(projectortest.Deliveries(t, x.bus, events.StreamChanges, 1)) }
	x.publish(t, projectortest.Fact{User: anna, External: "1"})
	folding, announcing := x.take(t, generation.Folding, anna), x.take(t, generation.Announcing, anna)
	run(t, x.facts)
	waittest.Until(t, "the fold waits for its turn", func() bool { return x.waiting(t) })
	if shown() != 0 {
		t.Error("a workout was folded while it was somebody else's turn")
	}
	folding()
	waittest.Until(t, "the workout is folded", func() bool { return shown() == 1 })
	waittest.Until(t, "the announcement waits for its turn", func() bool { return x.waiting(t) })
	if announced() != 0 {
		t.Error("a workout was announced while it was somebody else's turn")
	}
	announcing()
	waittest.Until(t, "the workout is announced", func() bool { return announced() == 1 })
}
