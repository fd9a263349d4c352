package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

const (
	headerRequestID = "X-Request-Id"
	headerIgnored   = "Stridelog-Ignored" // names of parameters that did nothing
	keyRequestID    = "request_id"
	// maxBody is far above the largest body a route takes.
	maxBody = 64 << 10
)

// identify gives the request an id, which its answer and its log lines tell; a
// caller's own is kept when it is harmless.
func identify(c *gin.Context) {
	id := c.GetHeader(headerRequestID)
	if !harmless(id) {
		id = uuid.NewString()
	}
	c.Set(keyRequestID, id)
	h := c.Writer.Header()
	h.Set(headerRequestID, id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	c.Request = c.Request.WithContext(telemetry.WithLogAttrs(c.Request.Context(), slog.String(keyRequestID, id)))
	c.Next()
}

// harmless says whether a caller's id can go into logs and headers as it is.
func harmless(id string) bool {
	const most = 64
	return id != "" && len(id) <= most && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

func requestID(c *gin.Context) string { return c.GetString(keyRequestID) }

// access counts the request and logs it: the route, never the path or the query,
// which can hold a person's data.
func (s *server) access(m *metrics) gin.HandlerFunc {
	return func(c *gin.Context) {
		began := time.Now()
		c.Next()
		took := time.Since(began)
		route, status := c.FullPath(), c.Writer.Status()
		if route == "" {
			route = "none"
		}
		m.observe(c.Request.Method, route, status, took)
		level := slog.LevelDebug
		attrs := []any{"method", c.Request.Method, "route", route, "status", status, "duration", took}
		if strings.HasPrefix(route, "/api/") {
			level = slog.LevelInfo
		}
		if e := c.Errors.Last(); e != nil && status >= http.StatusInternalServerError {
			level = slog.LevelError
			attrs = append(attrs, "error", e.Err)
		}
		s.o.Log.Log(c.Request.Context(), level, "request", attrs...)
	}
}

// recover answers a panic with a 500 that says nothing of it.
func (s *server) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		s.o.Log.ErrorContext(c.Request.Context(), "a handler panicked", "route", c.FullPath(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		if c.Writer.Written() {
			c.Abort()
			return
		}
		refuse(c, fmt.Errorf("panic: %v", v))
	}()
	c.Next()
}

// check refuses what the contract does not allow, before any handler sees it.
func (s *server) check(rules contract.Contract) gin.HandlerFunc {
	return func(c *gin.Context) {
		o := rules[ruleOf(c)]
		if o == nil {
			refuse(c, fmt.Errorf("route %s is not in the contract", c.FullPath()))
			return
		}
		if ignored := o.Ignored(c.Request.URL.RawQuery); len(ignored) > 0 {
			c.Header(headerIgnored, strings.Join(ignored, ", "))
		}
		faults := append(o.CheckPath(c.Param), o.CheckQuery(c.Request.URL.RawQuery)...)
		if len(faults) == 0 && o.TakesBody() {
			body, err := readBody(c)
			if err != nil {
				refuse(c, err)
				return
			}
			faults = o.CheckBody(body)
			c.Request.Body = io.NopCloser(bytes.NewReader(body))
		}
		if len(faults) == 0 && len(o.Uploads) > 0 {
			if err := s.receive(c, o.Uploads); err != nil {
				refuse(c, err)
				return
			}
		}
		if len(faults) > 0 {
			refuse(c, problem.Invalid(faults...))
		}
	}
}

func readBody(c *gin.Context) ([]byte, error) {
	media, params, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if charset := params["charset"]; err != nil || media != "application/json" || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return nil, problem.New(http.StatusUnsupportedMediaType, problem.CodeMediaType, "Send the body as Content-Type: application/json, in UTF-8.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem.New(http.StatusRequestEntityTooLarge, problem.CodeTooLarge, fmt.Sprintf("The body has more than %d bytes: send less.", maxBody))
	case err != nil:
		return nil, problem.InvalidField("body", "ended early").Because(err)
	}
	return body, nil
}
