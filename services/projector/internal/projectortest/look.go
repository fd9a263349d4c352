package projectortest

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/waittest"
)

// Publish stores facts in the log, in this order.
func Publish(t testing.TB, b *bus.Bus, facts ...Fact) {
	t.Helper()
	list := make([]events.Event, 0, len(facts))
	for _, f := range facts {
		list = append(list, f.Event())
	}
	if err := b.PublishAll(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}

// End is the last sequence of a stream.
func End(t testing.TB, b *bus.Bus, stream string) uint64 {
	t.Helper()
	state, err := b.State(context.WithoutCancel(t.Context()), stream)
	if err != nil {
		t.Fatal(err)
	}
	return state.LastSequence
}

// Deliveries reads a stream from a sequence to its end.
func Deliveries(t testing.TB, b *bus.Bus, stream string, from uint64) []bus.Delivery {
	t.Helper()
	var list []bus.Delivery
	_, err := b.Read(context.WithoutCancel(t.Context()), stream, nil, from, func(d bus.Delivery) error {
		list = append(list, d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Dump is the whole content of the serving generation's tables and of the views
// on them, as text.
func Dump(t testing.TB, db *pgxpool.Pool) string {
	t.Helper()
	var schema string
	if err := db.QueryRow(t.Context(), "SELECT 'projector_g' || generation FROM projector.serving").Scan(&schema); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, table := range []string{
		schema + ".workouts", schema + ".workout_versions", schema + ".connection_history", schema + ".workout_routes", schema + ".unknown_facts", schema + ".unlinked_islands",
		"projector.view_workouts_v1", "projector.view_workout_versions_v1", "projector.view_failures_v1", "projector.view_connections_history_v1", "projector.view_workout_routes_v1",
		"projector.view_record_counts_v1",
	} {
		rows := Strings(t, db, fmt.Sprintf("SELECT r::text FROM %s r ORDER BY r::text", table))
		fmt.Fprintf(&b, "%s: %d\n", table[strings.IndexByte(table, '.')+1:], len(rows))
		for _, r := range rows {
			b.WriteString("  " + r + "\n")
		}
	}
	return b.String()
}

// Strings collects a query's only column.
func Strings(t testing.TB, db *pgxpool.Pool, sql string, args ...any) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Number is a query's only value.
func Number(t testing.TB, db *pgxpool.Pool, sql string, args ...any) (n int64) {
	t.Helper()
	if err := db.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Links are the links that are stored, by the duplicate.
func Links(t testing.TB, db *pgxpool.Pool) map[string]string {
	t.Helper()
	links := map[string]string{}
	for _, pair := range Strings(t, db, "SELECT id || ' ' || duplicate_of FROM projector.view_workouts_v1 WHERE duplicate_of IS NOT NULL") {
		duplicate, primary, _ := strings.Cut(pair, " ")
		links[duplicate] = primary
	}
	return links
}

// LinksSaid are the links that a consumer knows who read the stream from a sequence on:
// of each workout what was said with the highest link version, of equal ones the last,
// and of a workout that is gone nothing.
func LinksSaid(t testing.TB, b *bus.Bus, from uint64) map[string]string {
	t.Helper()
	links, versions, gone := map[string]string{}, map[string]uint64{}, map[string]bool{}
	say := func(workout string, primary *string, version uint64) {
		if version < versions[workout] || version == 0 {
			return
		}
		versions[workout] = version
		delete(links, workout)
		if primary != nil {
			links[workout] = *primary
		}
	}
	for _, d := range Deliveries(t, b, events.StreamChanges, from) {
		if d.Err != nil {
			t.Fatal(d.Err)
		}
		switch e := d.Event.Data.(type) {
		case *events.WorkoutLinked:
			say(e.WorkoutID, e.DuplicateOf, e.LinkVersion)
		case *events.WorkoutRecorded:
			gone[e.WorkoutID] = false
			say(e.WorkoutID, e.DuplicateOf, e.LinkVersion)
		case *events.WorkoutUpdated:
			gone[e.WorkoutID] = false
			say(e.WorkoutID, e.DuplicateOf, e.LinkVersion)
		case *events.WorkoutRemoved:
			gone[e.WorkoutID] = true // the last event about a workout is that of its winning version
		}
	}
	maps.DeleteFunc(links, func(workout, _ string) bool { return gone[workout] })
	return links
}

// LastAnnounced is the id of the last event about each workout's versions in the
// stream, from a sequence on.
func LastAnnounced(t testing.TB, b *bus.Bus, from uint64) map[string]string {
	t.Helper()
	last := map[string]string{}
	for _, d := range Deliveries(t, b, events.StreamChanges, from) {
		if d.Err != nil {
			t.Fatal(d.Err)
		}
		if d.Event.Type() != events.TypeWorkoutLinked {
			last[d.Event.About] = d.Event.ID
		}
	}
	return last
}

// Drained waits until a durable has acknowledged the whole stream.
func Drained(t testing.TB, b *bus.Bus, stream, durable string) {
	t.Helper()
	waittest.State(t, durable+" drains "+stream, func() (string, bool) {
		last, err := b.LastSequence(t.Context(), stream, ">")
		if err != nil {
			return err.Error(), false
		}
		c, err := b.JetStream().Consumer(t.Context(), stream, durable)
		if err != nil {
			return err.Error(), false
		}
		i := c.CachedInfo()
		// The server tells the durable of a message after it has acknowledged it to
		// the publisher, so nothing pending alone can mean: not heard of it yet.
		return fmt.Sprintf("%d pending, %d without an answer, delivered up to %d of %d", i.NumPending, i.NumAckPending, i.Delivered.Stream, last),
			i.NumPending == 0 && i.NumAckPending == 0 && i.Delivered.Stream >= last
	})
}
