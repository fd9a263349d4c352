package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
)

// ports are where embedded stores listened when they ran last. They are taken again
// where they are free, so that what somebody noted works after a restart.
type ports struct {
	Postgres int `json:"postgres"`
	NATS     int `json:"nats"`
}

func portsFile(dataDir string) string { return filepath.Join(dataDir, "run", "ports.json") }

// lastPorts are zero where nothing is known: then any free port does.
func (s *Stores) lastPorts(dataDir string) (p ports) {
	text, err := os.ReadFile(portsFile(dataDir))
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil && !os.IsNotExist(err) {
		s.log.Warn("the ports of the last run are not known; free ones are taken", "error", err)
		return ports{}
	}
	return p
}

// natsAddr is the address of the last run, if nobody listens there.
func (p ports) natsAddr(ctx context.Context) string {
	const free = "127.0.0.1:0"
	if p.NATS == 0 {
		return free
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(p.NATS))
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return free
	}
	_ = l.Close()
	return addr
}

// keepPorts notes where the servers listen now.
func (s *Stores) keepPorts(dataDir string) error {
	var p ports
	for _, one := range []struct {
		url  string
		port *int
	}{{s.DatabaseURL, &p.Postgres}, {s.NATSURL, &p.NATS}} {
		u, err := url.Parse(one.url)
		if err == nil {
			*one.port, err = strconv.Atoi(u.Port())
		}
		if err != nil {
			return fmt.Errorf("keep the ports of the embedded stores: an address has no port") // the URL holds a secret
		}
	}
	text, err := json.Marshal(p)
	if err == nil {
		err = writeOnce(portsFile(dataDir), string(text))
	}
	if err != nil {
		return fmt.Errorf("keep the ports of the embedded stores: %w", err)
	}
	return nil
}
