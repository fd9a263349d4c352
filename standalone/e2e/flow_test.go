package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

func TestEveryRecordIsServedOnceAndTrue(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	for _, person := range w.people {
		user := w.connect(t, c, person)
		w.verify(t, c, user, person)
	}
}

// TestAPlainSubscriberReadsCloudEvents uses a NATS client alone and knows only
// what the documentation says: subjects, headers, JSON.
func TestAPlainSubscriberReadsCloudEvents(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	person := w.people[0]
	user := w.connect(t, c, person)
	w.workouts(t, c, user, person)
	truths := w.cloud.Truth(person.AccountID())

	raw := map[string]string{}
	w.consume(t, "STRIDELOG_FACTS", "stridelog.activity.fetched.fitbit."+user.ID, len(truths), func(m jetstream.Msg) {
		checkHeaders(t, m, "stridelog.activity.fetched.v1")
		var data struct {
			ExternalID  string          `json:"external_id"`
			RawEncoding string          `json:"raw_encoding"`
			Raw         json.RawMessage `json:"raw"`
		}
		if err := json.Unmarshal(m.Data(), &data); err != nil {
			t.Fatal(err)
		}
		if data.RawEncoding != "json" {
			t.Errorf("record %s came as %q", data.ExternalID, data.RawEncoding)
		}
		raw[data.ExternalID] = string(data.Raw)
	})
	for _, truth := range truths {
		if want := string(w.cloud.RawRecord(person.AccountID(), truth.ExternalID)); raw[truth.ExternalID] != want {
			t.Errorf("record %s: the cloud sent\n%s\nand the log has\n%s", truth.ExternalID, want, raw[truth.ExternalID])
		}
	}

	recorded := map[string]bool{}
	w.consume(t, "STRIDELOG_CHANGES", "stridelog.workout.recorded.fitbit."+user.ID, len(truths), func(m jetstream.Msg) {
		checkHeaders(t, m, "stridelog.workout.recorded.v1")
		var data struct {
			ExternalID string `json:"external_id"`
			Workout    struct {
				StartTime string `json:"start_time"`
			} `json:"workout"`
		}
		if err := json.Unmarshal(m.Data(), &data); err != nil {
			t.Fatal(err)
		}
		if data.Workout.StartTime == "" {
			t.Errorf("the announcement of %s holds no workout", data.ExternalID)
		}
		recorded[data.ExternalID] = true
	})
	for _, truth := range truths {
		if !recorded[truth.ExternalID] {
			t.Errorf("workout %s was never announced", truth.ExternalID)
		}
	}
}

// consume reads n messages of a subject from the stream's start and then makes
// sure that there is no further one.
func (w *world) consume(t *testing.T, stream, subject string, n int, handle func(jetstream.Msg)) {
	t.Helper()
	ctx := deadline(t)
	js := w.jetStream(t)
	consumer, err := js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{FilterSubject: subject, AckPolicy: jetstream.AckNonePolicy})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	for range n {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		handle(m)
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if info.NumPending != 0 {
		t.Errorf("%s: %d messages more than the %d expected", subject, info.NumPending, n)
	}
}

func checkHeaders(t *testing.T, m jetstream.Msg, eventType string) {
	t.Helper()
	h := m.Headers()
	for name, want := range map[string]string{"ce-specversion": "1.0", "ce-type": eventType, "content-type": "application/json"} {
		if got := h.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"ce-id", "ce-source", "ce-time", "ce-subject"} {
		if h.Get(name) == "" {
			t.Errorf("header %s is missing", name)
		}
	}
	if h.Get("Nats-Msg-Id") != h.Get("ce-id") {
		t.Errorf("Nats-Msg-Id is %q, ce-id %q", h.Get("Nats-Msg-Id"), h.Get("ce-id"))
	}
}

func TestRebuildGivesIdenticalRows(t *testing.T) {
	w := newWorld(t)
	in := w.start(t)
	person := w.people[1]
	user := w.connect(t, in.Client, person)
	w.workouts(t, in.Client, user, person)
	before := w.dump(t)
	if len(before) == 0 {
		t.Fatal("there is nothing to rebuild")
	}

	// By hand, as an operator would who wants to see it.
	w.truncateWorkouts(t)
	if list, err := in.Client.Workouts(deadline(t), user.ID, nil); err != nil || len(list) != 0 {
		t.Fatalf("after TRUNCATE %d workouts are served: %v", len(list), err)
	}
	if _, err := in.System.Rebuild(deadline(t), func(projector.Progress) {}); err != nil {
		t.Fatal(err)
	}
	after := w.dump(t)
	if !maps.Equal(before, after) {
		for id, row := range before {
			if after[id] != row {
				t.Errorf("row %s\n  was %s\n  now %s", id, row, after[id])
			}
		}
		t.Fatalf("%d rows before, %d after", len(before), len(after))
	}
	w.verify(t, in.Client, user, person)
}

