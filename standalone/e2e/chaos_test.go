package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/porttest"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

const (
	chaosRecords = 300
	chaosDays    = 345 // enough for so many records
	chaosPage    = 10
	chaosPeople  = 4 // one after the other; each round is a user of its own
	pollLease    = time.Second
	// roundPatience only ends a backfill with its kills that hangs.
	roundPatience = 15 * time.Minute
)

// victim is what a kill hits.
type victim string

const (
	victimWhole    victim = "serve"
	victimNATS     victim = "NATS"
	victimPostgres victim = "Postgres"
	victimPaused   victim = "paused poller"
)

func victimsApart() []victim {
	return []victim{"poller", "projector", "oauth", "gateway", victimNATS, victimPostgres, victimPaused}
}

// TestKillsDuringBackfills kills every part at random moments of backfills and
// restarts it. It is a short slice, every victim once, unless STRIDELOG_SOAK_KILLS
// says how many kills (`make soak` does) and STRIDELOG_SOAK_SEED which.
func TestKillsDuringBackfills(t *testing.T) {
	t.Parallel()
	kills, seed := number(t, "STRIDELOG_SOAK_KILLS", 0), number(t, "STRIDELOG_SOAK_SEED", 20261123)
	if kills > 0 {
		c := newChaos(t, seed)
		c.soak(t, kills)
		c.report(t)
		return
	}
	c := newChaos(t, seed)
	c.round(t, true, []victim{victimWhole, victimWhole})
	c.round(t, false, victimsApart())
	c.report(t)
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s is %q; give a whole number", variable, text)
	}
	return n
}

// soak makes so many kills, up to six in a backfill. Two of the victims are
// brought back only after JetStream has forgotten the ids of what they published.
func (c *chaos) soak(t *testing.T, kills int) {
	late := map[int]victim{3: victimWhole, 4: "poller"} // by round
	for n := 0; c.kills < kills && !t.Failed(); n++ {
		whole := n%3 == 0
		var victims []victim
		for range min(6, kills-c.kills) {
			v := victimWhole
			if !whole {
				all := victimsApart()
				v = all[c.dice.IntN(len(all))]
			}
			victims = append(victims, v)
		}
		if v, ok := late[n]; ok {
			victims, c.late = []victim{v}, events.DuplicateWindow+5*time.Second
		}
		c.round(t, whole, victims)
		c.late = 0
		t.Logf("%d of %d kills: %d lost, %d doubled, %d extra", c.kills, kills, c.total.lost, c.total.doubled, c.total.extra)
	}
}

// chaos is a system whose every part can be killed.
type chaos struct {
	*world
	seed    int
	dice    *rand.Rand
	pg      *postgresProcess
	nats    *natsProcess // nil: a cluster
	cluster *natsCluster // nil: one server
	env     []string
	client  *client.Client

	services map[string]*process
	rounds   int
	kills    int
	byVictim map[victim]int
	total    audit
	late     time.Duration // how long a killed service stays away
	ended    int           // processes that ended by themselves and were started again

	imports  []*runningImport // of a round, in a cluster's test
	imported int

	mu       sync.Mutex
	requests int
	reached  chan struct{} // closed and replaced at every list request
}

func newChaos(t *testing.T, seed int) *chaos {
	t.Helper()
	c := chaosWith(t, seed, 5*time.Millisecond)
	c.nats = startNATS(t)
	c.startStores(t, c.nats.url())
	return c
}

// chaosWith makes people and their cloud, which takes some time for each answer.
func chaosWith(t *testing.T, seed int, latency time.Duration) *chaos {
	t.Helper()
	c := &chaos{
		world: &world{}, seed: seed, dice: rand.New(rand.NewPCG(uint64(seed), 0)), services: map[string]*process{},
		byVictim: map[victim]int{}, reached: make(chan struct{}),
	}
	t.Logf("chaos with seed %d", seed)
	c.addPeople(t, latency)
	return c
}

