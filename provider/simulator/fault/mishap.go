package fault

import (
	"net/http"
	"time"
)

// Mishaps that every cloud can have, in no provider's words.

// Timeout is no answer for so long, and no effect when the client hangs up first.
func Timeout(after time.Duration) *Fault { return &Fault{Delay: after} }

// HTMLPage is a page for people, as proxies and maintenance send it.
func HTMLPage(status int) *Fault {
	return &Fault{
		Before: true, Status: status, Header: http.Header{"Content-Type": {"text/html; charset=UTF-8"}},
		Body: []byte("<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"),
	}
}

// SlowBody sends the real answer bit by bit.
func SlowBody(over time.Duration) *Fault { return &Fault{Trickle: over} }

// ConnectionReset hangs up on a request before it has any effect.
func ConnectionReset() *Fault { return &Fault{Before: true} }

// CutShort hangs up in the middle of the real answer.
func CutShort() *Fault { return &Fault{Cut: 30} }

// TruncatedJSON sends half of the real answer as if it were all of it.
func TruncatedJSON() *Fault {
	return &Fault{Rewrite: func(body []byte) []byte { return body[:len(body)/2] }}
}

// WrongContentType calls the real answer something else than JSON.
func WrongContentType() *Fault {
	return &Fault{Header: http.Header{"Content-Type": {"application/octet-stream"}}}
}

// LostAnswer does what was asked and hangs up without a word.
func LostAnswer() *Fault { return &Fault{Drop: true} }
