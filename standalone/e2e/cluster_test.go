package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
)

const (
	victimLeader victim = "leader"      // of the facts' stream
	victimPair   victim = "two servers" // the leader and another one, at once

	// clusterLatency makes a backfill long enough for an election: a killed leader is
	// followed after 4 to 9 s.
	clusterLatency   = 300 * time.Millisecond
	clusterExercises = 3_000 // of an archive that is imported meanwhile
	// pairAway is how long two of three servers stay away.
	pairAway     = 2 * time.Second
	roundStrikes = 3
)

// TestKillsOfServersOfACluster kills the leader, and two servers at once, of a NATS
// cluster of three, each during a backfill and an import. Few unless
// STRIDELOG_SOAK_LEADER_KILLS and STRIDELOG_SOAK_PAIR_KILLS say how many (`make soak`
// does).
func TestKillsOfServersOfACluster(t *testing.T) {
	t.Parallel()
	leaders, pairs := number(t, "STRIDELOG_SOAK_LEADER_KILLS", 1), number(t, "STRIDELOG_SOAK_PAIR_KILLS", 1)
	sync := "2m"
	if os.Getenv("STRIDELOG_SOAK_LEADER_KILLS") != "" {
		sync = "always" // as deployed
	}
	c := newClusterChaos(t, number(t, "STRIDELOG_SOAK_SEED", 20261130), sync)
	var victims []victim
	for range leaders {
		victims = append(victims, victimLeader)
	}
	for range pairs {
		victims = append(victims, victimPair)
	}
	c.dice.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	for n := 0; len(victims) > 0 && !t.Failed(); n++ {
		some := min(roundStrikes, len(victims))
		c.clusterRound(t, n%2 == 0, victims[:some])
		victims = victims[some:]
		t.Logf("%d kills: %d lost, %d doubled, %d extra", c.kills, c.total.lost, c.total.doubled, c.total.extra)
	}
	c.checkReplicated(t)
	t.Logf("cluster: seed %d, %d kills of the leader and %d of two servers in %d backfills of %d activities and more, each beside one of %d imports of %d: %d lost, %d doubled, %d extra; %d processes ended by themselves",
		c.seed, c.byVictim[victimLeader], c.byVictim[victimPair], c.rounds, chaosRecords, c.imported, clusterExercises, c.total.lost, c.total.doubled, c.total.extra, c.ended)
}

func newClusterChaos(t *testing.T, seed int, sync string) *chaos {
	t.Helper()
	c := chaosWith(t, seed, clusterLatency)
	c.cluster = startNATSCluster(t, sync)
	c.startStores(t, c.cluster.url())
	c.env = append(c.env, "STRIDELOG_REPLICAS=3")
	return c
}

// clusterRound is a round of kills with imports beside the backfill, and verify.
func (c *chaos) clusterRound(t *testing.T, whole bool, victims []victim) {
	t.Helper()
	c.runServices(t, whole)
	ctx, cancel := context.WithTimeout(t.Context(), roundPatience)
	defer cancel()
	c.imports = nil
	c.round(t, whole, victims)
	for _, i := range c.imports {
		if err := <-i.ended; err != nil {
			t.Fatalf("round %d: %v", c.rounds, err)
		}
		c.checkOnce(ctx, t, i)
	}
	c.cluster.awaitWhole(ctx, t, c.js)
	out := runCommand(t, []string{"DATABASE_URL=" + c.databaseURL, "NATS_URL=" + c.natsURL}, "verify")
	if !strings.Contains(out, "There are no differences.") {
		t.Errorf("round %d: verify prints:\n%s", c.rounds, out)
	}
}

// runningImport is an import beside a backfill.
type runningImport struct {
	userID  string
	records int
	ended   chan error
}

// importBeside makes sure that an import has published some of its facts and not all.
func (c *chaos) importBeside(ctx context.Context, t *testing.T) {
	t.Helper()
	for {
		if n := len(c.imports); n > 0 && len(c.imports[n-1].ended) == 0 {
			facts, err := readFacts(ctx, c.js, c.imports[n-1].userID)
			if err != nil {
				t.Fatal(err)
			}
			if len(facts) > 0 && len(facts) < c.imports[n-1].records {
				return
			}
			wait(t, ctx, "no import is at work")
			continue
		}
		c.beginImport(ctx, t)
	}
}

