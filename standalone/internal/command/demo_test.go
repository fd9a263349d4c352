package command

import (
	"net"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/config"
)

func TestTheDemoListensForThisMachineAlone(t *testing.T) {
	for given, want := range map[string]string{"": "127.0.0.1:8000", ":8123": ":8123", "0.0.0.0:9": "0.0.0.0:9"} {
		env := map[string]string{}
		if given != "" {
			env["HTTP_ADDR"] = given
		}
		p := Process{Env: func(name string) (string, bool) { v, set := env[name]; return v, set }}
		c, err := config.Load(p.Env, config.Needs{Stores: config.StoresOwn})
		if err != nil {
			t.Fatal(err)
		}
		if got := demoDefaults(p, c).HTTPAddr; got != want {
			t.Errorf("with HTTP_ADDR=%q it listens on %q, want %q", given, got, want)
		}
	}
}

// A port that somebody has is found before anything starts: the error names the
// variable, and an address that is free.
func TestATakenPortNamesItsVariable(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	dir := t.TempDir()
	for call, variable := range map[string]string{
		"demo": "HTTP_ADDR", "serve --embedded": "HTTP_ADDR", "serve": "HTTP_ADDR", "gateway": "HTTP_ADDR", "simulator": "HTTP_ADDR",
		"oauth": "OPERATIONS_ADDR", "poller": "OPERATIONS_ADDR", "projector": "OPERATIONS_ADDR",
	} {
		env := environ(t, "postgres://nobody@127.0.0.1:1/none", "nats://127.0.0.1:1", dir)
		env["HTTP_ADDR"], env["OPERATIONS_ADDR"] = "127.0.0.1:0", "127.0.0.1:0"
		env[variable] = addr
		code, text := said(t, env, "", strings.Fields(call)...)
		if code != exitUsage || !strings.Contains(text, variable+": cannot listen on "+addr+": another program listens there") || !strings.Contains(text, variable+"=127.0.0.1:") {
			t.Errorf("%s: exit %d\n%s", call, code, text)
		}
	}
	if err := checkListen(t.Context(), "HTTP_ADDR", "127.0.0.1:0", "x"); err != nil {
		t.Errorf("any free port: %v", err)
	}
	if err := checkListen(t.Context(), "HTTP_ADDR", "", "x"); err != nil {
		t.Errorf("no address: %v", err)
	}
}
