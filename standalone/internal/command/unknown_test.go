package command

import (
	"context"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// later is an event as a later program publishes it; its payload is of no shape that
// this one knows.
func later(payload string) events.Event {
	e := record(anna, "{}", 0)
	e.Data = &events.Unknown{Type: "stridelog.activity.fetched.v2", Payload: []byte(payload)}
	return e
}

func TestAnEventOfAnUnknownTypeIsExportedByteForByte(t *testing.T) {
	b := bustest.New(t)
	payloads := []string{`{"a" : 1.0}`, "no JSON"}
	for _, p := range payloads {
		bustest.Store(t, b, later(p))
	}
	code, out, said := exported(t, b, "--user", anna)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitOK || len(lines) != len(payloads) {
		t.Fatalf("exit code %d, %d lines: %s", code, len(lines), said)
	}
	for i, line := range lines {
		stored, err := events.ReadStructured([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if e, err := events.Decode(stored.Message); err != nil || !e.Unknown() || string(stored.Data) != payloads[i] {
			t.Errorf("line %d is %s: %v", i, line, err)
		}
	}
}

// until is a writer that ends something once a word was written.
type until struct {
	strings.Builder
	word string
	end  context.CancelFunc
}

func (u *until) Write(p []byte) (int, error) {
	n, err := u.Builder.Write(p)
	if strings.Contains(u.String(), u.word) {
		u.end()
	}
	return n, err
}

func TestTailPrintsEventsOfUnknownTypes(t *testing.T) {
	b := bustest.New(t)
	bustest.Store(t, b, later("of-tomorrow"))
	if _, err := b.Publish(t.Context(), record(anna, `{"of":"today"}`, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(waittest.Context(t))
	defer cancel()
	out := &until{word: "today", end: cancel}
	if err := (tailing{stream: events.StreamFacts, subject: events.UserSubjects(anna), from: 1, follow: true}).run(ctx, Process{Stdout: out}, b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "of-tomorrow") || !strings.Contains(out.String(), "today") {
		t.Errorf("tail printed %q", out.String())
	}
}
