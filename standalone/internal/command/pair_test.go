package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

const natsToken = "t0ken-of-the-test"

// pairCall is how a command is called on stores.
type pairCall struct {
	args []string
	// reads says that the command changes nothing; foreign that it refuses a foreign log
	// all the same.
	reads, foreign bool
	// works is what it says on stores that belong together.
	works string
}

// pairCalls has a line for every command that acts on stores. archive is an export.
func pairCalls(archive string) map[string]pairCall {
	serves := func(component string) string { return "msg=\"component is ready\" component=" + component }
	return map[string]pairCall{
		"serve":        {works: "Stridelog serves on"},
		"oauth":        {works: serves("oauth")},
		"poller":       {works: serves("poller")},
		"projector":    {works: serves("projector")},
		"gateway":      {works: serves("gateway")},
		"import":       {args: []string{"fitbit-export", archive, "--user", "ada"}, works: "Imported "},
		"rebuild":      {works: "Rebuilt "},
		"erase":        {args: []string{"--user", anna, "--yes"}, works: "Nobody answers rpc.gateway.v1.erase"},
		"api-keys":     {args: []string{"create", "test", "--scope", "read"}, works: "It is shown this once: sl_"},
		"dead-letters": {args: []string{"requeue", "1"}, works: "there is no such dead letter"},
		"streams":      {args: []string{"--reader", "somebody"}, works: "readers of facts and changes are declared"},
		"verify":       {reads: true, foreign: true},
		"backup":       {args: []string{archive + ".backup"}, reads: true, foreign: true},
		"restore":      {args: []string{archive}, reads: true, works: "restore: "}, // tried in standalone/e2e, on empty stores
		"export":       {args: []string{"--user", anna}, reads: true, works: "the log holds nothing"},
		"tail":         {reads: true},
	}
}

// storePair is the pair of stores of one system.
type storePair struct{ databaseURL, natsURL, dataDir string }

