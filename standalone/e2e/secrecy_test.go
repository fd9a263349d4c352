package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// secrecyWorld is a world whose stores lie in known folders, and everything that was
// secret or said in it.
type secrecyWorld struct {
	*world
	natsDir, dataDir string
	nats             *natsserver.Server
	postgres         *launcher.Server
	log, rest        *output

	mu      sync.Mutex
	secrets map[string]string // kind by secret
	echo    bool              // refreshes fail, and the answer repeats the token
	echoed  int
}

// TestNoSecretIsInClearAnywhere runs consents, refreshes, failures whose answers
// repeat the token, and a disconnect, and then searches what a person could copy:
// logs, the files of both stores, every table, every event, every REST answer.
func TestNoSecretIsInClearAnywhere(t *testing.T) {
	v := newSecrecyWorld(t)
	log := slog.New(slog.NewTextHandler(io.MultiWriter(v.log, t.Output()), &slog.HandlerOptions{Level: slog.LevelDebug}))
	in, err := installation.Start(t.Context(), installation.Options{DatabaseURL: v.databaseURL, NATSURL: v.natsURL, Providers: map[string]provider.Values{"fitbit": v.fitbit}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceValue(in.Stop)
	t.Cleanup(func() { _ = stop() })
	in.Client.HTTP.Transport = listening{v.rest}
	v.keep("admin key", installation.AdminKey)
	v.keep("client secret", v.fitbit.Text("CLIENT_SECRET"))
	v.keepSealingKey(t, in.System.Config.SealingKey)

	v.live(t, in.Client)
	v.showKeys(t, *in.Client)

	const control = "planted-control-of-this-search"
	v.plant(t, in.Client, log, control)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	places := v.places(t)
	conformsAt(t, v.natsURL)
	v.nats.Stop()
	if err := v.postgres.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	places["JetStream files"] = files(t, v.natsDir)
	places["Postgres files"] = files(t, v.dataDir)
	kinds := map[string]int{}
	for _, kind := range v.secrets {
		kinds[kind]++
	}
	t.Logf("%v secrets", kinds)
	for _, kind := range []string{"access token", "refresh token", "code", "verifier", "client secret", "admin key", "sealing key", "API key", "token of a person", "guessed key"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s was ever seen, so nothing is searched for", kind)
		}
	}
	for place, texts := range places {
		if find(texts, control) == "" {
			t.Errorf("%s: the search does not find the planted control", place)
		}
		for secret, kind := range v.secrets {
			if where := find(texts, secret); where != "" {
				t.Errorf("%s: a %s is in clear in %s", place, kind, where)
			}
		}
	}
}

func newSecrecyWorld(t *testing.T) *secrecyWorld {
	t.Helper()
	v := &secrecyWorld{world: &world{}, natsDir: t.TempDir(), dataDir: dataDir(t), log: newOutput(), rest: newOutput(), secrets: map[string]string{}}
	v.addFourPeople(t)
	v.postgres = startCluster(t, v.dataDir)
	t.Cleanup(func() { _ = v.postgres.Stop(context.Background()) })
	v.databaseURL = v.postgres.URL()
	var err error
	if v.nats, err = natsserver.Start(natsserver.Options{StoreDir: v.natsDir, Log: testLog(t)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.nats.Stop)
	v.natsURL = v.nats.URL()
	v.cloud.SetFault(v.recordTokens)
	return v
}

func (v *secrecyWorld) keep(kind, secret string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(secret) >= 8 {
		v.secrets[secret] = kind
	}
}

// showKeys makes a key, gives it a new secret, issues a token, and sends them and a guess.
// Its client is not listened to: the answers that make secrets show them once.
func (v *secrecyWorld) showKeys(t *testing.T, c client.Client) {
	t.Helper()
	c.HTTP = &http.Client{}
	user := newUser(t, &c, "shown")
	var key, rotated struct{ ID, Key string }
	var issued struct{ Token string }
	for _, step := range []struct {
		path string
		body map[string]any
		out  any
	}{
		{"/keys", map[string]any{"name": "reader", "scopes": []string{"read"}}, &key},
		{"/keys/%s/rotate", map[string]any{"overlap_seconds": 3600}, &rotated},
		{"/users/" + user.ID + "/tokens", map[string]any{"scopes": []string{"read"}}, &issued},
	} {
		if err := c.Call(deadline(t), http.MethodPost, strings.ReplaceAll(step.path, "%s", key.ID), step.body, step.out); err != nil {
			t.Fatal(err)
		}
	}
	guess := "sl_" + strings.Repeat("guessed", 6)
	v.keep("API key", key.Key)
	v.keep("API key", rotated.Key)
	v.keep("token of a person", issued.Token)
	v.keep("guessed key", guess)
	for secret, want := range map[string]bool{key.Key: true, rotated.Key: true, issued.Token: true, guess: false} {
		c.Key = secret
		if err := c.Call(deadline(t), http.MethodGet, "/users/"+user.ID, nil, new([]byte)); (err == nil) != want {
			t.Errorf("a secret is taken: %v, want %v: %v", err == nil, want, err)
		}
		if err := c.Call(deadline(t), http.MethodDelete, "/users/"+user.ID, nil, new([]byte)); err == nil {
			t.Error("a key that may only read erases")
		}
	}
}

// keepSealingKey takes the key material out of the key set, in each spelling.
func (v *secrecyWorld) keepSealingKey(t *testing.T, keyset string) {
	t.Helper()
	var set struct {
		Key []struct {
			KeyData struct {
				Value string `json:"value"`
			} `json:"keyData"`
		} `json:"key"`
	}
	if err := json.Unmarshal([]byte(keyset), &set); err != nil || len(set.Key) == 0 {
		t.Fatalf("the key set cannot be read: %v", err)
	}
	for _, k := range set.Key {
		v.keep("sealing key", k.KeyData.Value)
		if raw, err := base64.StdEncoding.DecodeString(k.KeyData.Value); err == nil {
			v.keep("sealing key", string(raw))
		}
	}
}

// recordTokens keeps every secret that goes to and from the token endpoint, and lets
// refreshes fail loudly when told to.
func (v *secrecyWorld) recordTokens(call *fitbit.Call) *fitbit.Fault {
	if call.Endpoint != fitbit.EndpointToken {
		return nil
	}
	v.keep("code", call.PostForm.Get("code"))
	v.keep("verifier", call.PostForm.Get("code_verifier"))
	refresh := call.PostForm.Get("refresh_token")
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.echo && refresh != "" {
		v.echoed++
		return &fitbit.Fault{Before: true, Status: http.StatusInternalServerError,
			Body: fmt.Appendf(nil, `{"errors":[{"errorType":"system","message":"cannot rotate %s"}],"success":false}`, refresh)}
	}
	return &fitbit.Fault{Rewrite: func(body []byte) []byte {
		var pair struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		_ = json.Unmarshal(body, &pair) // an error answer has neither
		v.keep("access token", pair.Access)
		v.keep("refresh token", pair.Refresh)
		return body
	}}
}

// live goes through what happens to a connection.
func (v *secrecyWorld) live(t *testing.T, c *client.Client) {
	t.Helper()
	first, second := v.people[0], v.people[1]
	user := v.connect(t, c, first)
	leaver := v.connect(t, c, second)

	if err := v.cloud.ExpireAccessTokens(first.AccountID()); err != nil {
		t.Fatal(err)
	}
	if status := v.sync(t, c, user.ID); status != "success" {
		t.Fatalf("a sync with a refresh ended %s", status)
	}

	// The token endpoint fails and repeats the token.
	v.setEcho(true)
	if err := v.cloud.ExpireAccessTokens(first.AccountID()); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	if _, err := c.Historical(ctx, user.ID, "fitbit", 3); err != nil {
		t.Fatal(err)
	}
	for v.echoes() == 0 {
		wait(t, ctx, "a refresh that fails")
	}
	v.setEcho(false)

	// The person withdraws the consent: the refusal of the cloud repeats the token.
	if err := v.cloud.Withdraw(first.AccountID()); err != nil {
		t.Fatal(err)
	}
	for {
		list, err := c.Connections(ctx, user.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && list[0].Status == "action_required" {
			break
		}
		wait(t, ctx, "the withdrawn consent is shown: %+v", list)
	}
	if _, err := c.Historical(ctx, user.ID, "fitbit", 3); err == nil {
		t.Error("a sync on a withdrawn consent was accepted")
	}

	// Answers that are refusals: a used code, a wrong state, a key that is none.
	v.misuse(t, c)
	if err := c.Call(ctx, http.MethodDelete, "/users/"+leaver.ID+"/connections/fitbit", nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/users/" + user.ID + "/syncs", "/users/" + user.ID + "/connections", "/dead-letters"} {
		if err := c.Call(ctx, http.MethodGet, path, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func (v *secrecyWorld) sync(t *testing.T, c *client.Client, userID string) string {
	t.Helper()
	id, err := c.Historical(deadline(t), userID, "fitbit", 3)
	if err != nil {
		t.Fatal(err)
	}
	sync, err := c.AwaitSync(deadline(t), userID, id)
	if err != nil {
		t.Fatal(err)
	}
	return sync.Status
}

func (v *secrecyWorld) misuse(t *testing.T, c *client.Client) {
	t.Helper()
	v.mu.Lock()
	var code string
	for secret, kind := range v.secrets {
		if kind == "code" {
			code = secret
		}
	}
	v.mu.Unlock()
	back := &url.URL{Path: "/api/v1/oauth/fitbit/callback", RawQuery: url.Values{"code": {code}, "state": {"nobody-knows-it"}}.Encode()}
	if _, err := c.Return(deadline(t), back); err == nil {
		t.Error("a callback with an unknown state was accepted")
	}
	stranger := *c
	stranger.Key = "sl_a-key-that-is-none-of-ours"
	if _, err := stranger.Connections(deadline(t), events.NewID()); err == nil {
		t.Error("a wrong key was accepted")
	}
}

func (v *secrecyWorld) setEcho(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.echo = on
}

func (v *secrecyWorld) echoes() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.echoed
}

// plant leaves the control in every place that is searched.
func (v *secrecyWorld) plant(t *testing.T, c *client.Client, log *slog.Logger, control string) {
	t.Helper()
	ctx := deadline(t)
	log.DebugContext(ctx, "control", "value", control)
	// As a user's external id it is in a table, a table's file and an answer.
	if _, err := c.EnsureUser(ctx, control); err != nil {
		t.Fatal(err)
	}
	if _, err := v.jetStream(t).Publish(ctx, "stridelog.user.erased.-."+events.NewID(), []byte(control)); err != nil {
		t.Fatal(err)
	}
}

// places are what can be read while the stores run.
func (v *secrecyWorld) places(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	log, _ := v.log.read()
	answers, _ := v.rest.read()
	return map[string]map[string][]byte{
		"log": {"the log": []byte(log)}, "REST answers": {"an answer": []byte(answers)},
		"tables": v.tables(t), "events": v.events(t),
	}
}

// tables are all rows of all tables as text.
func (v *secrecyWorld) tables(t *testing.T) map[string][]byte {
	t.Helper()
	ctx := deadline(t)
	db, err := pgx.Connect(ctx, v.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(ctx) }()
	collect := func(sql string) []string {
		rows, err := db.Query(ctx, sql)
		if err != nil {
			t.Fatal(err)
		}
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	tables := collect(`SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	texts := make(map[string][]byte, len(tables))
	for _, table := range tables {
		texts[table] = []byte(strings.Join(collect("SELECT t::text FROM "+table+" t"), "\n"))
	}
	return texts
}

// events are all messages of all streams with their headers.
func (v *secrecyWorld) events(t *testing.T) map[string][]byte {
	t.Helper()
	ctx := deadline(t)
	js, texts := v.jetStream(t), map[string][]byte{}
	for name := range js.StreamNames(ctx).Name() {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		var all bytes.Buffer
		for n := uint64(1); n <= stream.CachedInfo().State.LastSeq; n++ {
			m, err := stream.GetMsg(ctx, n)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "%s %v %s\n", m.Subject, m.Header, m.Data)
		}
		texts[name] = all.Bytes()
	}
	return texts
}

// files are all files below a folder.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	texts := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		texts[path], err = os.ReadFile(path) //nolint:gosec // the test's own folder
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// find names a text that holds a secret, as it is or as hex digits.
func find(texts map[string][]byte, secret string) string {
	for name, text := range texts {
		if bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(hex.EncodeToString([]byte(secret)))) {
			return name
		}
	}
	return ""
}

// listening is a transport that keeps what was answered.
type listening struct{ to io.Writer }

// RoundTrip implements http.RoundTripper.
func (l listening) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.Path, "/api/") {
		return resp, err // the cloud's own answers are no secret to the cloud
	}
	fmt.Fprintf(l.to, "%d %v\n", resp.StatusCode, resp.Header)
	body := resp.Body
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, l.to), body}
	return resp, nil
}
