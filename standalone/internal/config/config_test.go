package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

func environment(t *testing.T, pairs map[string]string) func(string) (string, bool) {
	t.Helper()
	return func(name string) (string, bool) {
		if v, ok := pairs[name]; ok {
			return v, true
		}
		if name == "STRIDELOG_DATA_DIR" {
			return t.TempDir(), true
		}
		return "", false
	}
}

// What would fail only once something listens, connects or redirects is a fault
// of the configuration, too, and no report shows a password.
func TestAddressesAndKeysAreCheckedBeforeAnythingStarts(t *testing.T) {
	good := map[string]string{
		"DATABASE_URL": "postgres://me:pa55word@db:5432/stridelog", "NATS_URL": "nats://t0ken@one:4222, two:4222",
		"HTTP_ADDR": "[::1]:8000", "STRIDELOG_REDIRECT_ALLOWLIST": "https://app.example.org, http://localhost:*",
	}
	var err error
	if good["STRIDELOG_SEALING_KEY"], err = oauth.NewSealingKey(); err != nil {
		t.Fatal(err)
	}
	needs := config.Needs{Stores: config.StoresRequired, SealingKey: true}
	if _, err := config.Load(environment(t, good), needs); err != nil {
		t.Fatalf("a good environment is refused: %v", err)
	}
	bad := map[string][]string{
		"DATABASE_URL":                 {"db", "postgres://me:pa55word@db:port/x", "postgres://me:pa55%word@db/x"},
		"NATS_URL":                     {"nats://", "nats://pa55word@one:4222,nats://pa55word@two:port", ","},
		"HTTP_ADDR":                    {"8000", "localhost", "localhost:http", "::1:8000", ":65536", ":-1"},
		"STRIDELOG_REDIRECT_ALLOWLIST": {"app.example.org", "https://*.example.org", "https://app.example.org/path", "https://app.example.org:*"},
		"STRIDELOG_SEALING_KEY":        {`{"pa55word":1}`, "pa55word"},
		"IMPORT_MAX_BYTES":             {"much", "0", "-1", "10 gigs"},
	}
	for name, values := range bad {
		for _, value := range values {
			pairs := map[string]string{}
			for k, v := range good {
				pairs[k] = v
			}
			pairs[name] = value
			_, err := config.Load(environment(t, pairs), needs)
			switch {
			case err == nil:
				t.Errorf("%s=%s is taken", name, value)
			case !strings.Contains(err.Error(), name+":"):
				t.Errorf("%s=%s: the report does not name it: %v", name, value, err)
			case strings.Contains(err.Error(), "pa55"):
				t.Errorf("%s=%s: the report shows a secret: %v", name, value, err)
			}
		}
	}
}

func TestStoreAddressesCanBeFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("postgres://me:secret@db/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(environment(t, map[string]string{"DATABASE_URL_FILE": file, "NATS_URL": "nats://one:4222"}), config.Needs{Stores: config.StoresRequired})
	if err != nil || c.DatabaseURL != "postgres://me:secret@db/x" || c.NATSURL != "nats://one:4222" {
		t.Errorf("got %q and %q, %v", c.DatabaseURL, c.NATSURL, err)
	}
}