// dump is every row of the workouts view as text, by id.
func (w *world) dump(t *testing.T) map[string]string {
	t.Helper()
	db, err := postgres.Open(deadline(t), w.databaseURL, postgres.Options{ApplicationName: "e2e", MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(deadline(t), `SELECT id::text, row_to_json(v)::text FROM projector.view_workouts_v1 v`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var id, row string
		if err := rows.Scan(&id, &row); err != nil {
			t.Fatal(err)
		}
		all[id] = row
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func (w *world) truncateWorkouts(t *testing.T) {
	t.Helper()
	ctx := deadline(t)
	db, err := postgres.Open(ctx, w.databaseURL, postgres.Options{ApplicationName: "e2e", MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var table string
	const current = `SELECT max(table_schema) || '.workouts' FROM information_schema.tables
	  WHERE table_schema LIKE 'projector\_g%' AND table_name = 'workouts'`
	if err := db.QueryRow(ctx, current).Scan(&table); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(ctx, "TRUNCATE "+table+" CASCADE"); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedConsentsAndReplayedStates(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	ctx := deadline(t)
	user, err := c.EnsureUser(ctx, "somebody")
	if err != nil {
		t.Fatal(err)
	}

	person := w.people[0].AccountID()
	back, err := c.ConnectAt(ctx, user.ID, "fitbit", appURL, fitbit.Decision{AccountID: person, Deny: true})
	if err != nil {
		t.Fatal(err)
	}
	if back.Query().Get("error") != "access_denied" {
		t.Errorf("a person who declined came back to %s", back)
	}

	if back, err = c.ConnectAt(ctx, user.ID, "fitbit", appURL, fitbit.Decision{AccountID: person, Scopes: []string{"profile"}}); err != nil {
		t.Fatal(err)
	}
	connections, err := c.Connections(ctx, user.ID)
	if err != nil || len(connections) != 1 || connections[0].Status != "action_required" {
		t.Errorf("without the activity scope the person came back to %s with connections %+v: %v", back, connections, err)
	}
	_, err = c.Historical(ctx, user.ID, "fitbit", 30)
	expectProblem(t, err, http.StatusConflict)

	// The whole scope revives the connection.
	start, err := c.Start(ctx, user.ID, "fitbit", appURL)
	if err != nil {
		t.Fatal(err)
	}
	callback, err := fitbit.Decide(ctx, c.HTTP, start, fitbit.Decision{AccountID: person})
	if err != nil {
		t.Fatal(err)
	}
	if back, err = c.Return(ctx, callback); err != nil {
		t.Fatal(err)
	}
	if back.Query().Get("status") != "active" {
		t.Errorf("full consent came back to %s", back)
	}
	if back, err = c.Return(ctx, callback); err == nil {
		t.Errorf("a used state redirected to %s", back)
	}
}

func TestDisconnectKeepsDataAndEraseRemovesIt(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	person := w.people[2]
	user := w.connect(t, c, person)
	before := w.workouts(t, c, user, person)
	ctx := deadline(t)

	if err := c.Call(ctx, http.MethodDelete, "/users/"+user.ID+"/connections/fitbit", nil, nil); err != nil {
		t.Fatal(err)
	}
	if n := w.cloud.Grants(person.AccountID()); n != 0 {
		t.Errorf("after the disconnect the cloud still has %d grants", n)
	}
	if after := w.workouts(t, c, user, person); len(after) != len(before) {
		t.Errorf("the disconnect changed %d workouts to %d", len(before), len(after))
	}
	// What was read stays known of the ended connection.
	for long := time.Now().AddDate(0, 0, 1-historyDays); ; wait(t, ctx, "the revoked connection shows that %d days were read", historyDays) {
		list, err := c.Connections(ctx, user.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && list[0].Status == "revoked" && slices.ContainsFunc(list[0].Coverage, func(s client.Stretch) bool {
			return s.Kind == "activity" && s.From.Before(long) && s.Until.After(s.From.AddDate(0, 0, historyDays-1))
		}) {
			break
		}
	}

	var erasure struct {
		ID string `json:"erasure_id"`
	}
	if err := c.Call(ctx, http.MethodDelete, "/users/"+user.ID, nil, &erasure); err != nil {
		t.Fatal(err)
	}
	_, err := c.Workouts(ctx, user.ID, nil)
	expectProblem(t, err, http.StatusNotFound)
	w.awaitErasure(t, c, erasure.ID)
	for _, stream := range []string{"STRIDELOG_FACTS", "STRIDELOG_SYNCS", "STRIDELOG_CHANGES"} {
		s, err := w.jetStream(t).Stream(ctx, stream)
		if err != nil {
			t.Fatal(err)
		}
		info, err := s.Info(ctx, jetstream.WithSubjectFilter("stridelog.*.*.*."+user.ID))
		if err != nil {
			t.Fatal(err)
		}
		if len(info.State.Subjects) != 0 {
			t.Errorf("%s still holds %v", stream, info.State.Subjects)
		}
	}
	if rows := w.dump(t); len(rows) != 0 {
		t.Errorf("%d workouts are left in the database", len(rows))
	}
}

func (w *world) awaitErasure(t *testing.T, c *client.Client, id string) {
	t.Helper()
	ctx := deadline(t)
	for {
		var erasure struct {
			State string `json:"state"`
		}
		if err := c.Call(ctx, http.MethodGet, "/erasures/"+id, nil, &erasure); err != nil {
			t.Fatal(err)
		}
		if erasure.State == "done" {
			return
		}
		wait(t, ctx, "the erasure is %s", erasure.State)
	}
}

func expectProblem(t *testing.T, err error, status int) {
	t.Helper()
	var problem *client.Problem
	if !errors.As(err, &problem) {
		t.Errorf("got %v, want a problem with status %d", err, status)
		return
	}
	if problem.Status != status || problem.Code == "" || problem.Detail == "" {
		t.Errorf("got %+v, want status %d with code and detail", problem, status)
	}
}

func decode(r io.Reader, into any) error {
	return json.NewDecoder(r).Decode(into)
}

func byExternalID(t *testing.T, list []json.RawMessage) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, raw := range list {
		var w struct {
			ExternalID string `json:"external_id"`
		}
		if err := json.Unmarshal(raw, &w); err != nil {
			t.Fatal(err)
		}
		if _, twice := all[w.ExternalID]; twice {
			t.Errorf("workout %s is served twice", w.ExternalID)
		}
		all[w.ExternalID] = raw
	}
	return all
}

func workoutID(t *testing.T, raw []byte) string {
	t.Helper()
	var w struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		t.Fatal(err)
	}
	return w.ID
}
