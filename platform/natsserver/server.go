// Package natsserver runs a NATS server with JetStream inside this process: for
// the one-machine commands and for tests. It listens on TCP, so that other
// processes and the `nats` command can connect.
package natsserver

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// maxPayload is the largest message in bytes: a provider's record travels
	// whole, with its envelope. It is the most that NATS recommends.
	maxPayload   = 8 << 20
	startTimeout = 20 * time.Second
)

// Options say where the server keeps its streams and where it listens.
type Options struct {
	// StoreDir holds the streams. One server at a time may use it.
	StoreDir string
	// Addr is host:port; port 0 or -1 takes a free one. Empty is 127.0.0.1:0.
	Addr string
	// Token is asked of every client when it is not empty.
	Token string
	// MaxPayload and MaxPage are the largest message in bytes and the most messages
	// of an atomic batch. 0 is 8 MB, and 1,000.
	MaxPayload int32
	MaxPage    int
	Log        *slog.Logger
}

// Server is a running NATS server. One whose streams take no writes, after a full
// disk, starts again by itself.
type Server struct {
	options     Options
	host        string
	port        int
	addr, token string
	log         *slog.Logger

	stop  chan struct{} // closed by Stop
	once  sync.Once
	ended chan struct{} // closed once the server has stopped for good
	guard sync.WaitGroup

	mu      sync.Mutex
	server  *server.Server // nil between two
	refusal string         // what a stream met that takes no writes
	since   time.Time
}

// Start starts a server and returns once clients can connect. JetStream writes
// every message to disk before it acknowledges it, so an acknowledged message
// survives a power cut.
func Start(o Options) (*Server, error) {
	if o.StoreDir == "" {
		return nil, fmt.Errorf("start embedded NATS: StoreDir is empty; name the folder that holds the streams")
	}
	host, port, err := parseAddr(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("start embedded NATS: %w", err)
	}
	s := &Server{options: o, host: host, port: port, token: o.Token, log: o.Log, stop: make(chan struct{}), ended: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.run(); err != nil {
		return nil, err
	}
	s.guard.Go(s.watch)
	return s, nil
}

// run starts a server and takes over its address, so that the next one has the same.
func (s *Server) run() error {
	o := s.options
	one, err := server.NewServer(&server.Options{
		ServerName:    "stridelog",
		Host:          s.host,
		Port:          s.port,
		Authorization: o.Token,
		JetStream:     true,
		StoreDir:      o.StoreDir,
		SyncAlways:    true,
		MaxPayload:    cmp.Or(o.MaxPayload, maxPayload),
		NoSigs:        true,

		JetStreamLimits: server.JSLimitOpts{MaxBatchSize: o.MaxPage},
	})
	if err != nil {
		return fmt.Errorf("start embedded NATS in %s: %w", o.StoreDir, err)
	}
	one.SetLoggerV2(logger{s.log}, false, false, false)
	one.Start()
	if !one.ReadyForConnections(startTimeout) || !one.JetStreamEnabled() {
		one.Shutdown()
		one.WaitForShutdown()
		return fmt.Errorf("start embedded NATS on %s: not ready after %v; is the address free, and is %s writable and used by no other server?",
			net.JoinHostPort(s.host, strconv.Itoa(s.port)), startTimeout, o.StoreDir)
	}
	if s.addr == "" {
		s.addr = one.Addr().String()
		if _, s.port, err = parseAddr(s.addr); err != nil {
			return fmt.Errorf("start embedded NATS: %w", err)
		}
	}
	s.mu.Lock()
	s.server, s.refusal = one, ""
	s.mu.Unlock()
	go func() {
		one.WaitForShutdown()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.server == one { // nobody replaces it
			s.server = nil
			s.end()
		}
	}()
	return nil
}

func (s *Server) end() { s.once.Do(func() { close(s.ended) }) }

// URL is what a client connects to. It holds the token, so it is a secret when
// there is one.
func (s *Server) URL() string {
	u := url.URL{Scheme: "nats", Host: s.addr}
	if s.token != "" {
		u.User = url.User(s.token)
	}
	return u.String()
}

// Addr is host and port, without the token.
func (s *Server) Addr() string { return s.addr }

// Stop stops the server and returns when its files are closed. Stopping twice is
// no fault.
func (s *Server) Stop() {
	s.mu.Lock()
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.mu.Unlock()
	s.guard.Wait()
	s.shutDown()
	s.end()
}

// shutDown stops the present server, if there is one.
func (s *Server) shutDown() {
	s.mu.Lock()
	one := s.server
	s.server = nil
	s.mu.Unlock()
	if one != nil {
		one.Shutdown()
		one.WaitForShutdown()
	}
}

// WaitForShutdown blocks until the server has stopped for good, for whatever reason.
func (s *Server) WaitForShutdown() { <-s.ended }

func parseAddr(addr string) (host string, port int, err error) {
	if addr == "" {
		return "127.0.0.1", server.RANDOM_PORT, nil
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("address %q is not host:port: %w", addr, err)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < -1 || port > 65535 {
		return "", 0, fmt.Errorf("address %q: the port is not a number up to 65535", addr)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return host, port, nil
}
