package command

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
)

const erasureID = "33333333-2222-4333-8444-555555555555"

// erased runs the command and gives the exit code and what it says.
func erased(t *testing.T, b *bus.Bus, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := map[string]string{"NATS_URL": b.Conn().ConnectedUrl(), "DATABASE_URL": postgrestest.URL(t), "STRIDELOG_DATA_DIR": t.TempDir()}
	code = Run(t.Context(), append([]string{"erase"}, args...), Process{
		Stdout: &stdout, Stderr: &stderr, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	return code, stdout.String(), stderr.String()
}

// answering is a gateway with one user, whose erasure stumbles once.
func answering(t *testing.T, b *bus.Bus) (asked *[]string) {
	t.Helper()
	asked = &[]string{}
	looks, left := 0, int64(9)
	server, err := b.Serve("gateway", bustest.Logger(t),
		bus.Method(rpc.GatewayErase, func(_ context.Context, r rpc.EraseUserRequest) (rpc.ErasureResponse, error) {
			*asked = append(*asked, r.UserID)
			if r.UserID != anna {
				return rpc.ErasureResponse{}, &rpc.Error{Code: rpc.CodeNotFound, Detail: "There is no such user: check the id."}
			}
			return rpc.ErasureResponse{ErasureID: erasureID, State: "accepted"}, nil
		}),
		bus.Method(rpc.GatewayErasure, func(_ context.Context, r rpc.ErasureRequest) (rpc.ErasureResponse, error) {
			if looks++; looks == 1 {
				return rpc.ErasureResponse{ErasureID: r.ErasureID, State: "rows_erased", Left: &left, Counts: map[string]int64{"poller.facts": 3, "gateway.users": 1}, LastError: "unavailable: nobody answers"}, nil
			}
			return rpc.ErasureResponse{ErasureID: r.ErasureID, State: "done", UserSHA256: "5e1f", Counts: map[string]int64{"poller.facts": 12, "gateway.users": 1, "poller.syncs": 0}}, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return asked
}

func TestAnErasureIsFollowedToItsEnd(t *testing.T) {
	b := bustest.New(t)
	answering(t, b)
	code, out, said := erased(t, b, "--user", anna, "--yes")
	want := "erased; SHA-256 of the user's id: 5e1f\n       1 gateway.users\n      12 poller.facts\n"
	if code != exitOK || !strings.Contains(out, erasureID) || !strings.HasSuffix(out, want) {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if !strings.Contains(said, "rows_erased: 4 rows and messages are deleted, 9 messages are left unavailable: nobody answers") {
		t.Errorf("it says %q", said)
	}
}

func TestAnErasureNeedsToBeMeant(t *testing.T) {
	b := bustest.New(t)
	asked := answering(t, b)
	for name, args := range map[string][]string{"not sure": {"--user", anna}, "nobody": {"--yes"}, "too many": {"--user", anna, "--yes", ben}} {
		if code, _, said := erased(t, b, args...); code != exitUsage || !strings.Contains(said, eraseUsage) {
			t.Errorf("%s: exit %d, %q", name, code, said)
		}
	}
	if len(*asked) != 0 {
		t.Errorf("the gateway was asked for %v", *asked)
	}
	if code, _, said := erased(t, b, "--user", ben, "--yes"); code != exitFailed || !strings.Contains(said, "no such user") {
		t.Errorf("a stranger: exit %d, %q", code, said)
	}
}

func TestAnErasureNeedsTheGateway(t *testing.T) {
	if code, _, said := erased(t, bustest.New(t), "--user", anna, "--yes"); code != exitFailed || !strings.Contains(said, "unavailable") {
		t.Errorf("exit %d, %q", code, said)
	}
}
