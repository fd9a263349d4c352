package bus_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
)

// An inbox belongs to the NATS user, whatever command connects as it. A token is
// no user: it would show in every reply's subject.
func TestInboxBelongsToTheUserOfTheURL(t *testing.T) {
	users, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		Users: []*server.User{{Username: "operator", Password: "pa55word"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	users.Start()
	t.Cleanup(func() { users.Shutdown(); users.WaitForShutdown() })
	token, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Token: "t0ken", Log: bustest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(token.Stop)
	for url, prefix := range map[string]string{
		"nats://operator:pa55word@" + users.Addr().String(): "_INBOX_operator.",
		token.URL():            "_INBOX_tail.",
		bustest.StartServer(t): "_INBOX_tail.",
	} {
		nc, err := bus.Connect(t.Context(), url, "tail", bustest.Logger(t))
		if err != nil {
			t.Fatal(err)
		}
		if inbox := nc.NewInbox(); !strings.HasPrefix(inbox, prefix) {
			t.Errorf("inbox %s, want %s…", inbox, prefix)
		}
		nc.Close()
	}
}
