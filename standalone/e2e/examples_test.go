package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// The repository's root, and what make prepares in it for these tests.
const (
	root       = "../.."
	pythonPath = root + "/bin/python/bin/python"
)

// example is a consumer of standalone/examples.
type example struct {
	durable string
	argv    []string // its table is the last argument
	once    string
	read    func(t *testing.T, file string) map[string]json.RawMessage
}

// TestTheExamplesAgreeWithREST kills each example twice, changes what it has read
// while it is dead, and lets it go on from its position.
func TestTheExamplesAgreeWithREST(t *testing.T) {
	w := newWorld(t)
	c := w.startWith(t, installation.Options{
		Log: testLog(t), Rescan: []poller.Scan{{Span: 10 * day, Every: time.Second}},
		Change: func(c *config.Config) { c.Poll.RemovalConfirm, c.Poll.Jitter = time.Second, 100*time.Millisecond },
	}).Client
	examples := []example{goExample(t), pythonExample(t)}
	first := make([]*process, len(examples))
	for i, e := range examples {
		first[i] = e.start(t, w)
	}
	user := w.connect(t, c, w.people[0])
	for i, e := range examples {
		first[i].await(t, `\d+ events`)
		kill(first[i]) // in the middle, or nearly
		again := e.start(t, w)
		w.awaitPosition(t, "STRIDELOG_CHANGES", e.durable)
		kill(again)
	}
	w.change(t, c, user, w.people[0])
	second := w.connect(t, c, w.people[1])
	served := w.served(t, c, user, second)

	total := w.lastSequence(t, "STRIDELOG_CHANGES")
	for _, e := range examples {
		last := e.start(t, w, e.once)
		<-last.exited
		printed, _ := last.out.read()
		if code := last.cmd.ProcessState.ExitCode(); code != 0 {
			t.Fatalf("%s ended with %d: %s", e.durable, code, printed)
		}
		if read := eventsRead(printed); read == 0 || read >= total {
			t.Errorf("%s read %d of %d events after its second death: its position did not last", e.durable, read, total)
		}
		table := e.read(t, e.argv[len(e.argv)-1])
		if got, want := slices.Sorted(maps.Keys(table)), slices.Sorted(maps.Keys(served)); !slices.Equal(got, want) {
			t.Errorf("%s has %d workouts, %d are served", e.durable, len(got), len(want))
		}
		for id, want := range served {
			if got := sourced(members(t, table[id], "details")); !reflect.DeepEqual(got, members(t, want, "open_wearables_type", "duplicate_of", "created_at", "updated_at")) {
				t.Errorf("%s: workout %s\n  has    %s\n  served %s", e.durable, id, table[id], want)
			}
		}
	}
}

func goExample(t *testing.T) example {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "go-consumer")
	if out, err := exec.Command("go", "build", "-o", path, "../examples/go-consumer").CombinedOutput(); err != nil {
		t.Fatalf("build the Go example: %v: %s", err, out)
	}
	return example{
		durable: "go-example", argv: []string{path, "-file", filepath.Join(dir, "workouts.json")}, once: "-once",
		read: func(t *testing.T, file string) map[string]json.RawMessage {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var rows map[string]struct {
				Workout json.RawMessage `json:"workout"`
			}
			if err := json.Unmarshal(text, &rows); err != nil {
				t.Fatal(err)
			}
			table := map[string]json.RawMessage{}
			for id, row := range rows {
				if row.Workout != nil {
					table[id] = row.Workout
				}
			}
			return table
		},
	}
}

func pythonExample(t *testing.T) example {
	t.Helper()
	if _, err := os.Stat(pythonPath); err != nil {
		t.Fatalf("Python with nats-py is not there: run make test, or make python: %v", err)
	}
	const dump = `import json, sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("SELECT workout_id, workout FROM workouts WHERE workout IS NOT NULL")
print(json.dumps({i: json.loads(w) for i, w in rows}))`
	return example{
		durable: "python-example", once: "--once",
		argv: []string{pythonPath, "../examples/python-consumer/consumer.py", "--database", filepath.Join(t.TempDir(), "workouts.db")},
		read: func(t *testing.T, file string) map[string]json.RawMessage {
			text, err := exec.Command(pythonPath, "-c", dump, file).Output()
			if err != nil {
				t.Fatal(err)
			}
			var table map[string]json.RawMessage
			if err := json.Unmarshal(text, &table); err != nil {
				t.Fatal(err)
			}
			return table
		},
	}
}

