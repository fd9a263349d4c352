// Package httpserver serves HTTP with timeouts and stops gracefully.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute
	writeTimeout      = 2 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	// grace is how long requests under way may take once the server stops.
	grace = 15 * time.Second
)

// Options describe a server.
type Options struct {
	// Name tells servers of one process apart in logs and errors.
	Name string
	// Addr is host:port; port 0 takes a free one.
	Addr    string
	Handler http.Handler
	Log     *slog.Logger
}

// Server is one listening address.
type Server struct {
	o Options

	mu   sync.Mutex
	addr net.Addr
}

// New makes a server that does not listen yet.
func New(o Options) *Server { return &Server{o: o} }

// Addr is the address the server listens on; nil before it is ready.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Run listens, calls ready, and serves until ctx ends. It then takes no new
// connections, lets requests under way finish for up to 15 s and closes the
// rest. Requests keep running when ctx ends; their contexts end with the
// connection.
func (s *Server) Run(ctx context.Context, ready func()) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.o.Addr)
	if err != nil {
		return fmt.Errorf("%s server: listen on %s: choose another address: %w", s.o.Name, s.o.Addr, err)
	}
	s.mu.Lock()
	s.addr = l.Addr()
	s.mu.Unlock()
	server := &http.Server{
		Handler:           s.o.Handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	s.o.Log.Info("server listens", "server", s.o.Name, "addr", l.Addr().String())
	ready()
	select {
	case err := <-served:
		return fmt.Errorf("%s server: %w", s.o.Name, err)
	case <-ctx.Done():
	}
	return s.stop(ctx, server, served)
}

func (s *Server) stop(ctx context.Context, server *http.Server, served <-chan error) error {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		s.o.Log.Warn("requests under way were cut off", "server", s.o.Name, "grace", grace)
		err = server.Close()
	}
	if ended := <-served; err == nil && !errors.Is(ended, http.ErrServerClosed) {
		err = ended
	}
	if err != nil {
		return fmt.Errorf("stop %s server: %w", s.o.Name, err)
	}
	return nil
}
