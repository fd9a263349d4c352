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

// Server is a running NATS server.
type Server struct {
	server *server.Server
	token  string
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
	s, err := server.NewServer(&server.Options{
		ServerName:    "stridelog",
		Host:          host,
		Port:          port,
		Authorization: o.Token,
		JetStream:     true,
		StoreDir:      o.StoreDir,
		SyncAlways:    true,
		MaxPayload:    cmp.Or(o.MaxPayload, maxPayload),
		NoSigs:        true,

		JetStreamLimits: server.JSLimitOpts{MaxBatchSize: o.MaxPage},
	})
	if err != nil {
		return nil, fmt.Errorf("start embedded NATS in %s: %w", o.StoreDir, err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s.SetLoggerV2(logger{log}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(startTimeout) || !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("start embedded NATS on %s: not ready after %v; is the address free, and is %s writable and used by no other server?",
			net.JoinHostPort(host, strconv.Itoa(port)), startTimeout, o.StoreDir)
	}
	return &Server{server: s, token: o.Token}, nil
}

// URL is what a client connects to. It holds the token, so it is a secret when
// there is one.
func (s *Server) URL() string {
	u := url.URL{Scheme: "nats", Host: s.server.Addr().String()}
	if s.token != "" {
		u.User = url.User(s.token)
	}
	return u.String()
}

// Addr is host and port, without the token.
func (s *Server) Addr() string { return s.server.Addr().String() }

// Stop stops the server and returns when its files are closed. Stopping twice is
// no fault.
func (s *Server) Stop() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// WaitForShutdown blocks until the server has stopped, for whatever reason.
func (s *Server) WaitForShutdown() { s.server.WaitForShutdown() }

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
