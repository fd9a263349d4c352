package command

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
)

// tailed runs tail with NATS_URL alone, as an analyst who has nothing else.
func tailed(ctx context.Context, t *testing.T, b *bus.Bus, stdout *watched, args ...string) (code int, said string) {
	t.Helper()
	var stderr bytes.Buffer
	env := map[string]string{"NATS_URL": b.Conn().ConnectedUrl(), "STRIDELOG_DATA_DIR": t.TempDir()}
	code = Run(ctx, append([]string{"tail"}, args...), Process{
		Stdout: stdout, Stderr: &stderr, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	return code, stderr.String()
}

func TestTailPrintsWhatIsAskedFor(t *testing.T) {
	b := bustest.New(t)
	// Odd sequences are of anna, even ones of ben.
	for i := range 10 {
		bustest.Store(t, b, record([]string{anna, ben}[i%2], fmt.Sprintf(`{"n":%d}`, i+1), i))
	}
	for call, want := range map[string]string{
		"--all --count 3":                                                       "1 2 3",
		"--all --follow=false":                                                  "1 2 3 4 5 6 7 8 9 10",
		"--last 3 --follow=false":                                               "8 9 10",
		"--last 100 --follow=false":                                             "1 2 3 4 5 6 7 8 9 10",
		"--last 1 --count 1":                                                    "10",
		"--last 2 --follow=false --user " + anna:                                "7 9",
		"--last 2 --follow=false --user " + strings.ToUpper(anna):               "7 9",
		"--from 7 --count 2":                                                    "7 8",
		"--from 7 --count 2 --user " + ben:                                      "8 10",
		"--all --kind activity --count 2 --user " + ben:                         "2 4",
		"--all --kind workout --follow=false":                                   "",
		"--all --kind record --follow=false":                                    "",
		"--all --kind chunk --follow=false":                                     "",
		"--all --stream facts --count 1":                                        "1",
		"--all --stream STRIDELOG_FACTS --count 1":                              "1",
		"--all --stream dead-letters --follow=false":                            "",
		"--last 2 --subject stridelog.activity.*.*." + anna + " --follow=false": "7 9",
		"--follow=false":                                                        "",
	} {
		out := &watched{}
		code, said := tailed(t.Context(), t, b, out, strings.Fields(call)...)
		var got []string
		for line := range strings.Lines(out.String()) {
			number, _, _ := strings.Cut(line, " ")
			got = append(got, number)
		}
		if code != exitOK || strings.Join(got, " ") != want {
			t.Errorf("tail %s: exit %d, printed %v, want %s\n%s", call, code, got, want, said)
		}
	}
}

// Records and chunks are found by these words, among the facts and by their person.
func TestTailPrintsRecordsOfEveryKind(t *testing.T) {
	b := bustest.New(t)
	bustest.Store(t, b, record(anna, `{}`, 0))
	for _, user := range []string{anna, ben} {
		gone := events.RecordRemoved{UserID: user, Provider: "fitbit", Kind: "probe", ExternalID: "1", Origin: events.OriginAPI, Proof: events.RemovedNotFound, RemovedAt: time.Unix(1, 0)}
		for _, data := range []events.Data{&gone, &events.ChunkRemoved{RecordRemoved: gone}} {
			bustest.Store(t, b, events.Event{ID: events.NewID(), Source: "stridelog/poller", Time: gone.RemovedAt, Provider: "fitbit", UserID: user, Data: data})
		}
	}
	for call, want := range map[string][]string{
		"--kind record":                {"2 stridelog.record.removed", "4 stridelog.record.removed"},
		"--kind chunk --user " + ben:   {"5 stridelog.chunk.removed"},
		"--stream facts --user " + ben: {"4 stridelog.record.removed", "5 stridelog.chunk.removed"},
		"--kind activity":              {"1 stridelog.activity.fetched"},
	} {
		out := &watched{}
		code, said := tailed(t.Context(), t, b, out, append(strings.Fields(call), "--all", "--follow=false")...)
		var got []string
		for line := range strings.Lines(out.String()) {
			words := strings.Fields(line)
			got = append(got, words[0]+" "+strings.Join(strings.Split(words[2], ".")[:3], "."))
		}
		if code != exitOK || !slices.Equal(got, want) {
			t.Errorf("tail %s: exit %d, printed %q, want %q\n%s", call, code, got, want, said)
		}
	}
}

// A line of JSON has the whole event with its place, and the record byte for byte.
func TestTailPrintsCloudEventsThatCanBeReadBack(t *testing.T) {
	b := bustest.New(t)
	for i, raw := range awkward() {
		bustest.Store(t, b, record(anna, raw, i))
	}
	out := &watched{}
	if code, said := tailed(t.Context(), t, b, out, "--all", "--json", "--follow=false"); code != exitOK {
		t.Fatal(said)
	}
	checkAwkward(t, out.String(), 1)
}

// Without --json an event is one line, too, however its provider laid it out.
func TestTailPrintsAnEventALine(t *testing.T) {
	b := bustest.New(t)
	for i, raw := range awkward() {
		bustest.Store(t, b, record(anna, raw, i))
	}
	out := &watched{}
	if code, said := tailed(t.Context(), t, b, out, "--all", "--follow=false"); code != exitOK {
		t.Fatal(said)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(awkward()) {
		t.Fatalf("%d lines, want %d", len(lines), len(awkward()))
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, fmt.Sprintf("%d ", i+1)) || strings.Contains(line, "\r") {
			t.Errorf("line %d is %q", i, line)
		}
	}
	if !strings.Contains(lines[0], `{"a":1,"b":[]}`) {
		t.Errorf("an indented record is %s", lines[0])
	}
	if got := string(oneLine([]byte("no\r\njson\n"))); got != "no json" {
		t.Errorf("what is no JSON is %q", got)
	}
}

// Without a beginning it prints what comes from now on, and ends when it is stopped.
func TestTailFollows(t *testing.T) {
	b := bustest.New(t)
	bustest.Store(t, b, record(anna, `{"n":1}`, 0))
	ctx, stop := context.WithCancel(waittest.Context(t))
	defer stop()
	out := &watched{enough: `{"n":3}`, seen: stop}
	ended := make(chan int)
	go func() {
		code, _ := tailed(ctx, t, b, out, "--last", "1", "--user", anna)
		ended <- code
	}()
	waittest.State(t, "tail prints what was there", func() (string, bool) {
		text := out.String()
		return text, strings.Contains(text, `{"n":1}`)
	})
	bustest.Store(t, b, record(ben, `{"n":2}`, 1))
	bustest.Store(t, b, record(anna, `{"n":3}`, 2))
	if code := <-ended; code != exitOK || !regexp.MustCompile(`(?s)^1 .*\n3 .*\n$`).MatchString(out.String()) {
		t.Errorf("exit %d, printed %s", code, out.String())
	}
}
