package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// model is what was read, hour by hour, and which of it the timetable joined.
type model struct {
	read      [48]bool
	scheduled [48]bool
}

func (m *model) cover(from, to int, scheduled bool) {
	for h := from; h < to; h++ {
		m.read[h] = true
		m.scheduled[h] = m.scheduled[h] || scheduled
	}
	for _, x := range m.stretches() { // one stretch is scheduled as a whole
		any := false
		for h := x[0]; h < x[1]; h++ {
			any = any || m.scheduled[h]
		}
		for h := x[0]; h < x[1]; h++ {
			m.scheduled[h] = any
		}
	}
}

func (m *model) stretches() (list [][2]int) {
	for h := 0; h < len(m.read); h++ {
		if !m.read[h] {
			continue
		}
		from := h
		for h < len(m.read) && m.read[h] {
			h++
		}
		list = append(list, [2]int{from, h})
	}
	return list
}

// Whatever is read in whichever order: the rows are exactly the stretches that were
// read, none touches another, and the first gap begins where the first scheduled one
// ends.
func TestStretchesJoinAsTheHoursDo(t *testing.T) {
	db := postgrestest.New(t)
	if err := store.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	zero := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	at := func(h int) time.Time { return zero.Add(time.Duration(h) * time.Hour) }
	s := store.New(db)
	rapid.Check(t, func(r *rapid.T) {
		ctx := context.Background()
		target := store.Target{UserID: uuid.NewString(), Provider: "cloud", AccountID: "a"}
		other := target
		other.AccountID = "b"
		var m model
		err := s.InTx(ctx, func(tx pgx.Tx) error {
			if err := store.Cover(ctx, tx, other, store.KindActivity, events.Window{From: at(3), To: at(5)}, true); err != nil {
				return err
			}
			for range rapid.IntRange(1, 12).Draw(r, "readings") {
				from := rapid.IntRange(0, 46).Draw(r, "from")
				to := rapid.IntRange(from, 47).Draw(r, "to") // empty ones, too
				scheduled := rapid.Bool().Draw(r, "scheduled")
				if err := store.Cover(ctx, tx, target, store.KindActivity, events.Window{From: at(from), To: at(to)}, scheduled); err != nil {
					return err
				}
				m.cover(from, to, scheduled)
				compare(r, ctx, tx, target, m, at)
			}
			end, err := store.CoverageEnd(ctx, tx, other, store.KindActivity)
			if err != nil || end == nil || !end.Equal(at(5)) {
				r.Fatalf("the other account was read until %v (%v)", end, err)
			}
			return nil
		})
		if err != nil {
			r.Fatal(err)
		}
	})
}

func compare(r *rapid.T, ctx context.Context, tx pgx.Tx, target store.Target, m model, at func(int) time.Time) {
	rows, err := tx.Query(ctx, "SELECT covered_from, covered_to, scheduled FROM poller.coverage WHERE user_id = $1 AND account = $2 ORDER BY 1", target.UserID, target.AccountID)
	if err != nil {
		r.Fatal(err)
	}
	type row struct {
		From, To  time.Time
		Scheduled bool
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		r.Fatal(err)
	}
	want := m.stretches()
	if len(got) != len(want) {
		r.Fatalf("%d stretches, want %v: %v", len(got), want, got)
	}
	var gap *time.Time
	for i, x := range want {
		if !got[i].From.Equal(at(x[0])) || !got[i].To.Equal(at(x[1])) || got[i].Scheduled != m.scheduled[x[0]] {
			r.Fatalf("stretch %d is %v, want %v, scheduled %t", i, got[i], x, m.scheduled[x[0]])
		}
		if gap == nil && m.scheduled[x[0]] {
			end := at(x[1])
			gap = &end
		}
	}
	end, err := store.CoverageEnd(ctx, tx, target, store.KindActivity)
	if err != nil || (end == nil) != (gap == nil) || end != nil && !end.Equal(*gap) {
		r.Fatalf("read until %v (%v), want %v", end, err, gap)
	}
}
