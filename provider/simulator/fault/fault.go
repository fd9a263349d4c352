// Package fault is what a fake cloud goes wrong with: a gate before each endpoint
// counts the requests, waits, and lets a hook change or lose the answer.
package fault

import (
	"bytes"
	"net/http"
	"time"
)

// Call is a request as the hook sees it. Its form is parsed.
type Call struct {
	*http.Request
	Endpoint string // one of the Endpoint words of the cloud
	Number   int    // counts the calls of this endpoint from 1
	// AccountID is whose access or refresh token came with it; empty when the
	// cloud does not know the token.
	AccountID string
}

// Hook says what goes wrong with a request; nil is nothing. It is called
// concurrently.
type Hook = func(*Call) *Fault

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

func (f *Fault) apply(a *answer) {
	if f.Status != 0 {
		a.status = f.Status
		a.header = http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
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
