package demo

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/stridelog/stridelog/platform/httpserver"
)

// site is a fake cloud on an address that it keeps.
type site struct {
	server   *httpserver.Server
	addrFile string
}

// newSite serves a cloud; its address is kept in the data directory.
func newSite(dataDir, name string, cloud http.Handler, log *slog.Logger) *site {
	s := &site{addrFile: filepath.Join(dataDir, "run", name+".addr")}
	s.server = httpserver.New(httpserver.Options{Name: name, Addr: s.lastAddr(), Handler: cloud, Log: log})
	return s
}

// lastAddr is the address of the run before, if it is free still, so that links
// which the poller kept from the cloud go on working.
func (s *site) lastAddr() string {
	const free = "127.0.0.1:0"
	text, err := os.ReadFile(s.addrFile)
	if err != nil {
		return free
	}
	addr := strings.TrimSpace(string(text))
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return free
	}
	_ = l.Close()
	return addr
}

// run serves the cloud until ctx ends.
func (s *site) run(ctx context.Context, ready func()) error {
	return s.server.Run(ctx, func() {
		// Losing the address only costs the links kept from the last run.
		_ = os.WriteFile(s.addrFile, []byte(s.server.Addr().String()), 0o600)
		ready()
	})
}

// url is where the cloud answers, once it runs.
func (s *site) url() string { return "http://" + s.server.Addr().String() }
