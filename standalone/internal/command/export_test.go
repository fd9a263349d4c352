package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

const (
	anna = "11111111-2222-4333-8444-555555555555"
	ben  = "22222222-2222-4333-8444-555555555555"
)

// checkAwkward wants the awkward records of anna as CloudEvents, one a line, at each
// step-th sequence of the log from 1 on.
func checkAwkward(t *testing.T, text string, step int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != len(awkward()) {
		t.Fatalf("%d lines, want %d", len(lines), len(awkward()))
	}
	for i, line := range lines {
		stored, err := events.ReadStructured([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		e, err := events.Decode(stored.Message)
		if err != nil {
			t.Fatal(err)
		}
		fact, ok := e.Data.(*events.ActivityFetched)
		if !ok || fact.UserID != anna || stored.Stream != events.StreamFacts || stored.Sequence != uint64(step*i+1) || string(fact.Raw) != awkward()[i] {
			t.Errorf("line %d is %s", i, line)
		}
	}
}

// awkward are records that a re-encoding would change.
func awkward() []string {
	return []string{
		"{ \"a\" :\t1 ,\r\n\"b\":[ ] }", " {\"a\":1}\n", `{"distance":1.0,"e":1e2}`, `{"name":"<Tom & Jerry>"}`,
		"{\"name\":\"a\u2028b\"}", `{"name":"a\u2028b"}`, `{"logId":2471190346655808113}`, "\ufeff{\"a\":1}", `{"a":1,"a":2}`,
		`<html>502 & more</html>`, "{\"a\":\"\xff\"}", "",
	}
}

func record(user string, raw string, i int) events.Event {
	at := time.Date(2026, 5, 1, 0, 0, i, 0, time.UTC)
	return events.Event{
		ID: events.NewID(), Source: "stridelog/test", About: "1", Time: at, Provider: "fitbit", UserID: user,
		Data: &events.ActivityFetched{
			UserID: user, Provider: "fitbit", ExternalID: "1", Format: "test.v1", ContentHash: "sha256:00", HashVersion: 1,
			Origin: events.OriginAPI, FetchedAt: at, Raw: events.Raw(raw),
		},
	}
}

// exported runs the command and gives the exit code and what it says.
func exported(t *testing.T, b *bus.Bus, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := map[string]string{"NATS_URL": b.Conn().ConnectedUrl(), "DATABASE_URL": "postgres://127.0.0.1:1/unused", "STRIDELOG_DATA_DIR": t.TempDir()}
	code = Run(t.Context(), append([]string{"export"}, args...), Process{
		Stdout: &stdout, Stderr: &stderr, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	return code, stdout.String(), stderr.String()
}

func TestAnExportGivesEveryRecordBackByteForByte(t *testing.T) {
	b := bustest.New(t)
	for i, raw := range awkward() {
		for _, e := range []events.Event{record(anna, raw, i), record(ben, "{}", i)} {
			if _, err := b.Publish(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "anna.ndjson")
	if code, _, said := exported(t, b, "--user", strings.ToUpper(anna), "--out", file); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to others: %v, %v", info, err)
	}
	if code, out, said := exported(t, b, "--user", anna); code != 0 || out != string(text) {
		t.Errorf("standard output gets something else: %d, %s", code, said)
	}
	checkAwkward(t, string(text), 2)
}

func TestAnExportOverwritesNothingAndLeavesNothingBroken(t *testing.T) {
	b := bustest.New(t)
	file := filepath.Join(t.TempDir(), "x")
	if code, _, said := exported(t, b, "--user", anna, "--out", file); code != exitFailed || !strings.Contains(said, "nothing of user "+anna) {
		t.Errorf("nobody's export: %d, %s", code, said)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a file is left: %v", err)
	}
	if _, err := b.Publish(t.Context(), record(anna, "{}", 0)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, said := exported(t, b, "--user", anna, "--out", file); code != exitFailed || !strings.Contains(said, "exists") {
		t.Errorf("over a file: %d, %s", code, said)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file holds %q: %v", text, err)
	}
	if code, _, _ := exported(t, b); code != exitUsage {
		t.Errorf("without a user: exit code %d", code)
	}
}
