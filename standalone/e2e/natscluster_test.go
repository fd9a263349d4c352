package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/platform/porttest"
)

// natsConfigVariable makes this test binary a NATS server with a configuration file.
const natsConfigVariable = "STRIDELOG_E2E_NATS_CONFIG"

// serveNATS runs a server until the process ends.
func serveNATS(config string) error {
	o, err := server.ProcessConfigFile(config)
	if err != nil {
		return err
	}
	o.NoSigs = true
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	s.WaitForShutdown()
	return nil
}

// clusterAnswer bounds one question to a cluster, which a server may take with it when
// it is killed: then it is asked again.
const clusterAnswer = 10 * time.Second

// natsCluster is three NATS servers in processes of their own, each always at the same
// address.
type natsCluster struct {
	members map[string]*natsProcess // by the server's name
	names   []string
}

const clusterServer = `
server_name: %s
listen: %s
max_payload: 8MB
jetstream { store_dir: %q, sync_interval: %s }
cluster { name: test, listen: %s, routes: [%s] }
log_file: %q
`

// startNATSCluster starts three servers. sync is how soon they write to disk what they
// acknowledge: a kill takes nothing that the system has, so only a long test waits for it.
func startNATSCluster(t *testing.T, sync string) *natsCluster {
	t.Helper()
	c := &natsCluster{members: map[string]*natsProcess{}, names: []string{"one", "two", "three"}}
	var routes []string
	var addresses []string
	for range c.names {
		address := porttest.Address(t)
		addresses, routes = append(addresses, address), append(routes, "nats-route://"+address)
	}
	dir := t.TempDir()
	for i, name := range c.names {
		n := &natsProcess{addr: porttest.Address(t)}
		config, log := filepath.Join(dir, name+".conf"), filepath.Join(dir, name+".log")
		text := fmt.Sprintf(clusterServer, name, n.addr, filepath.Join(dir, name), sync, addresses[i], strings.Join(routes, ", "), log)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		n.env = []string{natsConfigVariable + "=" + config}
		n.start(t)
		t.Cleanup(n.kill)
		t.Cleanup(func() {
			if text, err := os.ReadFile(log); err == nil && t.Failed() {
				t.Logf("NATS %s printed:\n%s", name, text)
			}
		})
		c.members[name] = n
	}
	return c
}

func (c *natsCluster) url() string {
	var all []string
	for _, name := range c.names {
		all = append(all, c.members[name].url())
	}
	return strings.Join(all, ",")
}

// leader is the server that leads a stream, as soon as one does that is none of not.
func (c *natsCluster) leader(ctx context.Context, t *testing.T, js jetstream.JetStream, stream string, not ...string) string {
	t.Helper()
	for {
		ask, cancel := context.WithTimeout(ctx, clusterAnswer) // a killed server answers nothing
		s, err := js.Stream(ask, stream)
		cancel()
		if err == nil && s.CachedInfo().Cluster != nil {
			name := s.CachedInfo().Cluster.Leader
			for _, other := range not {
				if name == other {
					name = ""
				}
			}
			if name != "" {
				return name
			}
		}
		wait(t, ctx, "nobody leads %s: %v", stream, err)
	}
}

// awaitWhole waits until every stream has its replicas on all three servers, and all of
// them are current.
func (c *natsCluster) awaitWhole(ctx context.Context, t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for {
		missing := c.missing(ctx, js)
		if missing == nil {
			return
		}
		wait(t, ctx, "the cluster is not whole: %v", missing)
	}
}

func (c *natsCluster) missing(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, clusterAnswer)
	defer cancel()
	list := js.ListStreams(ctx)
	n := 0
	for s := range list.Info() {
		n++
		if s.Cluster == nil || s.Cluster.Leader == "" || len(s.Cluster.Replicas) != len(c.names)-1 {
			return fmt.Errorf("%s has %+v", s.Config.Name, s.Cluster)
		}
		for _, r := range s.Cluster.Replicas {
			if !r.Current || r.Offline {
				return fmt.Errorf("%s on %s is behind", s.Config.Name, r.Name)
			}
		}
	}
	if err := list.Err(); err != nil {
		return err
	}
	if n == 0 {
		return errors.New("no stream")
	}
	return nil
}
