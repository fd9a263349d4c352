package outbox

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// parked are the reasons in the order of the rows.
func parked(t *testing.T, pool *pgxpool.Pool) (reasons []string) {
	t.Helper()
	rows, err := pool.Query(t.Context(), "SELECT parked FROM alpha.outbox WHERE parked IS NOT NULL ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	if reasons, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		t.Fatal(err)
	}
	return reasons
}

// limitMessages makes the facts stream take messages of so many bytes; -1 is any.
func limitMessages(t *testing.T, b *bus.Bus, size int32) {
	t.Helper()
	s, err := b.JetStream().Stream(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.MaxMsgSize = size
	if _, err := b.JetStream().UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func TestWhatJetStreamRefusesForGoodHoldsUpNothing(t *testing.T) {
	pool, b := database(t), bustest.New(t)
	limitMessages(t, b, 4<<20)
	appendIn(t, pool, 1, 2, 3, 4, 5, 6, 7)
	const resize = "UPDATE alpha.outbox SET data = convert_to(repeat('x', $2), 'UTF8') WHERE id = $1"
	change(t, pool, resize, 2, 5<<20) // more than the stream takes
	change(t, pool, resize, 3, 9<<20) // more than the server takes
	change(t, pool, "UPDATE alpha.outbox SET subject = 'no subject' WHERE id = 4")
	change(t, pool, "UPDATE alpha.outbox SET subject = 'of.no.stream' WHERE id = 5")
	change(t, pool, "UPDATE alpha.outbox SET header = header || jsonb_build_object('x', jsonb_build_array(repeat('x', 70000))) WHERE id = 6")
	said := &lines{}
	r := NewRelay(pool, b, schema, slog.New(slog.NewTextHandler(said, nil)))
	r.every = 10 * time.Millisecond // to see what is taken back
	run(t, r)
	wantInOrder(t, arrivals(t, b, 2), 1, 7)
	reasons := parked(t, pool)
	if len(reasons) != 5 {
		t.Fatalf("parked are %q, want 5", reasons)
	}
	text := said.String()
	if n := strings.Count(text, "level=ERROR"); n != 5 || !strings.Contains(text, "row=3 type=stridelog.connection.activated.v1") {
		t.Errorf("%d errors in the log: %s", n, text)
	}
	for _, personal := range []string{somebody, "event-0003", "xxx"} {
		if strings.Contains(text, personal) {
			t.Errorf("the log shows %s", personal)
		}
	}
	// Repaired: the stream takes more, and the row is taken back.
	limitMessages(t, b, -1)
	change(t, pool, "UPDATE alpha.outbox SET parked = NULL WHERE id = 2")
	if got := arrivals(t, b, 3)[2]; len(got.Message.Data) != 5<<20 {
		t.Errorf("the row that was taken back has %d bytes", len(got.Message.Data))
	}
}

// A stream that is full may be repaired: the rows wait in their order.
func TestWhatMayBeMendedWaitsInOrder(t *testing.T) {
	pool, b := database(t), bustest.New(t)
	s, err := b.JetStream().Stream(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	full := s.CachedInfo().Config
	full.MaxMsgs, full.Discard = 1, jetstream.DiscardNew
	if _, err := b.JetStream().UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	appendIn(t, pool, 1, 2, 3)
	said := &lines{}
	run(t, NewRelay(pool, b, schema, slog.New(slog.NewTextHandler(said, nil))))
	waittest.State(t, "the relay says that events wait", func() (string, bool) {
		return said.String(), strings.Contains(said.String(), "events wait in the outbox")
	})
	if reasons := parked(t, pool); len(reasons) != 0 {
		t.Fatalf("parked are %q", reasons)
	}
	full.MaxMsgs, full.Discard = -1, jetstream.DiscardOld
	if _, err := b.JetStream().UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	wantEmpty(t, pool)
	wantInOrder(t, arrivals(t, b, 3), 1, 2, 3)
}

// Nothing about an erased user is published once the erasure has committed, and
// the others' events stay.
func TestEraseUserWaitsForTheRelayAndLeavesTheOthers(t *testing.T) {
	pool := database(t)
	appendIn(t, pool, 1, 2, 3)
	change(t, pool, "UPDATE alpha.outbox SET subject = replace(subject, '"+somebody+"', '"+somebodyElse+"') WHERE id = 2")
	change(t, pool, "UPDATE alpha.outbox SET parked = 'too large' WHERE id = 3")
	relay, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Release()
	if _, err := relay.Exec(t.Context(), "SELECT pg_advisory_lock(hashtextextended($1, 0))", lockName(schema)); err != nil {
		t.Fatal(err)
	}
	var erased int64
	var erasure sync.WaitGroup
	erasure.Go(func() {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
			erased, err = EraseUser(t.Context(), tx, schema, somebody)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	for n := 0; n == 0; {
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if n := waiting(t, pool); n != 3 {
		t.Errorf("%d rows are left while a relay publishes, want 3", n)
	}
	if _, err := relay.Exec(t.Context(), "SELECT pg_advisory_unlock(hashtextextended($1, 0))", lockName(schema)); err != nil {
		t.Fatal(err)
	}
	erasure.Wait()
	if n := waiting(t, pool); n != 1 || erased != 2 {
		t.Errorf("%d rows were erased and %d are left, want 2 and the other user's", erased, n)
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
