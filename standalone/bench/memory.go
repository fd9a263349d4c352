package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"time"

	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/clouds"
	"github.com/stridelog/stridelog/provider/simulator/visitor"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

const (
	goalMemory  = 200 << 20 // resident, less than
	memoryUsers = 100
	memoryDays  = 90
	// childMemory is the first argument of the process that is as the demo is.
	childMemory = "memory"
)

// memoryOrder is what that process is told, memoryResult what it answers.
type (
	memoryOrder  struct{ DatabaseURL, Dir string }
	memoryResult struct {
		Begun, Now, Peak int64 // resident, bytes
		Workouts         int
	}
)

// memory measures what a process with everything in it has resident after it has
// read the past of its users: the four services, the NATS server and the simulated
// cloud, as in the demo.
func memory(ctx context.Context, s *stores, out io.Writer, _ *slog.Logger) error {
	before := s.spent()
	began := time.Now()
	c, err := s.startChild(ctx, childMemory, memoryOrder{DatabaseURL: s.databaseURL, Dir: s.dir + "/memory"})
	if err != nil {
		return err
	}
	var got memoryResult
	if err := c.ask(&got); err != nil {
		return err
	}
	spent := s.spent().minus(before)
	fmt.Fprintf(out, `one process with the four services, the NATS server and the simulated cloud, as the demo; Postgres is not counted
  %d users with a history of %d days were connected one after the other, each read all of it: %d workouts in %.0f s, %.1f CPU s of the process
  resident: %d MB before the first user, %d MB after the last: %s; goal under %d MB; at most %d MB
  (others did %.0f %% of the machine's work meanwhile)
`, memoryUsers, memoryDays, got.Workouts, time.Since(began).Seconds(), spent.own, got.Begun>>20, got.Now>>20,
		map[bool]string{true: "met", false: "MISSED"}[got.Now < goalMemory], goalMemory>>20, got.Peak>>20, 100*spent.foreign())
	return c.end()
}

// runMemory is the process that memory starts.
func runMemory(ctx context.Context) error {
	var o memoryOrder
	if err := json.Unmarshal([]byte(os.Args[2]), &o); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	server, err := natsserver.Start(natsserver.Options{StoreDir: o.Dir, Log: log})
	if err != nil {
		return err
	}
	defer server.Stop()
	people, cloud, err := simulatedPeople(memoryUsers)
	if err != nil {
		return err
	}
	site := httptest.NewServer(cloud.Handler())
	defer site.Close()
	in, err := installation.Start(ctx, installation.Options{DatabaseURL: o.DatabaseURL, NATSURL: server.URL(), Log: log, Providers: settingsAt(cloud, site.URL)})
	if err != nil {
		return err
	}
	orders := bufio.NewReader(os.Stdin)
	if _, err := orders.ReadString('\n'); err != nil {
		return err
	}
	got := memoryResult{Begun: residentMemory()}
	for i, p := range people {
		n, err := readPast(ctx, in.Client, fmt.Sprintf("memory-%d", i), p.AccountID())
		if err != nil {
			return err
		}
		got.Workouts += n
	}
	got.Now, got.Peak = residentMemory(), peakMemory()
	if err := json.NewEncoder(os.Stdout).Encode(got); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, orders) // until the parent has looked
	if err != nil {
		return err
	}
	return in.Stop()
}

// simulatedPeople are so many people and their cloud. They have no more history than is read:
// what the cloud invents of a person stays in memory, and would be most of it.
func simulatedPeople(n int) ([]*simulator.Person, simulator.Cloud, error) {
	var people []*simulator.Person
	for i := range n {
		style := []simulator.Style{simulator.StyleRunner, simulator.StyleRider, simulator.StyleGym, simulator.StyleWalker}[i%4]
		p, err := simulator.NewPerson(int64(i), fmt.Sprintf("memory%d", i), "Europe/Berlin", simulator.Options{Style: style, Now: time.Now(), Days: memoryDays})
		if err != nil {
			return nil, nil, err
		}
		people = append(people, p)
	}
	fake, ok := clouds.Find(measured)
	if !ok {
		return nil, nil, errors.New("there is no fake cloud to measure with")
	}
	cloud, err := fake.New(simulator.App{ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{callbackURL()}, People: people})
	if err != nil {
		return nil, nil, err
	}
	return people, cloud, nil
}

// readPast connects a new user, reads the last days and waits until the workouts
// can be read.
func readPast(ctx context.Context, c *client.Client, name, account string) (workouts int, err error) {
	user, err := c.EnsureUser(ctx, name)
	if err != nil {
		return 0, err
	}
	if _, err := c.ConnectAt(ctx, user.ID, measured, "http://app.test/done", visitor.Decision{AccountID: account}); err != nil {
		return 0, err
	}
	id, err := c.Historical(ctx, user.ID, measured, memoryDays)
	if err != nil {
		return 0, err
	}
	sync, err := c.AwaitSync(ctx, user.ID, id)
	if err != nil {
		return 0, err
	}
	if sync.Status != "success" || sync.Counts == nil {
		return 0, fmt.Errorf("the sync of %s ended as %s", name, sync.Status)
	}
	for {
		list, err := c.Workouts(ctx, user.ID, nil)
		if err != nil {
			return 0, err
		}
		if len(list) >= sync.Counts.Seen {
			return len(list), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