func (e example) start(t *testing.T, w *world, options ...string) *process {
	t.Helper()
	args := slices.Concat(e.argv[1:len(e.argv)-2], options, e.argv[len(e.argv)-2:])
	return startCommand(t, []string{"NATS_URL=" + w.natsURL}, e.argv[0], args...)
}

func kill(p *process) {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// eventsRead adds up what an example printed.
func eventsRead(printed string) (sum uint64) {
	for _, m := range regexp.MustCompile(`(\d+) events`).FindAllStringSubmatch(printed, -1) {
		n, _ := strconv.ParseUint(m[1], 10, 64) // digits
		sum += n
	}
	return sum
}

func (w *world) lastSequence(t *testing.T, stream string) uint64 {
	t.Helper()
	s, err := w.jetStream(t).Stream(deadline(t), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// awaitPosition waits until a durable consumer has acknowledged the whole stream.
func (w *world) awaitPosition(t *testing.T, stream, durable string) {
	t.Helper()
	ctx := deadline(t)
	last := w.lastSequence(t, stream)
	for {
		consumer, err := w.jetStream(t).Consumer(ctx, stream, durable)
		if err != nil {
			t.Fatal(err)
		}
		if i := consumer.CachedInfo(); i.NumPending == 0 && i.NumAckPending == 0 && i.Delivered.Stream >= last {
			return
		}
		wait(t, ctx, "%s to reach %d: %+v", durable, last, consumer.CachedInfo())
	}
}

// change edits one recent workout, deletes another, and waits until both show.
func (w *world) change(t *testing.T, c *client.Client, user client.User, person *simulator.Person) {
	t.Helper()
	recent := w.settledTruths(person)
	if len(recent) < 2 {
		t.Fatalf("%s has only %d workouts of the last days", person.Name(), len(recent))
	}
	edited, deleted := recent[0].ExternalID, recent[1].ExternalID
	const kcal = 4321
	if err := w.cloud.Edit(person.AccountID(), edited, func(truth *simulator.Truth) { n := kcal; truth.CaloriesKcal = &n }); err != nil {
		t.Fatal(err)
	}
	if err := w.cloud.Delete(person.AccountID(), deleted); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	for {
		list, err := c.Workouts(ctx, user.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := byExternalID(t, list)
		var now struct {
			Calories float64 `json:"calories_kcal"`
		}
		if err := json.Unmarshal(all[edited], &now); err != nil {
			t.Fatal(err)
		}
		if _, there := all[deleted]; !there && now.Calories == kcal {
			return
		}
		wait(t, ctx, "the edit and the deletion")
	}
}

// settledTruths are workouts well inside the window that is read again.
func (w *world) settledTruths(person *simulator.Person) (list []simulator.Truth) {
	now := time.Now()
	for _, truth := range w.cloud.Truth(person.AccountID()) {
		if truth.Start.After(now.Add(-8*day)) && truth.Start.Before(now.Add(-day)) {
			list = append(list, truth)
		}
	}
	return list
}

// served is what REST serves of these people, by workout id, once everything
// about it was announced.
func (w *world) served(t *testing.T, c *client.Client, users ...client.User) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	for i, user := range users {
		for _, raw := range w.workouts(t, c, user, w.people[i]) {
			all[workoutID(t, raw)] = raw
		}
	}
	w.awaitPosition(t, "STRIDELOG_FACTS", "projector-facts")
	return all
}

// sourced fills the source of an event's workout as REST does.
func sourced(workout map[string]any) map[string]any {
	if source, ok := workout["source"].(map[string]any); ok {
		for member, from := range map[string]string{"source": "provider", "device": "device_name"} {
			if source[member] == nil {
				source[member] = source[from]
			}
		}
	}
	return workout
}

// members are those of a workout without those that only one side has.
func members(t *testing.T, raw []byte, without ...string) map[string]any {
	t.Helper()
	var all map[string]any
	if raw == nil {
		return nil
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range without {
		delete(all, name)
	}
	return all
}
