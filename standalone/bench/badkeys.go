package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/services/gateway"
)

const (
	guessesPerSecond = 10_000
	guessSources     = 400
	goodPerSecond    = 40
	goodRequests     = 600 // of a round: 15 seconds, longer than a key is remembered
)

// badKeys measures how long a client with a good key waits while others guess keys,
// against how long it waits beside as many requests that need no key at all: what is
// above that is what guesses cost beyond being requests.
func badKeys(ctx context.Context, s *stores, out io.Writer, log *slog.Logger) error {
	return withServing(ctx, s, log, func(_ *projection, db *pgxpool.Pool, address string) error {
		return besideGuesses(ctx, s, db, address, out)
	})
}

func besideGuesses(ctx context.Context, s *stores, db *pgxpool.Pool, address string, out io.Writer) error {
	good, err := goodClient(ctx, db, address)
	if err != nil {
		return err
	}
	alone := &guessing{good: good}
	beside := &guessing{good: good, guesses: &guesses{Address: "http://" + address + "/healthz", PerSecond: guessesPerSecond, Sources: guessSources}}
	guessed := &guessing{good: good, guesses: &guesses{
		Address: "http://" + address + "/api/v1/users", Keys: true, PerSecond: guessesPerSecond, Sources: guessSources,
	}}
	variants := []*variant{
		{name: "alone", run: alone.run(s)},
		{name: "beside requests without key", run: beside.run(s)},
		{name: "beside guesses", run: guessed.run(s)},
	}
	if err := interleave(ctx, s, variants...); err != nil {
		return err
	}
	fmt.Fprintf(out, `GET of a user's newest %d workouts, %d a second with a good key that the database holds, beside %d requests a second from %d addresses, %d rounds
  beside requests without key: GET /healthz. beside guesses: GET /api/v1/users, each with another bad key.
`, listRows, goodPerSecond, guessesPerSecond, guessSources, s.rounds)
	table(out, "good", variants...)
	for i, g := range []*guessing{alone, beside, guessed} {
		g.report(out, variants[i].name)
	}
	return nil
}

// goodClient is a load with a key of the database.
func goodClient(ctx context.Context, db *pgxpool.Pool, address string) (load, error) {
	_, secret, err := gateway.NewAPIKeys(db).Create(ctx, gateway.APIKeyDraft{Name: "good", Scopes: []string{"read"}})
	if err != nil {
		return load{}, err
	}
	l := load{Key: secret, Clients: 16, Requests: goodRequests, PerSecond: goodPerSecond, LeastSize: 20_000}
	for u := range backlogUsers {
		l.Addresses = append(l.Addresses, fmt.Sprintf("http://%s/api/v1/users/%s/events/workouts?limit=%d", address, userID(u), listRows))
	}
	return l, nil
}

// guessing is one variant and what it saw.
type guessing struct {
	good    load
	guesses *guesses // nil: nobody guesses

	waits    []latencies
	rates    []float64
	statuses map[int]int
	failed   int
}

// run makes the good client's requests. One that is refused is an error.
func (g *guessing) run(s *stores) func(ctx context.Context, start, stop func()) (int, error) {
	return func(ctx context.Context, start, stop func()) (int, error) {
		end := func() (guessed, error) { return guessed{Seconds: 1}, nil }
		if g.guesses != nil {
			var err error
			if end, err = s.guess(ctx, *g.guesses); err != nil {
				return 0, err
			}
		}
		start()
		waited, err := s.request(ctx, g.good)
		stop()
		seen, ended := end()
		if err == nil {
			err = ended
		}
		if g.statuses == nil {
			g.statuses = map[int]int{}
		}
		for status, n := range seen.Statuses {
			g.statuses[status] += n
		}
		g.failed += seen.Failed
		g.waits, g.rates = append(g.waits, waited), append(g.rates, seen.rate())
		return g.good.Requests, err
	}
}

func (g *guessing) report(out io.Writer, name string) {
	fmt.Fprintf(out, "  %s: the good client's answer after, p50/p99 of each round: %v", name, g.waits)
	if g.guesses != nil {
		fmt.Fprintf(out, "; the others were answered %s times a second:", spread(g.rates, "%.0f"))
		for _, status := range slices.Sorted(maps.Keys(g.statuses)) {
			fmt.Fprintf(out, " %d %s", g.statuses[status], http.StatusText(status))
		}
		fmt.Fprintf(out, ", %d without an answer", g.failed)
	}
	fmt.Fprintln(out)
}
