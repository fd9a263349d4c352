package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

// The examples work with an analyst's rights: the position that the operator made,
// another API prefix, an inbox of their own.
func TestTheExamplesReadAsAnAnalyst(t *testing.T) {
	i := newInstallation(t)
	operator := operatorJetStream(t, i.members(t)[deployment.Operator].nc)
	const event = `{"workout_id":"w","user_id":"u","version":7,"workout":{"name":"Run"}}`
	consumer := filepath.Join(t.TempDir(), "go-consumer")
	if out, err := exec.Command("go", "build", "-o", consumer, "../examples/go-consumer").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, program := range map[string]struct {
		path, options, prints string
		args                  []string
	}{
		"Go": {consumer, "-once -durable analyst -api-prefix stridelog.api -inbox-prefix _INBOX_analyst", "1 events, 1 workouts",
			[]string{"-file", filepath.Join(t.TempDir(), "workouts.json")}},
		"Python": {"../../bin/python/bin/python", "--once --durable analyst --api-prefix stridelog.api --inbox-prefix _INBOX_analyst", "1 events, 1 workouts",
			[]string{"../examples/python-consumer/consumer.py", "--database", filepath.Join(t.TempDir(), "workouts.db")}},
		"nats": {"../../bin/nats-v0.5.1", "--js-api-prefix stridelog.api --inbox-prefix _INBOX_analyst", "Acknowledged message",
			[]string{"consumer", "next", "STRIDELOG_CHANGES", "analyst"}},
	} {
		// Programs under one name share the work: one event for each.
		if _, err := operator.Publish(t.Context(), "stridelog.workout.recorded"+person, []byte(event)); err != nil {
			t.Fatal(err)
		}
		run := exec.CommandContext(t.Context(), program.path, append(program.args, strings.Fields(program.options)...)...)
		run.Env = append(os.Environ(), "NATS_URL="+i.secret(t, "nats_url_"+deployment.Analyst), "XDG_CONFIG_HOME="+t.TempDir())
		out, err := run.CombinedOutput()
		if err != nil || !strings.Contains(string(out), program.prints) {
			t.Errorf("%s printed %q: %v; make test installs Python and nats", name, out, err)
		}
	}
}
