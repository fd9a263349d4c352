package rest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

const (
	// uploadPause is how long a client may send nothing of its upload.
	uploadPause = time.Minute
	// uploadAnswer is how long after the last byte the answer may take.
	uploadAnswer = 2 * time.Minute
)

// receive makes a request's body ready to be read as an upload: of a type that the
// contract names, of no more bytes than are allowed, and for as long as it goes on.
func (s *server) receive(c *gin.Context, types []string) error {
	media, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || !slices.Contains(types, media) {
		return problem.New(http.StatusUnsupportedMediaType, problem.CodeMediaType, "Send the upload as Content-Type: "+strings.Join(types, ", ")+".")
	}
	if c.Request.ContentLength > s.o.MaxUpload {
		return problem.New(http.StatusRequestEntityTooLarge, problem.CodeTooLarge,
			fmt.Sprintf("The upload has %d bytes and may have %d. Send less at a time, or let the operator raise IMPORT_MAX_BYTES or run `stridelog import` beside the system.",
				c.Request.ContentLength, s.o.MaxUpload))
	}
	c.Request.Body = &upload{
		ReadCloser: http.MaxBytesReader(c.Writer, c.Request.Body, s.o.MaxUpload),
		control:    http.NewResponseController(c.Writer),
	}
	return nil
}

// upload is a body that may take its time, as long as something comes. The server's
// own time limits are for requests that fit into memory.
type upload struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	now := time.Now()
	err := errors.Join(u.control.SetReadDeadline(now.Add(uploadPause)), u.control.SetWriteDeadline(now.Add(uploadPause+uploadAnswer)))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, fmt.Errorf("give an upload time: %w", err)
	}
	return u.ReadCloser.Read(p)
}
