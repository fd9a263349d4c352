package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

const (
	connectsPerRound = 20
	clientID         = "BENCH"
	clientSecret     = "bench-secret"
	goalP95          = 300 * time.Millisecond
)

// firstWorkouts measures from the moment a person comes back from the consent
// page (the callback request is sent) to their first workouts being readable by
// REST, against a bare program that does only the unavoidable: exchange the
// code, read one page, publish it durably as one batch, insert it, read it.
func firstWorkouts(ctx context.Context, s *stores, out io.Writer, log *slog.Logger) error {
	cloud, err := newCloud()
	if err != nil {
		return err
	}
	defer cloud.site.Close()
	in, err := installation.Start(ctx, installation.Options{DatabaseURL: s.databaseURL, NATSURL: s.natsURL, Providers: settingsAt(cloud.fake, cloud.site.URL), Log: log})
	if err != nil {
		return err
	}
	bare, err := newBare(ctx, s.databaseURL, s.natsURL, cloud)
	if err != nil {
		return err
	}
	var product, limit series
	for round := range s.rounds {
		if err := limit.measure(s, connectsPerRound, func(i int) (time.Duration, error) {
			return bare.connect(ctx, cloud.person(i))
		}); err != nil {
			return fmt.Errorf("bare chain: %w", err)
		}
		if err := product.measure(s, connectsPerRound, func(i int) (time.Duration, error) {
			return connect(ctx, in.Client, fmt.Sprintf("bench-%d-%d", round, i), cloud.person(i))
		}); err != nil {
			return fmt.Errorf("product: %w", err)
		}
	}
	bare.close()
	fmt.Fprintln(out, "callback to first workouts readable (30 days, simulator latency 0)")
	limit.print(out, "limit: bare chain")
	product.print(out, "product")
	fmt.Fprintf(out, "  ratio of medians (limit / product): %.2f\n", limit.quantile(0.5).Seconds()/product.quantile(0.5).Seconds())
	verdict := "met"
	if product.quantile(0.95) > goalP95 {
		verdict = "MISSED"
	}
	fmt.Fprintf(out, "  goal: p95 under %v: %s\n", goalP95, verdict)
	return in.Stop()
}

// connect consents for a new user and waits for the first workout.
func connect(ctx context.Context, c *client.Client, name, account string) (time.Duration, error) {
	user, err := c.EnsureUser(ctx, name)
	if err != nil {
		return 0, err
	}
	start, err := c.Start(ctx, user.ID, measured, "http://app.test/done")
	if err != nil {
		return 0, err
	}
	callback, err := fitbit.Decide(ctx, c.HTTP, start, fitbit.Decision{AccountID: account})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := c.Return(ctx, callback); err != nil {
		return 0, err
	}
	for {
		var page struct {
			Data []json.RawMessage `json:"data"`
		}
		if err := c.Call(ctx, http.MethodGet, "/users/"+user.ID+"/events/workouts?limit=50", nil, &page); err != nil {
			return 0, err
		}
		if len(page.Data) > 0 {
			return time.Since(began), nil
		}
	}
}

// cloud is the simulated provider of a benchmark.
type cloud struct {
	fake   *fitbit.Cloud
	site   *httptest.Server
	people []string
}

func newCloud() (*cloud, error) {
	var people []*simulator.Person
	var ids []string
	for _, style := range []simulator.Style{simulator.StyleRunner, simulator.StyleRider, simulator.StyleGym, simulator.StyleWalker} {
		p, err := simulator.NewPerson(3, string(style), "Europe/Berlin", simulator.Options{Style: style, Now: time.Now(), Days: 120})
		if err != nil {
			return nil, err
		}
		people, ids = append(people, p), append(ids, p.AccountID())
	}
	fake, err := fitbit.New(fitbit.Options{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{callbackURL()},
		People: people, QuotaPerHour: 1_000_000,
	})
	if err != nil {
		return nil, err
	}
	return &cloud{fake: fake, site: httptest.NewServer(fake.Handler()), people: ids}, nil
}

func (c *cloud) person(i int) string { return c.people[i%len(c.people)] }
