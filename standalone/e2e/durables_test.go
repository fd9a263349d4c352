package e2e

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// durables are all that services read from.
func durables() [][2]string {
	return [][2]string{
		{"STRIDELOG_FACTS", "poller_connections"}, {"STRIDELOG_SYNCS", "poller_syncs"},
		{"STRIDELOG_FACTS", "projector-facts"}, {"STRIDELOG_SYNCS", "projector-syncs"},
	}
}

// Somebody deletes each durable while a history is read, and all of them while nothing
// runs. Each goes on where it was: no event is lost and none is published again, no
// service ends, and readiness, metrics and log tell of it.
func TestADeletedDurableLosesAndRepeatsNothing(t *testing.T) {
	w := newWorld(t)
	out := newOutput()
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	sealing, err := oauth.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(c *config.Config) { c.SealingKey = sealing }
	in, err := installation.Start(t.Context(), installation.Options{DatabaseURL: w.databaseURL, NATSURL: w.natsURL, Providers: map[string]provider.Values{"fitbit": w.fitbit}, Log: log, Change: sealed})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if in != nil { // the test has failed before
			_ = in.Stop()
		}
	}()
	var users []client.User
	js := w.jetStream(t)
	remove := func(stream, durable string) {
		t.Helper()
		if err := js.DeleteConsumer(t.Context(), stream, durable); err != nil {
			t.Fatal(err)
		}
	}
	for i, d := range durables() {
		ctx := deadline(t)
		user := join(ctx, t, in.Client, w.people[i])
		id, err := in.Client.Historical(ctx, user.ID, "fitbit", historyDays)
		if err != nil {
			t.Fatal(err)
		}
		remove(d[0], d[1])
		awaitDeclared(t, in.Client, d)
		if sync, err := in.Client.AwaitSync(ctx, user.ID, id); err != nil || sync.Status != "success" {
			t.Fatalf("with %s deleted the sync ended %+v (%v)", d[1], sync, err)
		}
		w.verify(t, in.Client, user, w.people[i])
		users = append(users, user)
	}
	ctx := deadline(t)
	for status, ready := 0, ""; status != http.StatusOK; {
		wait(t, ctx, "readiness: %s", ready)
		status, ready = get(ctx, t, in.Client, "/readyz")
	}
	text, _ := out.read()
	for _, d := range durables() {
		for _, said := range []string{"NATS does not have a consumer that is read from; it is declared again", "a consumer was deleted and is declared again; find out who deleted it"} {
			if !strings.Contains(text, fmt.Sprintf("%s\" service=%s stream=%s consumer=%s", said, strings.FieldsFunc(d[1], func(r rune) bool { return r == '-' || r == '_' })[0], d[0], d[1])) {
				t.Errorf("the log does not say of %s: %s", d[1], said)
			}
		}
	}
	w.publishedOnce(t, len(users))

	err = in.Stop()
	in = nil
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range durables() {
		remove(d[0], d[1])
	}
	again := w.startWith(t, installation.Options{Log: testLog(t), Change: sealed})
	for _, d := range durables() {
		consumer, err := js.Consumer(t.Context(), d[0], d[1])
		if err != nil {
			t.Fatal(err)
		}
		if begin := consumer.CachedInfo().Config.OptStartSeq; begin < 2 {
			t.Errorf("%s begins at %d again", d[1], begin)
		}
	}
	for i, user := range users {
		ctx := deadline(t)
		id, err := again.Client.Historical(ctx, user.ID, "fitbit", historyDays)
		if err != nil {
			t.Fatal(err)
		}
		if sync, err := again.Client.AwaitSync(ctx, user.ID, id); err != nil || sync.Status != "success" || sync.Counts.New != 0 {
			t.Errorf("after the restart the sync ended %+v (%v)", sync, err)
		}
		w.verify(t, again.Client, user, w.people[i])
	}
	w.publishedOnce(t, len(users))
	(&keptStores{}).clean(t, again)
}

// awaitDeclared waits until the metrics say that a durable was declared again.
func awaitDeclared(t *testing.T, c *client.Client, d [2]string) {
	t.Helper()
	ctx := deadline(t)
	want := fmt.Sprintf(`stridelog_consumer_declared_again_total{consumer="%s",service="`, d[1])
	for {
		if _, metrics := get(ctx, t, c, "/metrics"); strings.Contains(metrics, want) {
			return
		}
		wait(t, ctx, "%s is declared again", d[1])
	}
}

// publishedOnce counts what was published: one recorded event a workout, one end a
// sync, one activation a person, and no event twice, whatever JetStream still knows of
// their ids.
func (w *world) publishedOnce(t *testing.T, people int) {
	t.Helper()
	count, ids := map[string]int{}, map[string]bool{}
	ends := map[string]int{}
	for _, stream := range []string{"STRIDELOG_FACTS", "STRIDELOG_SYNCS", "STRIDELOG_CHANGES"} {
		w.eachMessage(t, stream, func(m jetstream.Msg) {
			id, kind := m.Headers().Get("ce-id"), m.Headers().Get("ce-type")
			if id == "" || ids[id] {
				t.Errorf("%s: event %q of type %s is there twice", stream, id, kind)
			}
			ids[id] = true
			count[kind]++
			if kind == "stridelog.sync.finished.v1" {
				var end struct {
					SyncID string `json:"sync_id"`
				}
				if err := json.Unmarshal(m.Data(), &end); err != nil {
					t.Error(err)
				}
				ends[end.SyncID]++
			}
		})
	}
	if count["stridelog.workout.recorded.v1"] != count["stridelog.activity.fetched.v1"] || count["stridelog.activity.fetched.v1"] < 80 || count["stridelog.workout.updated.v1"] != 0 {
		t.Errorf("published were %v; want a recorded workout for each record", count)
	}
	if count["stridelog.connection.activated.v1"] != people {
		t.Errorf("%d activations of %d people", count["stridelog.connection.activated.v1"], people)
	}
	for id, n := range ends {
		if n != 1 {
			t.Errorf("sync %s ended %d times", id, n)
		}
	}
}

// eachMessage reads a stream to its end with a plain client.
func (w *world) eachMessage(t *testing.T, stream string, take func(jetstream.Msg)) {
	t.Helper()
	consumer, err := w.jetStream(t).OrderedConsumer(t.Context(), stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := consumer.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for left := info.NumPending; left > 0; {
		m, err := consumer.Next(jetstream.FetchMaxWait(30 * time.Second))
		if err != nil {
			t.Fatalf("%s: %d messages do not come: %v", stream, left, err)
		}
		take(m)
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		left = meta.NumPending
	}
}
