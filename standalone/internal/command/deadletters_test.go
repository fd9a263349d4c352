package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// deadLettersOn calls the command on a NATS server.
func deadLettersOn(t *testing.T, natsURL string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	environment := map[string]string{"NATS_URL": natsURL, "DATABASE_URL": postgrestest.URL(t), "STRIDELOG_DATA_DIR": t.TempDir()}
	code = Run(t.Context(), append([]string{"dead-letters"}, args...), Process{
		Env:    func(name string) (string, bool) { v, ok := environment[name]; return v, ok },
		Stdout: &out, Stderr: &errs,
	})
	return code, out.String(), errs.String()
}

func TestDeadLettersAreListedAndRequeued(t *testing.T) {
	natsURL := bustest.StartServer(t)
	b := bustest.Connect(t, natsURL, "test")
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := deadLettersOn(t, natsURL, "list"); code != exitOK || !strings.Contains(out, "no dead letters") {
		t.Errorf("an empty list exits %d with %q", code, out)
	}
	var broken atomic.Bool
	broken.Store(true)
	router, err := b.NewRouter("poller", bustest.Logger(t), bus.Handler{
		Name: "test", Stream: events.StreamFacts, Handle: func(context.Context, bus.Delivery) error {
			if broken.Load() {
				return bus.Permanent(errors.New("out of order"))
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- router.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-ready
	for range 3 {
		e := events.Event{ID: events.NewID(), Source: "test", About: "c", Time: time.Now(), Provider: "fitbit", UserID: anna,
			Data: &events.ConnectionActivated{ConnectionID: ben, UserID: anna, Provider: "fitbit", Scopes: []string{}, ActivatedAt: time.Now()}}
		if _, err := b.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	waittest.State(t, "three dead letters are there", func() (string, bool) {
		_, total, err := b.DeadLetters(t.Context(), bus.DeadLetterQuery{Limit: 1})
		return fmt.Sprintf("%d are there, error %v", total, err), err == nil && total == 3
	})
	code, out, _ := deadLettersOn(t, natsURL, "list")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != exitOK || len(lines) != 4 || !strings.Contains(lines[1], "out of order") || !strings.Contains(lines[1], "STRIDELOG_FACTS 3") {
		t.Errorf("the list exits %d with\n%s", code, out)
	}
	code, out, errs := deadLettersOn(t, natsURL, "requeue", "--all")
	if code != exitFailed || !strings.Contains(out, "Requeued 0 of 3") || strings.Count(errs, "out of order") != 3 {
		t.Errorf("while the handler fails it exits %d with\n%s%s", code, out, errs)
	}
	broken.Store(false)
	if code, out, _ := deadLettersOn(t, natsURL, "requeue", "2"); code != exitOK || !strings.Contains(out, "2: poller handled event 2 of STRIDELOG_FACTS") {
		t.Errorf("one requeue exits %d with\n%s", code, out)
	}
	if code, out, _ := deadLettersOn(t, natsURL, "requeue", "2"); code != exitOK || !strings.Contains(out, "no such dead letter") {
		t.Errorf("the same again exits %d with\n%s", code, out)
	}
	if code, out, _ := deadLettersOn(t, natsURL, "drop", "1", "--reason", "a test account"); code != exitOK || !strings.Contains(out, "1: dropped; its record is 4") || !strings.Contains(out, "Dropped 1 of 1") {
		t.Errorf("a drop exits %d with\n%s", code, out)
	}
	if code, out, _ := deadLettersOn(t, natsURL, "drop", "--reason=again", "1", "4"); code != exitOK || !strings.Contains(out, "1: there is no such") || !strings.Contains(out, "4: it is dropped already") {
		t.Errorf("the same again exits %d with\n%s", code, out)
	}
	code, out, _ = deadLettersOn(t, natsURL, "list")
	if open, dropped, ok := strings.Cut(out, "Dropped, and not counted as open:"); code != exitOK || !ok || strings.Count(open, "out of order") != 1 || strings.Contains(open, "a test account") || strings.Join(strings.Fields(dropped)[len(strings.Fields(dropped))-6:], " ") != "a test account out of order" {
		t.Errorf("the list exits %d with\n%s", code, out)
	}
	if code, out, _ := deadLettersOn(t, natsURL, "requeue", "4"); code != exitOK || !strings.Contains(out, "4: poller handled event 1 of STRIDELOG_FACTS") {
		t.Errorf("the requeue of a record exits %d with\n%s", code, out)
	}
	if code, out, _ := deadLettersOn(t, natsURL, "requeue", "--all"); code != exitOK || !strings.Contains(out, "Requeued 1 of 1") {
		t.Errorf("all exits %d with\n%s", code, out)
	}
}

func TestDeadLettersRefusesWrongCalls(t *testing.T) {
	for _, args := range [][]string{{}, {"show"}, {"list", "x"}, {"requeue"}, {"requeue", "x"}, {"requeue", "0"}, {"requeue", "--all", "1"}, {"drop"}, {"drop", "1"}, {"drop", "--reason", "x"}, {"drop", "x", "--reason", "x"}, {"drop", "1", "--reason", " "}} {
		if code, _, errs := deadLettersOn(t, "nats://127.0.0.1:1", args...); code != exitUsage || !strings.Contains(errs, "requeue SEQUENCE") {
			t.Errorf("%v exits %d with %q", args, code, errs)
		}
	}
}
