package deploytest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

const (
	demoSeed = 1 // of the people in `stridelog simulator`
	readDays = 90
)

// One person goes all the way on the permissions of docker-compose.yml: consent,
// history, raw records, rebuild, disconnect, erasure. Then the logs are searched for
// a permission that was missing.
func TestTheWholeFlowWithinThePermissions(t *testing.T) {
	c := newCompose(t)
	api := c.up(t)
	ctx := waittest.Context(t)

	captured := c.capture(ctx, t)
	user := c.connect(ctx, t, api)
	checkCaptured(ctx, t, captured)
	workouts := settled(ctx, t, api, user)
	c.checkRaw(ctx, t, api, workouts[0])
	c.checkAnalyst(ctx, t, len(workouts))
	c.awaitAnalytics(t)
	c.checkAnalystConnections(ctx, t)
	c.checkRoles(t)
	c.checkAnalystRole(t, len(workouts))

	if out, err := c.run(t, "operator", "verify"); err != nil || !strings.Contains(out, "There are no differences.") {
		t.Fatalf("verify: %v\n%s", err, out)
	}
	if out, err := c.run(t, "operator", "export", "--user", "nobody@example.com"); err == nil || !strings.Contains(out, "no such user") {
		t.Fatalf("export of nobody: %v\n%s", err, out)
	}
	if out, err := c.run(t, "operator", "rebuild"); err != nil || !strings.Contains(out, "Rebuilt ") {
		t.Fatalf("rebuild: %v\n%s", err, out)
	}
	if after := settled(ctx, t, api, user); !slices.EqualFunc(workouts, after, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
		t.Errorf("the rebuild changed the workouts, of which there were %d and are %d", len(workouts), len(after))
	}
	c.checkRoles(t) // the new generation, too
	c.checkAnalystRole(t, len(workouts))
	if out, err := c.run(t, "operator", "dead-letters", "list"); err != nil {
		t.Errorf("dead letters: %v\n%s", err, out)
	}
	if err := api.Call(ctx, http.MethodGet, "/dead-letters", nil, nil); err != nil {
		t.Error(err)
	}
	if err := api.Call(ctx, http.MethodDelete, "/users/"+user.ID+"/connections/fitbit", nil, nil); err != nil {
		t.Error(err)
	}
	erase(ctx, t, api, user)
	for service, printed := range c.printed {
		if text := printed.String(); strings.Contains(strings.ToLower(text), "permission") {
			t.Errorf("%s lacks a permission:\n%s", service, text)
		}
	}
	c.checkPermissionsShowInLogs(t)
}

// connect gives consent at the simulated cloud and reads the history.
func (c *compose) connect(ctx context.Context, t *testing.T, api *client.Client) client.User {
	t.Helper()
	people, err := simulator.Roster(demoSeed, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	user, err := api.EnsureUser(ctx, "someone")
	if err != nil {
		t.Fatal(err)
	}
	back, err := api.ConnectAt(ctx, user.ID, "fitbit", "http://localhost:3000/done", fitbit.Decision{AccountID: people[0].AccountID()})
	if err != nil || back.Query().Get("status") != "active" {
		t.Fatalf("the person came back to %v: %v", back, err)
	}
	id, err := api.Historical(ctx, user.ID, "fitbit", readDays)
	if err != nil {
		t.Fatal(err)
	}
	if sync, err := api.AwaitSync(ctx, user.ID, id); err != nil || sync.Status != string(events.SyncSuccess) {
		t.Fatalf("the history ended %+v: %v", sync, err)
	}
	return user
}

// settled are the workouts once the projector has folded every fact.
func settled(ctx context.Context, t *testing.T, api *client.Client, user client.User) []json.RawMessage {
	t.Helper()
	var before []json.RawMessage
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := api.Workouts(ctx, user.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(now) >= 30 && len(now) == len(before) {
			return now
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("only %d workouts became readable", len(now))
		}
	}
}

func (c *compose) checkRaw(ctx context.Context, t *testing.T, api *client.Client, workout json.RawMessage) {
	t.Helper()
	var w struct {
		ID         string `json:"id"`
		ExternalID string `json:"external_id"`
	}
	if err := json.Unmarshal(workout, &w); err != nil {
		t.Fatal(err)
	}
	var raw []byte
	if err := api.Call(ctx, http.MethodGet, "/workouts/"+w.ID+"/raw", nil, &raw); err != nil || !strings.Contains(string(raw), w.ExternalID) {
		t.Errorf("the raw record of %s: %v", w.ID, err)
	}
}

// checkAnalyst reads all facts and workouts as an analyst does.
func (c *compose) checkAnalyst(ctx context.Context, t *testing.T, workouts int) {
	t.Helper()
	nc, err := bus.Connect(ctx, c.secret(t, "nats_url_analyst"), "test", bustest.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js := analystJetStream(t, nc)
	for _, stream := range []string{events.StreamFacts, events.StreamChanges} {
		consumer, err := js.Consumer(ctx, stream, deployment.Analyst)
		if err != nil {
			t.Fatal(err)
		}
		expected := int(consumer.CachedInfo().NumPending)
		if expected < workouts {
			t.Errorf("%s holds %d messages for an analyst, and there are %d workouts", stream, expected, workouts)
		}
		batch, err := consumer.Fetch(expected, jetstream.FetchMaxWait(waittest.Bound(t)))
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for m := range batch.Messages() {
			got++
			if err := m.Ack(); err != nil || m.Headers().Get(events.HeaderType) == "" {
				t.Errorf("%s: a message without a type, or no acknowledgement: %v", stream, err)
			}
		}
		if got != expected || batch.Error() != nil {
			t.Errorf("%s: an analyst got %d of %d messages: %v", stream, got, expected, batch.Error())
		}
	}
}

func erase(ctx context.Context, t *testing.T, api *client.Client, user client.User) {
	t.Helper()
	var erasure struct {
		ID    string `json:"erasure_id"`
		State string `json:"state"`
	}
	if err := api.Call(ctx, http.MethodDelete, "/users/"+user.ID, nil, &erasure); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for erasure.State != "done" {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the erasure is %s", erasure.State)
		}
		if err := api.Call(ctx, http.MethodGet, "/erasures/"+erasure.ID, nil, &erasure); err != nil {
			t.Fatal(err)
		}
	}
	_, err := api.Workouts(ctx, user.ID, nil)
	var problem *client.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusNotFound {
		t.Errorf("after the erasure: %v", err)
	}
}

// checkPermissionsShowInLogs is the control of the search: a command with another
// service's user runs into its limits and says so.
func (c *compose) checkPermissionsShowInLogs(t *testing.T) {
	t.Helper()
	limited := c.command(t, "operator", "tail", "--from", "1")
	for i, variable := range limited.Env {
		if strings.HasPrefix(variable, "NATS_URL_FILE=") {
			limited.Env[i] = "NATS_URL_FILE=" + c.secrets + "/nats_url_gateway"
		}
	}
	// It tries for minutes; that it says what is missing is enough.
	out, said := io.Pipe()
	limited.Stdout, limited.Stderr = said, said
	if err := limited.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = said.CloseWithError(limited.Wait()) }()
	var printed strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&printed, lines.Text())
		if strings.Contains(strings.ToLower(lines.Text()), "permission") {
			_ = limited.Process.Kill()
			_, _ = io.Copy(io.Discard, out)
			return
		}
	}
	t.Errorf("the gateway's user reads the facts:\n%s", &printed)
}
