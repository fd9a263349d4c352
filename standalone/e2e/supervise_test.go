package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// runServices lets the services run in one process or in one each.
func (c *chaos) runServices(t *testing.T, whole bool) {
	t.Helper()
	names := []string{"oauth", "poller", "projector", "gateway"}
	if whole {
		names = []string{string(victimWhole)}
	}
	if c.services[names[0]] != nil {
		return
	}
	for name, p := range c.services {
		p.stop(t)
		delete(c.services, name)
	}
	for _, name := range names {
		c.services[name] = c.launch(t, name)
	}
}

func (c *chaos) launch(t *testing.T, name string) *process {
	t.Helper()
	return startProcess(t, c.env, name)
}

// supervise starts what has ended by itself again, as systemd or Kubernetes does.
func (c *chaos) supervise(t *testing.T) {
	t.Helper()
	for name, p := range c.services {
		select {
		case <-p.exited:
			text, _ := p.out.read()
			t.Logf("%s ended by itself: %s", name, lastLine(text))
			c.ended++
			c.services[name] = c.launch(t, name)
		default:
		}
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// report prints the verdict.
func (c *chaos) report(t *testing.T) {
	t.Helper()
	verdict := "PASSED"
	if t.Failed() || !c.total.clean() {
		verdict = "FAILED"
	}
	var kills []string
	for _, v := range append(victimsApart(), victimWhole) {
		kills = append(kills, fmt.Sprintf("%s %d", v, c.byVictim[v]))
	}
	t.Logf("chaos %s: seed %d, %d kills (%s) in %d backfills of %d activities and more: %d lost, %d doubled, %d extra; %d processes ended by themselves and were started again",
		verdict, c.seed, c.kills, strings.Join(kills, ", "), c.rounds, chaosRecords, c.total.lost, c.total.doubled, c.total.extra, c.ended)
}