func (c *chaos) beginImport(ctx context.Context, t *testing.T) {
	t.Helper()
	a, err := export.New(c.people[c.rounds%len(c.people)], export.Options{At: time.Now().Truncate(time.Second), Exercises: clusterExercises})
	if err != nil {
		t.Fatal(err)
	}
	c.imported++
	user, err := c.client.EnsureUser(ctx, fmt.Sprintf("importer %d", c.imported))
	if err != nil {
		t.Fatal(err)
	}
	begun, err := c.client.Import(ctx, user.ID, "fitbit-export", false, uploads(t, a, "zip")...)
	if err != nil {
		t.Fatal(err)
	}
	i := &runningImport{user.ID, len(a.Records()), make(chan error, 1)}
	go func() { // also beyond its round
		ctx, cancel := context.WithTimeout(t.Context(), roundPatience)
		defer cancel()
		i.ended <- c.awaitImported(ctx, begun.ID, i.records)
	}()
	c.imports = append(c.imports, i)
}

// awaitImported waits for an import through a gateway that may be away.
func (c *chaos) awaitImported(ctx context.Context, id string, records int) error {
	for {
		i, err := c.client.AwaitImport(ctx, id)
		switch {
		case err == nil && i.Status == "success" && i.Counts.Imported == records:
			return nil
		case err == nil:
			return fmt.Errorf("the import ended %s with %+v of %d records", i.Status, i.Counts, records)
		}
		if pauseFor(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("the import does not end: %w", err)
		}
	}
}

// checkOnce wants one fact of each record of an import.
func (c *chaos) checkOnce(ctx context.Context, t *testing.T, i *runningImport) {
	t.Helper()
	facts, err := readFacts(ctx, c.js, i.userID)
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for _, f := range facts {
		times[f.ExternalID]++
	}
	if lost := i.records - len(times); lost != 0 {
		t.Errorf("%d records of the import are lost", lost)
		c.total.lost += lost
	}
	if doubled := len(facts) - len(times); doubled != 0 {
		t.Errorf("%d facts of the import are doubled", doubled)
		c.total.doubled += doubled
	}
}

// killServers kills one or two servers of the cluster and brings them back.
func (c *chaos) killServers(ctx context.Context, t *testing.T, v victim) {
	t.Helper()
	began := time.Now()
	c.cluster.awaitWhole(ctx, t, c.js) // a majority must be there before and after
	t.Logf("%s: the cluster was whole after another %v", v, time.Since(began).Round(time.Millisecond))
	c.importBeside(ctx, t)
	leader := c.cluster.leader(ctx, t, c.js, events.StreamFacts)
	dead := []string{leader}
	if v == victimPair {
		others := slices.DeleteFunc(slices.Clone(c.cluster.names), func(name string) bool { return name == leader })
		dead = append(dead, others[c.dice.IntN(len(others))])
	}
	began = time.Now()
	for _, name := range dead {
		c.cluster.members[name].kill()
	}
	if v == victimPair {
		_ = pauseFor(ctx, pairAway)
	} else {
		c.cluster.leader(ctx, t, c.js, events.StreamFacts, leader)
	}
	t.Logf("%s: %v were away for %v", v, dead, time.Since(began).Round(time.Millisecond))
	for _, name := range dead {
		c.cluster.members[name].start(t)
	}
}

// checkReplicated checks that everything has three replicas: streams, the bucket of
// uploads and the services' consumers.
func (c *chaos) checkReplicated(t *testing.T) {
	t.Helper()
	ctx := deadline(t)
	c.cluster.awaitWhole(ctx, t, c.js)
	streams := 0
	list := c.js.ListStreams(ctx)
	for s := range list.Info() {
		streams++
		if s.Config.Replicas != 3 {
			t.Errorf("%s has %d replicas", s.Config.Name, s.Config.Replicas)
		}
		stream, err := c.js.Stream(ctx, s.Config.Name)
		if err != nil {
			t.Fatal(err)
		}
		consumers := stream.ListConsumers(ctx)
		for one := range consumers.Info() {
			if one.Config.Durable != "" && (one.Cluster == nil || len(one.Cluster.Replicas) != 2) {
				t.Errorf("consumer %s of %s: %+v", one.Name, one.Stream, one.Cluster)
			}
		}
		if err := consumers.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := list.Err(); err != nil || streams != len(events.Streams())+1 {
		t.Errorf("%d streams: %v", streams, err)
	}
}
