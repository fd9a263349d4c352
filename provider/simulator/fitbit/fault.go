package fitbit

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// Call is a request as the fault hook sees it. Its form is parsed.
type Call struct {
	*http.Request
	Endpoint string // one of the Endpoint words
	Number   int    // counts the calls of this endpoint from 1
	// AccountID is whose access or refresh token came with it; empty when the
	// cloud does not know the token.
	AccountID string
}

// Fault is what goes wrong with one request. The zero Fault changes nothing.
type Fault struct {
	Delay time.Duration // before the request is looked at
	// Before keeps the request from having any effect. Otherwise it is handled,
	// a token rotated, a quota used, and only the answer changes. Before without
	// a Status is a Drop.
	Before bool
	// Status, Header and Body replace the answer, when Status is not zero.
	// Without a Content-Type in Header the body is sent as JSON. Without a Status,
	// Header changes the real answer's.
	Status int
	Header http.Header
	Body   []byte
	// Rewrite changes the body of the real answer: reordered, repeated, empty.
	Rewrite func(body []byte) []byte
	// Cut sends no more than so many bytes of the body, when it is positive, and
	// hangs up.
	Cut int
	// Trickle spreads the body over so long.
	Trickle time.Duration
	// Drop hangs up without an answer. On a connection it used before, Go's own
	// client asks again when the method allows it.
	Drop bool
}

// SetFault replaces the fault hook. A nil hook, or a hook that gives nil, lets
// everything go well. The hook is called concurrently, and may not call SetFault.
func (c *Cloud) SetFault(hook func(*Call) *Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = hook
}

func (f *Fault) apply(a *answer) {
	if f.Status != 0 {
		a.status = f.Status
		a.header = http.Header{"Content-Type": {jsonType}}
		a.body.Reset()
		_, _ = a.body.Write(f.Body)
	}
	for name, values := range f.Header {
		a.header[http.CanonicalHeaderKey(name)] = values
	}
	if f.Rewrite != nil {
		body := f.Rewrite(bytes.Clone(a.body.Bytes()))
		a.body.Reset()
		_, _ = a.body.Write(body)
	}
	a.cut, a.trickle, a.dropped = f.Cut, f.Trickle, f.Drop || (f.Before && f.Status == 0)
}

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
	w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
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