// newStorePair makes stores that a system has worked on, which have a user "ada", and a
// data directory that says that a system runs on them.
func newStorePair(t *testing.T) storePair {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Token: natsToken, Log: bustest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	s := storePair{databaseURL: postgrestest.URL(t), natsURL: server.URL(), dataDir: t.TempDir()}
	in, err := installation.Start(t.Context(), installation.Options{DatabaseURL: s.databaseURL, NATSURL: s.natsURL, Log: bustest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Client.EnsureUser(t.Context(), "ada"); err != nil {
		t.Error(err)
	}
	if err := in.Stop(); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"database_url": s.databaseURL, "nats_url": s.natsURL, "pid": os.Getpid()})
	if err == nil {
		err = os.MkdirAll(filepath.Join(s.dataDir, "run"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dataDir, "run", "stores.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// state is everything that the stores hold, to be compared.
func (s storePair) state(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	js := bustest.Connect(t, s.natsURL, "state").JetStream()
	for stream := range js.ListStreams(t.Context()).Info() {
		fmt.Fprintf(&text, "%s %+v %d %d %d\n", stream.Config.Name, stream.Config, stream.State.Msgs, stream.State.LastSeq, stream.State.Consumers)
	}
	conn, err := pgx.Connect(t.Context(), s.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		t.Fatalf("the tables are %v: %v", tables, err)
	}
	for _, table := range tables {
		var sum string
		if err := conn.QueryRow(t.Context(), "SELECT count(*) || ' ' || coalesce(md5(string_agg(x::text, ' ' ORDER BY x::text)), '') FROM "+table+" x").Scan(&sum); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&text, table, sum)
	}
	return text.String()
}

// environ are the variables of a call; the empty ones are unset.
func environ(t *testing.T, databaseURL, natsURL, dataDir string) map[string]string {
	t.Helper()
	sealing, err := oauth.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"DATABASE_URL": databaseURL, "NATS_URL": natsURL, "STRIDELOG_DATA_DIR": dataDir, "STRIDELOG_SEALING_KEY": sealing,
		"STRIDELOG_ADMIN_KEY": installation.AdminKey, "HTTP_ADDR": "127.0.0.1:0", "LOG_LEVEL": "debug",
	}
}

// said runs a command until it ends by itself, or has said something.
func said(t *testing.T, env map[string]string, enough string, args ...string) (code int, text string) {
	t.Helper()
	ctx, cancel := context.WithCancel(waittest.Context(t))
	defer cancel()
	out := &watched{enough: enough, seen: cancel}
	code = Run(ctx, args, Process{
		Name: "stridelog", Stdout: out, Stderr: out, Env: func(name string) (string, bool) { v := env[name]; return v, v != "" },
	})
	for name := range map[string]bool{"DATABASE_URL": true, "NATS_URL": true} {
		if env[name] != "" && strings.Contains(out.String(), env[name]) {
			t.Errorf("%v shows %s, which holds a secret", args, name)
		}
	}
	if strings.Contains(out.String(), natsToken) {
		t.Errorf("%v shows the token", args)
	}
	return code, out.String()
}

// everyPairCall runs a test for each command that acts on stores.
func everyPairCall(t *testing.T, do func(t *testing.T, call pairCall, args []string)) {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "takeout.zip")
	if code, text := said(t, nil, "", "simulator", "export", archive, "--years", "1"); code != exitOK {
		t.Fatal(text)
	}
	calls := pairCalls(archive)
	for _, a := range actions() {
		call, known := calls[a.name]
		delete(calls, a.name)
		switch a.needs.Stores {
		case config.StoresNone:
			continue
		case config.StoresOwn: // tried in standalone/e2e, where it is started
			c, err := config.Load(func(name string) (string, bool) {
				v := map[string]string{"DATABASE_URL": "postgres://x@y/z", "NATS_URL": "nats://y"}[name]
				return v, v != ""
			}, a.needs)
			if err != nil || c.DatabaseURL != "" || c.NATSURL != "" {
				t.Errorf("%s takes stores of the environment: %v", a.name, err)
			}
			continue
		}
		if !known {
			t.Errorf("stridelog %s acts on stores: give it a line in pairCalls, so that it is tried on two systems", a.name)
			continue
		}
		t.Run(a.name, func(t *testing.T) { do(t, call, append([]string{a.name}, call.args...)) })
	}
	for name := range calls {
		t.Errorf("there is no command %s that acts on stores", name)
	}
}

// Two systems: no command writes into the log of one and the tables of the other,
// whichever way the mixture was asked for, and each says on which two stores it acts.
func TestNoCommandMixesTheStoresOfTwoSystems(t *testing.T) {
	a, b := newStorePair(t), newStorePair(t)
	before := a.state(t) + b.state(t)
	everyPairCall(t, func(t *testing.T, call pairCall, args []string) {
		if call.reads && !call.foreign {
			return
		}
		code, text := said(t, environ(t, b.databaseURL, a.natsURL, t.TempDir()), "", args...)
		if code != exitFailed || !strings.Contains(text, "are of two systems") {
			t.Errorf("both given, of two systems: exit %d\n%s", code, text)
		}
		names(t, text, b.databaseURL, a.natsURL)
		for _, env := range []map[string]string{environ(t, "", a.natsURL, b.dataDir), environ(t, a.databaseURL, "", b.dataDir)} {
			code, text := said(t, env, "", args...)
			if code != exitUsage || !strings.Contains(text, "DATABASE_URL: is ") && !strings.Contains(text, "NATS_URL: is ") {
				t.Errorf("one given, beside a data directory: exit %d\n%s", code, text)
			}
		}
	})
	for _, env := range []map[string]string{environ(t, "", a.natsURL, b.dataDir), environ(t, a.databaseURL, "", b.dataDir)} {
		if code, text := said(t, env, "", "serve", "--embedded"); code != exitUsage {
			t.Errorf("serve --embedded with one store given: exit %d\n%s", code, text)
		}
	}
	if after := a.state(t) + b.state(t); after != before {
		t.Errorf("the stores were\n%s\nand are\n%s", before, after)
	}
}

// The control: the same calls work on stores that belong together, named by the
// environment and found by the data directory.
func TestEveryCommandActsOnStoresThatBelongTogether(t *testing.T) {
	a := newStorePair(t)
	everyPairCall(t, func(t *testing.T, call pairCall, args []string) {
		find, _ := find(args[0])
		named := []string{a.databaseURL, a.natsURL}
		if find.needs.Stores == config.StoresNATS {
			named, call.works = named[1:], "stridelog "+args[0]+": NATS"
		}
		names(t, works(t, environ(t, a.databaseURL, a.natsURL, t.TempDir()), call, args), named...)
		if find.needs.Stores == config.StoresFound || find.needs.Stores == config.StoresNATS {
			text := works(t, environ(t, "", "", a.dataDir), call, args)
			names(t, text, named...)
			if !strings.Contains(text, a.dataDir) {
				t.Errorf("it does not say from where the stores are:\n%s", text)
			}
		}
	})
}

func works(t *testing.T, env map[string]string, call pairCall, args []string) string {
	t.Helper()
	enough := call.works
	if enough == "" {
		enough = "stridelog " + args[0] + ": database" // it would wait for a system
	}
	_, text := said(t, env, enough, args...)
	if !strings.Contains(text, enough) {
		t.Errorf("on its own stores it does not say %q:\n%s", enough, text)
	}
	return text
}

// names checks that both stores are named.
func names(t *testing.T, text string, urls ...string) {
	t.Helper()
	for _, one := range urls {
		u, err := url.Parse(one)
		if err != nil {
			t.Fatal("an address cannot be read")
		}
		if !strings.Contains(text, u.Host+u.Path) {
			t.Errorf("%s is not named in\n%s", u.Host+u.Path, text)
		}
	}
}

// After a restore the log is another one. The flag takes it, and from then on the two
// belong together.
func TestARebuildTakesAForeignLogWhenItIsTold(t *testing.T) {
	a, b := newStorePair(t), newStorePair(t)
	env := environ(t, b.databaseURL, a.natsURL, t.TempDir())
	if code, text := said(t, env, "", "streams"); code != exitFailed || !strings.Contains(text, "rebuild --accept-log") {
		t.Errorf("before: exit %d\n%s", code, text)
	}
	if code, text := said(t, env, "", "rebuild", "--accept-log"); code != exitOK || !strings.Contains(text, "Rebuilt ") {
		t.Errorf("rebuild --accept-log: exit %d\n%s", code, text)
	}
	for _, args := range [][]string{{"streams"}, {"rebuild"}, {"verify"}} {
		if code, text := said(t, env, "", args...); code != exitOK {
			t.Errorf("%v after it: exit %d\n%s", args, code, text)
		}
	}
	if code, text := said(t, environ(t, b.databaseURL, b.natsURL, t.TempDir()), "", "streams"); code != exitFailed {
		t.Errorf("the log of before: exit %d\n%s", code, text)
	}
	empty := environ(t, b.databaseURL, bustest.StartServer(t), t.TempDir())
	if code, text := said(t, empty, "", "streams"); code != exitFailed || !strings.Contains(text, "no such stream") {
		t.Errorf("a NATS without streams: exit %d\n%s", code, text)
	}
}

// watched calls seen once a text was written.
type watched struct {
	enough string
	seen   func()

	mu   sync.Mutex
	text bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if w.enough != "" && strings.Contains(w.text.String(), w.enough) {
		w.seen()
	}
	return n, err
}

// String is what was written.
func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
