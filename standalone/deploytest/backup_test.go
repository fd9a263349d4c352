package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

// The operator backs a stream up and restores it, as docs/operations.md does, with
// more than the server sends before it wants an answer.
func TestTheOperatorBacksUpAndRestoresStreams(t *testing.T) {
	i := newInstallation(t)
	all := i.members(t)
	js := operatorJetStream(t, all[deployment.Operator].nc)
	const messages = 400
	record := make([]byte, 100<<10)
	for n := range messages {
		record[n]++ // nothing that could be told apart is left out
		if _, err := js.Publish(t.Context(), "stridelog.activity.fetched"+person, record); err != nil {
			t.Fatal(err)
		}
	}
	before, positions := state(t, js)
	backup := filepath.Join(t.TempDir(), "facts")
	i.nats(t, "backup", "stream", events.StreamFacts, backup, "--consumers", "--no-progress")
	if err := js.DeleteStream(t.Context(), events.StreamFacts); err != nil {
		t.Fatal(err)
	}
	i.nats(t, "backup", "restore", "stream", backup, "--no-progress")
	after, restored := state(t, js)
	if after.Msgs != messages || after.LastSeq != before.LastSeq || after.Bytes != before.Bytes {
		t.Errorf("the stream was %+v, the restored one is %+v", before, after)
	}
	if positions == 0 || restored != positions {
		t.Errorf("there were %d positions, %d are restored", positions, restored)
	}
}

// state is the facts' and how many consumers there are.
func state(t *testing.T, js jetstream.JetStream) (s jetstream.StreamState, consumers int) {
	t.Helper()
	stream, err := js.Stream(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	s = stream.CachedInfo().State
	return s, s.Consumers
}

// nats runs the nats command line as the operator.
func (i *installation) nats(t *testing.T, args ...string) {
	t.Helper()
	run := exec.CommandContext(t.Context(), "../../bin/nats-v0.5.1", append(args, "--inbox-prefix", "_INBOX_operator")...)
	run.Env = append(os.Environ(), "NATS_URL="+i.secret(t, "nats_url_"+deployment.Operator), "XDG_CONFIG_HOME="+t.TempDir())
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("nats %v: %v: %s", args, err, out)
	}
}
