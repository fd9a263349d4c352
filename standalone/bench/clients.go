package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// childClients is the first argument of the process that makes requests. It is a
// process of its own, so that its CPU time is not the server's.
const childClients = "clients"

// load is what the clients do.
type load struct {
	Addresses []string // asked in turn
	Key       string   // API key; may be empty
	Clients   int      // at once
	Requests  int      // of all together
	LeastSize int      // bytes; a smaller answer is an error
	PerSecond int      // requests that are due a second; 0: the next when the last is answered
}

// latencies are quantiles of what the clients waited.
type latencies struct{ P50, P99 time.Duration }

// String implements fmt.Stringer.
func (l latencies) String() string { return fmt.Sprintf("%.0f/%.0f ms", ms(l.P50), ms(l.P99)) }

// request runs a load to its end.
func (s *stores) request(ctx context.Context, l load) (latencies, error) {
	self, err := os.Executable()
	if err != nil {
		return latencies{}, err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return latencies{}, err
	}
	command := exec.CommandContext(ctx, self, childClients, string(text))
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		return latencies{}, err
	}
	if err := command.Start(); err != nil {
		return latencies{}, err
	}
	s.clients = command.Process.Pid
	var seen latencies
	err = json.NewDecoder(stdout).Decode(&seen)
	return seen, errors.Join(err, command.Wait())
}

// runClients is the process that request starts.
func runClients(ctx context.Context) error {
	var l load
	if err := json.Unmarshal([]byte(os.Args[2]), &l); err != nil {
		return err
	}
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = l.Clients //nolint:forcetypeassert // it is one
	var (
		mu     sync.Mutex
		next   int
		waited []time.Duration
		errs   []error
		all    sync.WaitGroup
		start  = time.Now()
	)
	for range l.Clients {
		all.Go(func() {
			for {
				mu.Lock()
				n := next
				next++
				failed := len(errs) > 0
				mu.Unlock()
				if n >= l.Requests || failed {
					return
				}
				began := time.Now()
				if l.PerSecond > 0 { // what it waits for its turn counts
					began = start.Add(time.Duration(n) * time.Second / time.Duration(l.PerSecond))
					pause(ctx, time.Until(began))
				}
				err := l.get(ctx, l.Addresses[n%len(l.Addresses)])
				mu.Lock()
				waited = append(waited, time.Since(began))
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(errs) > 0 {
		return errs[0]
	}
	slices.Sort(waited)
	return json.NewEncoder(os.Stdout).Encode(latencies{waited[len(waited)/2], waited[len(waited)*99/100]})
}

func (l load) get(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if l.Key != "" {
		req.Header.Set("Authorization", "Bearer "+l.Key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	size, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || size < int64(l.LeastSize) {
		return fmt.Errorf("GET %s: %s with %d bytes", address, resp.Status, size)
	}
	return nil
}
