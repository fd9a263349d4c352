package deploytest

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

// clusterServers are the services that are NATS servers of the profile "cluster".
func clusterServers() []string { return []string{"nats", "nats-2", "nats-3"} }

// Three services run NATS with deploy/nats/cluster.conf, under names of their own, each
// with a volume of its own; and all of them are "nats" for the others.
func TestTheClusterProfile(t *testing.T) {
	p := mustLoad(t, environmentFile(t, "deploy/cluster.env"))
	var volumes []string
	for i, name := range clusterServers() {
		s := p.Services[name]
		if !slices.Equal(s.Command, []string{"--config", "/etc/nats/cluster.conf"}) {
			t.Errorf("%s runs %v", name, s.Command)
		}
		if other := s.Networks["default"]; name != "nats" && (other == nil || !slices.Contains(other.Aliases, "nats")) {
			t.Errorf("%s cannot be reached as nats: %+v", name, other)
		}
		if own := s.Environment["NATS_NAME"]; own == nil || *own != []string{"nats-1", "nats-2", "nats-3"}[i] {
			t.Errorf("%s is called %v", name, own)
		}
		if profiled := slices.Equal(s.Profiles, []string{"cluster"}); profiled != (name != "nats") {
			t.Errorf("%s has the profiles %v", name, s.Profiles)
		}
		if len(s.Secrets) != 2 || s.Secrets[0].Source != "nats_passwords" || s.Secrets[1].Source != "nats_route" {
			t.Errorf("%s has the secrets %v", name, s.Secrets)
		}
		for _, v := range s.Volumes {
			if v.Target == "/data" {
				volumes = append(volumes, v.Source)
			}
		}
	}
	if slices.Sort(volumes); len(slices.Compact(volumes)) != 3 {
		t.Errorf("three servers have the volumes %v", volumes)
	}
	if n := p.Services["streams"].Environment["STRIDELOG_REPLICAS"]; n == nil || *n != "3" {
		t.Errorf("streams are made with %v replicas", n)
	}
	if n := mustLoad(t, nil).Services["streams"].Environment["STRIDELOG_REPLICAS"]; n == nil || *n != "1" {
		t.Errorf("without the profile streams are made with %v replicas", n)
	}
}

// startClusterOf runs deploy/nats/cluster.conf for each server. Only where they listen,
// where they find each other and where they keep their files is different.
func startClusterOf(t *testing.T, secrets string) (addresses []string) {
	t.Helper()
	dir := configFolder(t, secrets, "")
	var all []*server.Options
	var routes []*url.URL
	for _, name := range []string{"nats-1", "nats-2", "nats-3"} {
		t.Setenv("NATS_NAME", name)
		o, err := server.ProcessConfigFile(filepath.Join(dir, "cluster.conf"))
		if err != nil {
			t.Fatal(err)
		}
		if o.ServerName != name || !o.SyncAlways || o.Port != 4222 || o.StoreDir != "/data/cluster" || o.MaxPayload != 8<<20 || o.Cluster.Port != 6222 || o.Cluster.Username == "" {
			t.Errorf("%s is called %s; sync always %v, port %d, store %s, payload %d, route port %d", name, o.ServerName, o.SyncAlways, o.Port, o.StoreDir, o.MaxPayload, o.Cluster.Port)
		}
		if len(o.Routes) != 3 || o.Routes[len(all)].Host != name+":6222" {
			t.Errorf("%s has the routes %v", name, o.Routes)
		}
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address, ok := l.Addr().(*net.TCPAddr)
		if !ok || l.Close() != nil {
			t.Fatal("no address for a route")
		}
		o.Host, o.Port, o.HTTPPort, o.StoreDir, o.NoSigs, o.NoLog = "127.0.0.1", server.RANDOM_PORT, 0, t.TempDir(), true, true
		o.Cluster.Host, o.Cluster.Port = "127.0.0.1", address.Port
		all, routes = append(all, o), append(routes, &url.URL{Scheme: "nats-route", Host: address.String()})
	}
	for _, o := range all {
		for i, r := range routes { // each server has its own: a running one reads them
			own := *r
			own.User, o.Routes[i] = o.Routes[i].User, &own
		}
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if !s.ReadyForConnections(waittest.Bound(t)) || !s.JetStreamEnabled() {
			t.Fatal("NATS does not start with deploy/nats/cluster.conf")
		}
		addresses = append(addresses, s.Addr().String())
	}
	return addresses
}

// The operator makes the streams with three replicas, and a service finds them.
func TestTheClusterOfTheConfiguration(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	if err := deployment.MakeSecrets(secrets, deployment.ComposeHosts()); err != nil {
		t.Fatal(err)
	}
	addresses := startClusterOf(t, secrets)
	connect := func(user string, options ...bus.Option) *bus.Bus {
		text, err := os.ReadFile(filepath.Join(secrets, "nats_url_"+user))
		if err != nil {
			t.Fatal(err)
		}
		return bustest.Connect(t, strings.Replace(strings.TrimSpace(string(text)), "nats:4222", addresses[len(user)%3], 1), user, options...)
	}
	operator := connect(deployment.Operator, bus.WithReplicas(3))
	if err := operator.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	poller := connect("poller")
	if err := poller.DeclareStreams(t.Context()); err != nil { // which it may not change
		t.Fatal(err)
	}
	for _, one := range events.Streams() {
		s, err := poller.JetStream().Stream(t.Context(), one.Name)
		if err != nil {
			t.Fatal(err)
		}
		if n := s.CachedInfo().Config.Replicas; n != 3 {
			t.Errorf("%s has %d replicas", one.Name, n)
		}
	}
	if _, err := poller.LastSequence(t.Context(), events.StreamFacts, ">"); err != nil {
		t.Error(err)
	}
	if _, err := poller.Read(t.Context(), events.StreamFacts, nil, 1, func(bus.Delivery) error { return nil }); err != nil {
		t.Error(err)
	}
}
