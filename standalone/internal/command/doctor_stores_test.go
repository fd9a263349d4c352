package command

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
)

// monitor is the monitoring port of a NATS server that has something to say.
func monitor(t *testing.T, varz string) string {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/varz" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, varz)
	}))
	t.Cleanup(site.Close)
	return site.URL
}

const (
	syncsAlways = `{"jetstream":{"config":{"max_storage":30000000000,"sync_interval":120000000000,"sync_always":true},"stats":{"storage":1500000}}}`
	syncsSeldom = `{"jetstream":{"config":{"max_storage":1000000000,"sync_interval":120000000000},"stats":{"storage":900000000}}}`
)

func TestTheDoctorLooksAtTheStores(t *testing.T) {
	a := newStorePair(t)
	env := environ(t, "", "", a.dataDir)
	code, text := said(t, env, "", "doctor", "stores")
	embedded := []string{
		"ok    NATS is version 2.1", "It is embedded: every message is synced", "The folder of NATS has", "ok    The clock of NATS is this machine's",
		"Copies of each stream: STRIDELOG_FACTS 1, STRIDELOG_SYNCS 1", "ok    PostgreSQL is version", "fsync is off", "The folder of PostgreSQL has",
		"Standbys that follow it: 0", "ok    The clock of PostgreSQL is this machine's", "belong together",
	}
	// The PostgreSQL of tests does not sync, which the doctor has to find.
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
	hasAll(t, "found by the data directory", text, embedded)

	b := newStorePair(t)
	for monitorURL, want := range map[string][]string{
		"":                             {"warn  NATS does not tell its clients whether it syncs", "-> Set sync_interval: always", "how much disk is left it does not tell"},
		"off":                          {"NATS takes messages of 8.4 MB.", "how much disk is left it does not tell"},
		monitor(t, syncsAlways):        {"ok    NATS syncs every message", "JetStream holds 1.5 MB and may store 30 GB more"},
		monitor(t, syncsSeldom):        {"warn  NATS syncs to disk every 2m0s only", "warn  JetStream holds 900 MB and may store 100 MB more"},
		"http://user:pa55@127.0.0.1:1": {"warn  Whether NATS syncs what it acknowledges is not known: ask NATS at 127.0.0.1:1"},
	} {
		env := environ(t, b.databaseURL, b.natsURL, t.TempDir())
		env["NATS_MONITOR_URL"] = monitorURL
		_, text := said(t, env, "", "doctor", "stores")
		hasAll(t, "with the monitor "+monitorURL, text, want)
		if strings.Contains(text, "pa55") {
			t.Errorf("it shows a password:\n%s", text)
		}
	}
	before := a.state(t) + b.state(t)
	code, text = said(t, environ(t, a.databaseURL, b.natsURL, t.TempDir()), "", "doctor", "stores")
	if code != exitFailed || !strings.Contains(text, "fail  This database and this NATS do not belong together") {
		t.Errorf("of two systems: exit %d\n%s", code, text)
	}
	if a.state(t)+b.state(t) != before {
		t.Error("the doctor changed something")
	}
	if code, text := said(t, env, "", "doctor", "stores", "now"); code != exitUsage {
		t.Errorf("with an argument: exit %d\n%s", code, text)
	}
}

func hasAll(t *testing.T, when, text string, want []string) {
	t.Helper()
	for _, one := range want {
		if !strings.Contains(text, one) {
			t.Errorf("%s it does not say %q:\n%s", when, one, text)
		}
	}
}

// A service on a NATS server of one's own says at its start what can lose records; on
// one that is set up well it says nothing.
func TestAServiceWarnsOfANATSServerThatCanLoseRecords(t *testing.T) {
	for _, c := range []struct {
		payload    int32
		monitorURL string
		warnings   []string
	}{
		{1 << 20, monitor(t, syncsSeldom), []string{"messages of 1 MB at most", "max_payload: 8MB", "syncs to disk every 2m0s only", "sync_interval: always"}},
		{8 << 20, "", []string{"does not tell its clients whether it syncs", "sync_interval: always", "NATS_MONITOR_URL"}},
		{8 << 20, monitor(t, syncsAlways), nil},
		{8 << 20, "off", nil},
	} {
		server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), MaxPayload: c.payload, Log: bustest.Logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Stop()
		env := environ(t, postgrestest.URL(t), server.URL(), t.TempDir())
		env["NATS_MONITOR_URL"] = c.monitorURL
		_, text := said(t, env, "Stridelog serves on", "serve")
		hasAll(t, "with "+c.monitorURL, text, c.warnings)
		if c.warnings == nil && (strings.Contains(text, "sync_interval") || strings.Contains(text, "max_payload")) {
			t.Errorf("with nothing to say it says\n%s", text)
		}
		if strings.Count(text, "sync_interval: always") > 1 {
			t.Errorf("it says it more than once:\n%s", text)
		}
	}
}
