package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/stridelog/stridelog/platform/porttest"
)

// What operators are told to watch (docs/operations.md), by the service that shows it.
func watched() map[string][]string {
	everywhere := []string{
		"stridelog_build_info", "stridelog_check_ok", "stridelog_nats_connected", "stridelog_nats_reconnects_total",
		"stridelog_postgres_pool_used_connections", "stridelog_postgres_pool_wait_seconds_total", "go_goroutines", "process_open_fds",
	}
	of := func(names ...string) []string { return append(slices.Clone(everywhere), names...) }
	return map[string][]string{
		"gateway": of("stridelog_http_request_duration_seconds", "stridelog_rpc_duration_seconds", "stridelog_dead_letters_open", "stridelog_erasures_open", "stridelog_erasures_oldest_age_seconds"),
		"oauth":   of("stridelog_oauth_connections", "stridelog_oauth_consents_total", "stridelog_oauth_refreshes_total", "stridelog_provider_request_duration_seconds"),
		"poller": of("stridelog_poller_runs_total", "stridelog_poller_provider_requests_total", "stridelog_poller_activities_published_total",
			"stridelog_poller_budget_remaining", "stridelog_provider_request_duration_seconds", "stridelog_rpc_duration_seconds",
			"stridelog_consumer_pending_events", "stridelog_consumer_lag_seconds"),
		"projector": of("stridelog_projector_facts_total", "stridelog_projector_announced_total", "stridelog_projector_batch_size",
			"stridelog_projector_unknown_facts", "stridelog_projector_layout", "stridelog_projector_rebuild_sequence", "stridelog_projector_rebuild_target_sequence",
			"stridelog_projector_rebuild_progress_timestamp_seconds", "stridelog_projector_rebuild_failures_total",
			"stridelog_consumer_pending_events", "stridelog_consumer_lag_seconds"),
	}
}

// TestEachServiceTellsHowItDoes asks every process of a system for what operators
// and orchestrators ask, and holds the metrics to promtool's linter.
func TestEachServiceTellsHowItDoes(t *testing.T) {
	w := newWorld(t)
	addr := porttest.Address(t)
	env := w.environment(t, addr)
	at := map[string]string{"gateway": addr}
	for _, service := range []string{"oauth", "poller", "projector"} {
		at[service] = porttest.Address(t)
		startProcess(t, append(slices.Clone(env), "OPERATIONS_ADDR="+at[service]), service)
	}
	startProcess(t, env, "gateway")
	for _, address := range at {
		awaitReady(t, address)
	}
	c := clientAt(addr)
	person := w.people[0]
	user := w.connect(t, c, person)
	w.workouts(t, c, user, person)
	if err := w.cloud.ExpireAccessTokens(person.AccountID()); err != nil {
		t.Fatal(err)
	}
	if id, err := c.Historical(deadline(t), user.ID, "fitbit", 3); err != nil {
		t.Fatal(err)
	} else if _, err := c.AwaitSync(deadline(t), user.ID, id); err != nil {
		t.Fatal(err)
	}

	for service, names := range watched() {
		site := "http://" + at[service]
		if status, body := fetch(t, site+"/healthz"); status != http.StatusOK || !strings.Contains(body, `"ok"`) {
			t.Errorf("%s: /healthz answers %d %s", service, status, body)
		}
		checkReadiness(t, service, site)
		_, metrics := fetch(t, site+"/metrics")
		checkMetrics(t, service, metrics, names)
		for _, secret := range []string{user.ID, person.AccountID()} {
			if strings.Contains(metrics, secret) {
				t.Errorf("%s: the metrics name a person: %s", service, secret)
			}
		}
	}
	if _, metrics := fetch(t, "http://"+at["oauth"]+"/metrics"); !strings.Contains(metrics, `stridelog_oauth_connections{provider="fitbit",status="active"} 1`) {
		t.Error("the one connection is not counted as active")
	}
	askHealthCommand(t, at["poller"])
}

// awaitReady waits as an orchestrator does: until a process that has just started
// listens and says that it is ready.
func awaitReady(t *testing.T, addr string) {
	t.Helper()
	ctx := deadline(t)
	for {
		answer, err := http.Get("http://" + addr + "/readyz")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		wait(t, ctx, "%s is ready: %v", addr, err)
	}
}

func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// checkReadiness waits until the consumers have caught up and have said so.
func checkReadiness(t *testing.T, service, site string) {
	t.Helper()
	want := map[string]string{"database": "ok", "nats": "ok", "log": "ok", "consumers": "ok"}
	const caughtUp = "0 events behind, the oldest for 0s"
	switch service {
	case "gateway":
		want["oauth"], want["poller"], want["projector"] = "ok", "ok", "ok"
	case "poller":
		want["poller"], want["consumer poller_connections"], want["consumer poller_syncs"] = "ok", caughtUp, caughtUp
	case "projector":
		want["workout tables"], want["projector"], want["consumer projector-facts"], want["consumer projector-syncs"] = "ok", "ok", caughtUp, caughtUp
	case "oauth":
		want["oauth"] = "ok"
	}
	ctx := deadline(t)
	for {
		status, body := fetch(t, site+"/readyz?verbose")
		var report struct {
			Status string            `json:"status"`
			Checks map[string]string `json:"checks"`
		}
		if err := json.Unmarshal([]byte(body), &report); err != nil {
			t.Fatalf("%s: /readyz answers %s: %v", service, body, err)
		}
		missing := ""
		for name, says := range want {
			if report.Checks[name] != says {
				missing = name
			}
		}
		if status == http.StatusOK && report.Status == "ready" && missing == "" && len(report.Checks) == len(want) {
			return
		}
		wait(t, ctx, "%s says of %q: %s", service, missing, body)
	}
}

func checkMetrics(t *testing.T, service, text string, names []string) {
	t.Helper()
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^` + name + `(_count)?[{ ]`).MatchString(text) {
			t.Errorf("%s: there is no %s", service, name)
		}
	}
	guide, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, help := range regexp.MustCompile(`(?m)^# HELP (stridelog_\S+)`).FindAllStringSubmatch(text, -1) {
		if !bytes.Contains(guide, []byte("`"+help[1]+"`")) {
			t.Errorf("%s: docs/operations.md does not say when %s is a reason to act", service, help[1])
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatalf("%s: the metrics cannot be read: %v", service, err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s: %s", service, p.Metric, p.Text)
	}
	// The control: the same linter finds a name that is against the rules.
	problems, err = promlint.New(strings.NewReader(text + "# TYPE stridelog_lag_minutes counter\nstridelog_lag_minutes 1\n")).Lint()
	if err != nil || len(problems) == 0 {
		t.Errorf("%s: the linter does not see the planted fault (%v)", service, err)
	}
}

// askHealthCommand asks as a container's health check does.
func askHealthCommand(t *testing.T, addr string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for at, ready := range map[string]bool{addr: true, porttest.Address(t): false} {
		command := exec.Command(path, "health")
		command.Env = []string{"OPERATIONS_ADDR=" + at, "HOME=" + t.TempDir()}
		out, err := command.CombinedOutput()
		if (err == nil) != ready || bytes.Contains(out, []byte("ready\n")) != ready {
			t.Errorf("health of %s: %v, %s", at, err, out)
		}
	}
}
