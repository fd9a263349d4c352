package command

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
	"github.com/stridelog/stridelog/standalone/internal/store"
)

// consenting runs a system until somebody has begun a consent, so that a row is sealed.
func consenting(t *testing.T, databaseURL, natsURL, key string) {
	t.Helper()
	in, err := installation.Start(t.Context(), installation.Options{
		DatabaseURL: databaseURL, NATSURL: natsURL, Log: bustest.Logger(t),
		Providers: map[string]provider.Values{"fitbit": {
			"CLIENT_ID": "id", "CLIENT_SECRET": "secret", "REDIRECT_URI": provider.Secret(installation.CallbackURL("fitbit")),
			"AUTHORIZE_URL": "http://127.0.0.1:1/authorize", "API_BASE_URL": "http://127.0.0.1:1",
		}},
		Change: func(c *config.Config) { c.SealingKey = key },
	})
	if err != nil {
		t.Fatal(err)
	}
	ada, err := in.Client.EnsureUser(t.Context(), "ada")
	if err == nil {
		q := url.Values{"user_id": {ada.ID}, "redirect_uri": {"http://app.test"}}
		err = in.Client.Call(t.Context(), "GET", "/oauth/fitbit/authorize?"+q.Encode(), nil, nil)
	}
	if err != nil {
		t.Error(err)
	}
	if err := in.Stop(); err != nil {
		t.Fatal(err)
	}
}

// sealedBy is how the sealed row begins: the id of its key.
func sealedBy(t *testing.T, databaseURL string) (prefix string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if err := conn.QueryRow(t.Context(), "SELECT encode(substring(verifier FROM 1 FOR 5), 'hex') FROM oauth.states").Scan(&prefix); err != nil {
		t.Fatal(err)
	}
	return prefix
}

// expectCall runs a command and checks its exit code and what it says.
func expectCall(t *testing.T, env map[string]string, code int, says string, args ...string) string {
	t.Helper()
	got, text := said(t, env, "", args...)
	if got != code || !strings.Contains(text, says) {
		t.Errorf("%v: exit %d, want %d and %q:\n%s", args, got, code, says, text)
	}
	return text
}

func TestTheSealingKeyOfOwnStoresIsRotatedStepByStep(t *testing.T) {
	s, dir := newStorePair(t), t.TempDir()
	env := environ(t, s.databaseURL, s.natsURL, t.TempDir())
	consenting(t, s.databaseURL, s.natsURL, env["STRIDELOG_SEALING_KEY"])
	old, before := env["STRIDELOG_SEALING_KEY"], sealedBy(t, s.databaseURL)
	rotate := func(code int, says string, args ...string) {
		t.Helper()
		text := expectCall(t, env, code, says, append([]string{"keys", rotateWord}, args...)...)
		if strings.Contains(text, "keyData") {
			t.Errorf("%v shows a key", args)
		}
	}
	added, used, last := filepath.Join(dir, "added"), filepath.Join(dir, "used"), filepath.Join(dir, "last")
	rotate(exitUsage, "name a step")
	rotate(exitUsage, rotateUsage, "add")
	rotate(exitFailed, "begin with the step add", "use", "--out", used)
	rotate(exitOK, "the old one seals, the new one opens", "add", "--out", added)
	rotate(exitOK, "has the key of the step add already", "add", "--out", added)
	take := func(path string) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		env["STRIDELOG_SEALING_KEY"] = string(text)
	}
	take(added)
	rotate(exitFailed, "a rotation has begun", "add", "--out", used)
	rotate(exitFailed, "a key is never overwritten", "use", "--out", added)
	rotate(exitFailed, "the step use comes first", "reseal")
	rotate(exitOK, "the new one seals, the old one opens", "use", "--out", used)
	take(used)
	rotate(exitFailed, "the step reseal comes first", "drop", "--out", last)
	rotate(exitOK, "1 rows are sealed with the new key now", "reseal")
	rotate(exitOK, "0 rows are sealed with the new key now", "reseal")
	rotate(exitOK, "has the new key alone", "drop", "--out", last)
	take(last)
	if after := sealedBy(t, s.databaseURL); after == before {
		t.Error("the row is sealed with the old key")
	}
	if info, err := os.Stat(last); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the key is %v, %v", info, err)
	}
	env["STRIDELOG_SEALING_KEY"] = old
	rotate(exitFailed, "no row of the database is sealed with this sealing key", "add", "--out", filepath.Join(dir, "wrong"))
}

// One command does it all for embedded stores. It was stopped once between its steps.
func TestTheSealingKeyOfEmbeddedStoresIsRotatedAtOnce(t *testing.T) {
	dir := embeddable(t)
	embed := func() *store.Stores {
		t.Helper()
		s, err := store.Embed(t.Context(), config.Config{DataDir: dir, PGBin: os.Getenv("STRIDELOG_PG_BIN")}, slog.New(slog.DiscardHandler), &launcher.Download{Registry: launcher.Registry(os.LookupEnv)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	stores := embed()
	key, err := store.SealingKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	consenting(t, stores.DatabaseURL, stores.NATSURL, key)
	before := sealedBy(t, stores.DatabaseURL)
	env := map[string]string{"STRIDELOG_DATA_DIR": dir, "STRIDELOG_PG_BIN": os.Getenv("STRIDELOG_PG_BIN")}
	expectCall(t, env, exitUsage, "stop it, rotate, and start it again", "keys", rotateWord)
	stores.Close()

	text := expectCall(t, env, exitOK, "1 rows are sealed with the new key now", "keys", rotateWord)
	if !strings.Contains(text, "has the new key alone. Start the system again.") || !strings.Contains(text, "The old key is kept in ") {
		t.Errorf("it says\n%s", text)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "keys", "sealing-until-*.json"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept are %v, %v", kept, err)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || strings.TrimSpace(string(text)) != strings.TrimSpace(key) {
		t.Errorf("the old key is not what is kept: %v", err)
	}
	fresh, err := store.SealingKey(dir)
	if err != nil || strings.TrimSpace(fresh) == strings.TrimSpace(key) {
		t.Fatalf("the key is the old one: %v", err)
	}
	stores = embed()
	after := sealedBy(t, stores.DatabaseURL)
	if after == before {
		t.Error("the row is sealed with the old key")
	}
	stopBetween(t, dir, stores.DatabaseURL, fresh)
	stores.Close()

	expectCall(t, env, exitOK, "1 rows are sealed with the new key now", "keys", rotateWord)
	stores = embed()
	defer stores.Close()
	if now := sealedBy(t, stores.DatabaseURL); now == after {
		t.Error("the row is sealed with the key of before the stop")
	}
	if last, err := store.SealingKey(dir); err != nil || strings.Count(last, "keyId") != 1 {
		t.Errorf("the file has not one key: %v", err)
	}
}

// stopBetween leaves what the command leaves that is killed before the rows are sealed anew.
func stopBetween(t *testing.T, dir, databaseURL, key string) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, step := range []func(*oauth.KeyRotation) (string, error){
		func(r *oauth.KeyRotation) (string, error) { return r.Add(t.Context()) },
		func(r *oauth.KeyRotation) (string, error) { return r.UseNewest(t.Context()) },
	} {
		r, err := oauth.NewKeyRotation(pool, key)
		if err == nil {
			key, err = step(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.WriteKey(store.SealingKeyFile(dir), key); err != nil {
		t.Fatal(err)
	}
}

// embeddable is a data directory that the user of an embedded Postgres may enter.
func embeddable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "command-test-") //nolint:usetesting // t.TempDir of root is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
