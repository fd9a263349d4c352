package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// sendWhole sends a whole request before it looks at the answer, as many HTTP clients do.
// It fails when the connection breaks before.
func sendWhole(t *testing.T, s *gatewaytest.System, head string, body io.Reader) gatewaytest.Answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(waittest.Bound(t))); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(conn, io.MultiReader(strings.NewReader(head+"Host: x\r\n\r\n"), body)); err != nil {
		t.Errorf("the connection broke while the client sent: %v", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("the client never saw the answer: %v", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("the answer broke off: %v", err)
	}
	return gatewaytest.Answer{Status: resp.StatusCode, Header: resp.Header, Body: text}
}

// zeros are so many bytes that say nothing.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestARefusedClientThatStillSendsSeesTheAnswer(t *testing.T) {
	s := gatewaytest.Stores(t)
	s.Publish()
	c := s.Config()
	c.MaxUpload = 1 << 20
	s.Start(c)
	user := s.User()
	imports := "/api/v1/users/" + user.String() + "/imports"
	const size = 24 << 20 // more than any buffer on the way
	key := "Authorization: Bearer " + gatewaytest.Key + "\r\n"
	whole := fmt.Sprintf("Content-Length: %d\r\n", int64(size))
	const zip, jsonType, form = "Content-Type: application/zip\r\n", "Content-Type: application/json\r\n", "Content-Type: multipart/form-data; boundary=x\r\n"
	const part = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\x01\"\r\n\r\n"
	for name, one := range map[string]struct {
		head   string
		body   io.Reader
		status int
		code   string
	}{
		"more bytes than allowed, as it says": {"POST " + imports + "?kind=fitbit-export HTTP/1.1\r\n" + key + zip + whole, zeros(size), 413, "content_too_large"},
		"a bad name in a form":                {"POST " + imports + "?kind=fitbit-export HTTP/1.1\r\n" + key + form + "Content-Length: 900000\r\n", io.MultiReader(strings.NewReader(part), zeros(900_000-int64(len(part)))), 400, "invalid_request"},
		"no key":                              {"POST " + imports + "?kind=fitbit-export HTTP/1.1\r\n" + zip + whole, zeros(size), 401, "unauthorized"},
		"an unknown user":                     {"POST /api/v1/users/" + uuid.NewString() + "/imports?kind=fitbit-export HTTP/1.1\r\n" + key + zip + "Content-Length: 1000000\r\n", zeros(1_000_000), 404, "not_found"},
		"another type":                        {"POST " + imports + "?kind=fitbit-export HTTP/1.1\r\n" + key + "Content-Type: text/plain\r\n" + whole, zeros(size), 415, "unsupported_media_type"},
		"an unknown route":                    {"POST /nowhere HTTP/1.1\r\n" + key + zip + whole, zeros(size), 404, "not_found"},
		"a JSON body that large":              {"POST /api/v1/users HTTP/1.1\r\n" + key + jsonType + whole, zeros(size), 413, "content_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			checkProblem(t, name, sendWhole(t, s, one.head, one.body), one.status, one.code)
		})
	}
	// In chunks, of which nobody knows how many come.
	pieces, out := io.Pipe()
	go func() {
		piece := make([]byte, 64<<10)
		for range size / len(piece) {
			if _, err := out.Write(piece); err != nil {
				return
			}
		}
		out.Close()
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+imports+"?kind=fitbit-export", pieces)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+gatewaytest.Key)
	r.Header.Set("Content-Type", "application/zip")
	resp, err := s.HTTP.Do(r)
	if err != nil {
		t.Fatalf("in chunks: %v", err)
	}
	defer resp.Body.Close()
	var p problemAnswer
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != 413 || p.Code != "content_too_large" {
		t.Errorf("in chunks: %d, %+v, %v", resp.StatusCode, p, err)
	}
}

// A client that asks before it sends is told, and sends nothing.
func TestAClientThatAsksFirstIsRefusedAtOnce(t *testing.T) {
	s := gatewaytest.New(t)
	began := time.Now()
	a := sendWhole(t, s, "POST /api/v1/users HTTP/1.1\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n", strings.NewReader(""))
	checkProblem(t, "it asks first", a, 401, "unauthorized")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the answer came after %v", took)
	}
}