// startStores starts Postgres beside NATS, and says how the services find all.
func (c *chaos) startStores(t *testing.T, natsURL string) {
	t.Helper()
	c.pg = startPostgres(t)
	c.natsURL, c.databaseURL = natsURL, c.pg.url()
	c.conformAtTheEnd(t)
	addr := porttest.Address(t)
	c.env = append(c.environment(t, addr), "POLL_LEASE="+pollLease.String(), "POLL_JITTER=1s", "POLL_INITIAL_DAYS=1", "POLL_RESCAN=1d@1d")
	c.client = clientAt(addr)
	c.client.HTTP.Timeout = time.Minute // what a kill leaves without an answer is asked again
	nc, err := nats.Connect(c.natsURL, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if c.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
}

// addPeople makes people with more than enough records, and their cloud.
func (c *chaos) addPeople(t *testing.T, latency time.Duration) {
	t.Helper()
	now := time.Now()
	for i := 0; len(c.people) < chaosPeople; i++ {
		person, err := simulator.NewPerson(int64(c.seed), fmt.Sprintf("chaos %d", i), "Europe/Berlin", simulator.Options{Now: now, Days: chaosDays})
		if err != nil {
			t.Fatal(err)
		}
		if len(person.History(now)) >= chaosRecords {
			c.people = append(c.people, person)
		}
	}
	c.openCloud(t, fitbit.Options{QuotaPerHour: 1_000_000, MaxPage: chaosPage, Latency: latency, Fault: c.count})
}

// count is the cloud's fault hook: it lets nothing fail.
func (c *chaos) count(call *fitbit.Call) *fitbit.Fault {
	if call.Endpoint == fitbit.EndpointActivities {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests++
		close(c.reached)
		c.reached = make(chan struct{})
	}
	return nil
}

func (c *chaos) progress() (int, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests, c.reached
}

// round is one backfill of a new user with kills in it, and the audit after it.
func (c *chaos) round(t *testing.T, whole bool, victims []victim) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), roundPatience)
	defer cancel()
	c.runServices(t, whole)
	person := c.people[c.rounds%len(c.people)]
	c.rounds++
	user := c.begin(ctx, t, person)
	syncID, err := c.client.Historical(ctx, user.ID, "fitbit", chaosDays+1)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.awaitSuccess(ctx, user.ID, syncID) }()
	base, _ := c.progress()
	for i, v := range victims {
		// Somewhere in this kill's share of the pages, at some moment of the page.
		share := chaosRecords / chaosPage / len(victims)
		at := base + i*share + c.dice.IntN(share)
		c.awaitRequests(ctx, t, at, ended)
		_ = pauseFor(ctx, time.Duration(c.dice.IntN(25))*time.Millisecond)
		c.killVictim(ctx, t, v)
	}
	if err := <-ended; err != nil {
		t.Fatalf("round %d: %v", c.rounds, err)
	}
	c.supervise(t)
	truths := c.cloud.Truth(person.AccountID())
	a, err := awaitAudit(ctx, c.client, c.js, user.ID, func(facts []factLine, rows []json.RawMessage) audit {
		return inspect(facts, rows, user.ID, truths, nil, nil, nil)
	})
	if err != nil {
		t.Errorf("round %d: audit: %v", c.rounds, err)
	}
	if !a.clean() {
		t.Errorf("round %d (seed %d, victims %v): %v", c.rounds, c.seed, victims, a)
	}
	c.total.lost, c.total.doubled, c.total.extra = c.total.lost+a.lost, c.total.doubled+a.doubled, c.total.extra+a.extra
}

// begin makes a connected user whose short initial sync is over.
func (c *chaos) begin(ctx context.Context, t *testing.T, person *simulator.Person) client.User {
	t.Helper()
	awaitProviders(t, c.client)
	user, err := c.client.EnsureUser(ctx, fmt.Sprintf("round %d", c.rounds))
	if err == nil {
		err = consent(ctx, c.client, user.ID, person.AccountID())
	}
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// awaitSuccess waits for a sync through a gateway that may be away.
func (c *chaos) awaitSuccess(ctx context.Context, userID, syncID string) error {
	for {
		sync, err := c.client.AwaitSync(ctx, userID, syncID)
		switch {
		case err == nil && sync.Status == "success":
			return nil
		case err == nil:
			return fmt.Errorf("the backfill ended %s: %+v", sync.Status, sync.Error)
		}
		if pauseFor(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("the backfill does not end: %w", err)
		}
	}
}

// awaitRequests waits until the provider was asked so often, or the backfill is over.
func (c *chaos) awaitRequests(ctx context.Context, t *testing.T, at int, ended chan error) {
	t.Helper()
	watch := time.NewTicker(200 * time.Millisecond)
	defer watch.Stop()
	for {
		n, reached := c.progress()
		if n >= at {
			return
		}
		select {
		case <-reached:
		case err := <-ended:
			ended <- err
			return
		case <-watch.C:
			c.supervise(t)
		case <-ctx.Done():
			t.Fatalf("round %d: the provider was asked %d times, waiting for %d", c.rounds, n, at)
		}
	}
}

// killVictim kills one victim and brings it back.
func (c *chaos) killVictim(ctx context.Context, t *testing.T, v victim) {
	t.Helper()
	c.supervise(t)
	c.kills++
	c.byVictim[v]++
	switch v {
	case victimLeader, victimPair:
		c.killServers(ctx, t, v)
	case victimNATS:
		c.nats.kill()
		c.nats.start(t)
	case victimPostgres:
		c.pg.kill(t)
		c.pg.start(t)
	case victimPaused:
		c.pausePoller(ctx, t)
	default:
		p := c.services[string(v)]
		_ = p.cmd.Process.Kill()
		<-p.exited
		_ = pauseFor(ctx, c.late)
		c.services[string(v)] = c.launch(t, string(v))
	}
}

// pausePoller stops a poller for longer than its lease, beside a second one that
// takes its work, and lets it go on. Only the second stays.
func (c *chaos) pausePoller(ctx context.Context, t *testing.T) {
	t.Helper()
	first := c.services["poller"]
	if err := first.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.services["poller"] = c.launch(t, "poller")
	_ = pauseFor(ctx, 2*pollLease)
	if err := first.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	_ = pauseFor(ctx, pollLease/2)
	first.stop(t)
}
