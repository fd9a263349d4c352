package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// childGuesses is the first argument of the process that sends requests which nobody
// waits for.
const childGuesses = "guesses"

// guesses are requests at a fixed rate from many addresses of 127.0.0.0/8, until the
// standard input ends.
type guesses struct {
	Address   string
	Keys      bool // each request has a bad key that no other has
	PerSecond int
	Sources   int // addresses that they come from, each with one connection
}

// guessed is what became of them.
type guessed struct {
	Statuses map[int]int
	Failed   int // without an answer
	Seconds  float64
}

// rate is the number of answers a second.
func (g guessed) rate() float64 {
	n := 0
	for _, count := range g.Statuses {
		n += count
	}
	return float64(n) / g.Seconds
}

// guess starts them; end stops them and says what became of them.
func (s *stores) guess(ctx context.Context, g guesses) (end func() (guessed, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(g)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, self, childGuesses, string(text))
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	s.guesser = command.Process.Pid
	answers := json.NewDecoder(stdout)
	var began struct{}
	if err := answers.Decode(&began); err != nil {
		return nil, errors.Join(err, stdin.Close(), command.Wait())
	}
	return func() (seen guessed, err error) {
		err = stdin.Close()
		return seen, errors.Join(err, answers.Decode(&seen), command.Wait())
	}, nil
}

// runGuesses is the process that guess starts. It says {} once every source had an answer.
func runGuesses(ctx context.Context) error {
	var g guesses
	if err := json.Unmarshal([]byte(os.Args[2]), &g); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	var (
		first, all sync.WaitGroup
		mu         sync.Mutex
		seen       = guessed{Statuses: map[int]int{}}
		number     atomic.Int64
		began      = time.Now()
		each       = time.Duration(g.Sources) * time.Second / time.Duration(g.PerSecond)
	)
	first.Add(g.Sources)
	for source := range g.Sources {
		client := from(source)
		all.Go(func() {
			told := sync.OnceFunc(first.Done)
			defer told()
			for n := 0; ctx.Err() == nil; n++ {
				pause(ctx, time.Until(began.Add(time.Duration(n)*each)))
				status, err := g.send(ctx, client, number.Add(1))
				told()
				mu.Lock()
				switch {
				case err == nil:
					seen.Statuses[status]++
				case ctx.Err() == nil:
					seen.Failed++
				}
				mu.Unlock()
			}
		})
	}
	first.Wait()
	fmt.Println("{}")
	all.Wait()
	seen.Seconds = time.Since(began).Seconds()
	return json.NewEncoder(os.Stdout).Encode(seen)
}

// from is a client whose connection comes from an address of its own.
func from(source int) *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(source/250), byte(1+source%250))}} //nolint:gosec // a few hundred
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableCompression: true}}
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (g guesses) send(ctx context.Context, client *http.Client, number int64) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.Address, http.NoBody)
	if err != nil {
		return 0, err
	}
	if g.Keys {
		r.Header.Set("Authorization", "Bearer sl_guess"+strconv.FormatInt(number, 10))
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
