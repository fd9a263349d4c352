package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/waittest"
)

// TestTheWatermillExampleLosesNothing kills the NATS server and the example while events
// come in: in the end its file has every one of them, each once.
func TestTheWatermillExampleLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "watermill-consumer")
	if out, err := exec.Command("go", "build", "-o", path, "../examples/watermill-consumer").CombinedOutput(); err != nil {
		t.Fatalf("build the Watermill example: %v: %s", err, out)
	}
	file := filepath.Join(dir, "events.ndjson")
	server := startNATS(t)
	published := map[string]bool{}
	publish := func() {
		t.Helper()
		nc, err := bus.Connect(deadline(t), server.url(), "announcer", testLog(t))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		b, err := bus.New(nc, testLog(t))
		if err == nil {
			err = b.DeclareStreams(deadline(t))
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			e := announcement()
			if err := b.PublishAll(deadline(t), []events.Event{e}); err != nil {
				t.Fatal(err)
			}
			published[e.ID] = true
		}
	}
	start := func() *process {
		return startCommand(t, []string{"NATS_URL=" + server.url()}, path, "-file", file, "-handling", "2s")
	}
	publish()
	consumer := start()
	consumer.await(t, `\d+ events`)
	publish()
	server.kill() // with an event at the example, which has not acknowledged it
	server.start(t)
	publish()
	kill(consumer)
	publish()
	consumer = start()
	consumer.await(t, `\d+ events`)
	server.kill()
	server.start(t)
	publish()

	var kept map[string]int
	waittest.Until(t, "the example has every event", func() bool {
		kept = keptEvents(t, file)
		return len(kept) >= len(published)
	})
	for id := range published {
		if kept[id] != 1 {
			t.Errorf("event %s is kept %d times", id, kept[id])
		}
	}
	if len(kept) != len(published) {
		t.Errorf("%d events are kept, %d were published", len(kept), len(published))
	}
}

// keptEvents counts the whole lines of the example's file by event.
func keptEvents(t *testing.T, file string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]int{}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		var event struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("a line of the example: %v", err)
		}
		kept[event.ID]++
	}
	return kept
}
