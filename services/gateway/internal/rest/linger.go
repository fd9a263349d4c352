package rest

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// lingerFor is how long a client that was refused may go on sending, and lingerPause
	// how long it may send nothing meanwhile.
	lingerFor   = 30 * time.Second
	lingerPause = 5 * time.Second
)

// linger reads on what a refused client still sends, and throws it away. A connection
// that is closed while bytes arrive is reset, and then many clients never see the answer.
func linger(c *gin.Context) {
	if c.Request.Body == nil || c.Request.ContentLength == 0 {
		return
	}
	body := &sent{ReadCloser: c.Request.Body}
	c.Request.Body = body
	control := http.NewResponseController(c.Writer)
	// Else the server itself reads 256 kB before it answers, and then closes.
	if control.EnableFullDuplex() != nil {
		return
	}
	c.Next()
	if c.Writer.Status() < http.StatusBadRequest || body.ended {
		return
	}
	if c.GetHeader("Expect") != "" && !body.begun {
		return // it waits for a word of ours, and the answer is that word
	}
	c.Writer.Flush()
	drain(control, body)
}

// drain reads to the end, or until the time is over.
func drain(control *http.ResponseController, body io.Reader) {
	const atOnce = 64 << 10
	piece := make([]byte, atOnce)
	end := time.Now().Add(lingerFor)
	for now := time.Now(); now.Before(end); now = time.Now() {
		next := now.Add(lingerPause)
		if next.After(end) {
			next = end
		}
		if control.SetReadDeadline(next) != nil {
			return
		}
		if _, err := body.Read(piece); err != nil {
			return
		}
	}
}

// sent is a body that knows how far it was read.
type sent struct {
	io.ReadCloser
	begun, ended bool
}

// Read implements io.Reader.
func (s *sent) Read(p []byte) (int, error) {
	s.begun = true
	n, err := s.ReadCloser.Read(p)
	s.ended = s.ended || err != nil
	return n, err
}
