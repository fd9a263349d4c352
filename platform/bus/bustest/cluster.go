package bustest

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stridelog/stridelog/platform/waittest"
)

// StartCluster starts n NATS servers in this process as one cluster and returns their
// URLs, with commas between. JetStream may still be choosing its leader.
func StartCluster(t testing.TB, n int) (urls string) {
	t.Helper()
	var routes []*url.URL // of all: they tell a server how many there are
	var ports []int
	for range n {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			t.Fatalf("listens on %v", l.Addr())
		}
		ports, routes = append(ports, address.Port), append(routes, &url.URL{Scheme: "nats-route", Host: address.String()})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	for i, port := range ports {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("server-%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), MaxPayload: 8 << 20, Routes: routes,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port},
		})
		if err != nil {
			t.Fatalf("start NATS: %v", err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if !s.ReadyForConnections(waittest.Bound(t)) {
			t.Fatal("start NATS: a server of the cluster does not listen")
		}
		all = append(all, s.ClientURL())
	}
	return strings.Join(all, ",")
}
