package apikey

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// LimitWindow is what a limit of requests counts in.
const LimitWindow = time.Minute

// Limits counts the requests of each key and token of this process, in windows of a minute
// that begin with the first request. The zero value is ready.
type Limits struct {
	mu      sync.Mutex
	windows map[uuid.UUID]*window
}

type window struct {
	sent int
	ends time.Time
}

// Quota is how a caller stands in its window.
type Quota struct {
	Allowed   bool
	Limit     int // requests in a window
	Remaining int
	Reset     time.Duration // until the next window
}

// Take counts a request of a key that may send so many in a window.
func (l *Limits) Take(key uuid.UUID, limit int, now time.Time) Quota {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.windows == nil {
		l.windows = map[uuid.UUID]*window{}
	}
	w := l.windows[key]
	if w == nil || !now.Before(w.ends) {
		l.forget(now)
		w = &window{ends: now.Add(LimitWindow)}
		l.windows[key] = w
	}
	s := Quota{Limit: limit, Reset: w.ends.Sub(now)}
	if w.sent < limit {
		w.sent++
		s.Allowed = true
	}
	s.Remaining = max(limit-w.sent, 0)
	return s
}

// forget drops windows that are over, at the cost of looking at each: a window begins at
// most once a minute for each key.
func (l *Limits) forget(now time.Time) {
	const most = 1000
	if len(l.windows) < most {
		return
	}
	for key, w := range l.windows {
		if !now.Before(w.ends) {
			delete(l.windows, key)
		}
	}
}
