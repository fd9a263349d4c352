package command

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// The commands act beside a running gateway, which follows at once, and the audit says so.
func TestAPIKeysAreMadeAndEndedByCommands(t *testing.T) {
	server, err := natsserver.Start(natsserver.Options{StoreDir: t.TempDir(), Token: natsToken, Log: bustest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	databaseURL := postgrestest.URL(t)
	in, err := installation.Start(t.Context(), installation.Options{DatabaseURL: databaseURL, NATSURL: server.URL(), Log: bustest.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Stop(); err != nil {
			t.Error(err)
		}
	})
	if _, err := in.Client.EnsureUser(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	env := environ(t, databaseURL, server.URL(), t.TempDir())
	call := func(want int, args ...string) string {
		t.Helper()
		code, out := said(t, env, "", append([]string{"api-keys"}, args...)...)
		if code != want {
			t.Errorf("%v exits with %d, want %d: %s", args, code, want, out)
		}
		return out
	}
	secretOf := func(out string) string {
		return regexp.MustCompile(`shown this once: (sl_\S+)`).FindStringSubmatch(out + " shown this once: sl_none")[1]
	}
	ask := func(secret, path string, into any) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, in.Client.BaseURL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		resp, err := in.Client.HTTP.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if into != nil {
			if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
				t.Fatal(err)
			}
		}
		return resp.StatusCode
	}

	made := call(exitOK, "create", "phone", "--scope", "read,push", "--user", "ada", "--expires", "90d", "--requests-per-minute", "100")
	secret := secretOf(made)
	if got := ask(secret, "/api/v1/users", nil); got != http.StatusOK {
		t.Fatalf("the new key answers %d", got)
	}
	id := regexp.MustCompile(`Key (\S+) `).FindStringSubmatch(made + "Key none ")[1]
	list := call(exitOK, "list")
	if !strings.Contains(list, id) || !strings.Contains(list, "read, push") || !strings.Contains(list, secret[:9]+"…") || strings.Contains(list, secret) {
		t.Errorf("the list is\n%s", list)
	}
	rotated := secretOf(call(exitOK, "rotate", id, "--overlap", "0s"))
	// A gateway is told of a change by the database, a moment later.
	ends := func(what, secret string) {
		t.Helper()
		waittest.Until(t, what+" is refused", func() bool { return ask(secret, "/api/v1/users", nil) == http.StatusUnauthorized })
	}
	ends("the secret before the rotation", secret)
	if got := ask(rotated, "/api/v1/users", nil); got != http.StatusOK {
		t.Errorf("the new secret answers %d", got)
	}
	call(exitOK, "revoke", id)
	ends("the ended key", rotated)
	var audit struct {
		Data []struct {
			Actor, Action string
			ObjectID      string `json:"object_id"`
		}
	}
	ask(installation.AdminKey, "/api/v1/audit?limit=3", &audit)
	for i, action := range []string{"key.revoked", "key.rotated", "key.created"} {
		if len(audit.Data) != 3 || audit.Data[i].Actor != "command" || audit.Data[i].Action != action || audit.Data[i].ObjectID != id {
			t.Fatalf("the audit is %+v", audit.Data)
		}
	}

	for says, args := range map[string][]string{
		"name the key first":         {"create", "--scope", "read"},
		"is empty: name at least":    {"create", "x"},
		`has "root"`:                 {"create", "x", "--scope", "root"},
		"must be bound":              {"create", "x", "--scope", "push"},
		"no such user":               {"create", "x", "--scope", "read", "--user", "nobody"},
		"must be a time such as 90d": {"create", "x", "--scope", "read", "--expires", "soon"},
		"a UUID, which list shows":   {"revoke", secret},
		"there is no such API key":   {"revoke", anna},
		"create NAME":                {"make"},
	} {
		if code, out := said(t, env, "", append([]string{"api-keys"}, args...)...); code == exitOK || !strings.Contains(out, says) || strings.Contains(out, secret) {
			t.Errorf("%v exits with %d and says %s", args, code, out)
		}
	}
}
