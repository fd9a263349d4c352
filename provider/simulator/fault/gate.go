package fault

import (
	"maps"
	"net/http"
	"sync"
	"time"
)

// maxRequest bounds what a cloud reads of a request, in bytes.
const maxRequest = 1 << 20

// Gate stands before the endpoints of a cloud. It is safe for concurrent use.
type Gate struct {
	latency time.Duration
	account func(*http.Request) string
	badForm http.HandlerFunc

	mu       sync.Mutex
	hook     Hook
	requests map[string]int
	statuses map[int]int
}

// NewGate makes a gate that waits for latency before each answer. account says
// whose token a request carries, badForm answers a form that cannot be read.
func NewGate(latency time.Duration, hook Hook, account func(*http.Request) string, badForm http.HandlerFunc) *Gate {
	return &Gate{latency: latency, hook: hook, account: account, badForm: badForm, requests: map[string]int{}, statuses: map[int]int{}}
}

// SetHook replaces the hook. A nil hook, or one that gives nil, lets everything
// go well. The hook may not call SetHook.
func (g *Gate) SetHook(hook Hook) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hook = hook
}

// Requests counts the requests by endpoint, refused and faulty ones included.
func (g *Gate) Requests() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.requests)
}

// Answers counts the answers by HTTP status. A dropped one has none.
func (g *Gate) Answers() map[int]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.statuses)
}

// Endpoint puts the gate before a handler.
func (g *Gate) Endpoint(name string, handle http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		if err := r.ParseForm(); err != nil {
			g.badForm(w, r)
			return
		}
		fault := g.fault(name, r)
		delay := g.latency
		if fault != nil {
			delay += fault.Delay
		}
		if !pause(r, delay) {
			return
		}
		a := newAnswer()
		if fault == nil || !fault.Before {
			handle(a, r)
		}
		if fault != nil {
			fault.apply(a)
		}
		if !a.dropped {
			g.mu.Lock()
			g.statuses[a.status]++
			g.mu.Unlock()
		}
		a.send(w, r)
	})
}

// fault counts a request and asks the hook.
func (g *Gate) fault(name string, r *http.Request) *Fault {
	account := g.account(r)
	g.mu.Lock()
	g.requests[name]++
	number, hook := g.requests[name], g.hook
	g.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(&Call{Request: r, Endpoint: name, Number: number, AccountID: account})
}
