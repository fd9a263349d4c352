package fault

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// answer holds an answer back until it is known what becomes of it.
type answer struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	cut     int
	trickle time.Duration
	dropped bool
}

func newAnswer() *answer { return &answer{header: http.Header{}, status: http.StatusOK} }

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// send lets the answer go, or hangs up in the way net/http provides for.
func (a *answer) send(w http.ResponseWriter, r *http.Request) {
	if a.dropped {
		panic(http.ErrAbortHandler)
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	}
	w.WriteHeader(a.status)
	body := a.body.Bytes()
	short := a.cut > 0 && a.cut < len(body)
	if short {
		body = body[:a.cut]
	}
	a.write(w, r, body)
	if short {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// pieces is how many writes a trickling body takes.
const pieces = 10

func (a *answer) write(w http.ResponseWriter, r *http.Request, body []byte) {
	if a.trickle <= 0 {
		_, _ = w.Write(body)
		return
	}
	for i := range pieces {
		_, _ = w.Write(body[i*len(body)/pieces : (i+1)*len(body)/pieces])
		_ = http.NewResponseController(w).Flush()
		if !pause(r, a.trickle/pieces) {
			return
		}
	}
}

// pause waits; false when the client went away meanwhile.
func pause(r *http.Request, delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
