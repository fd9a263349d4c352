package deploytest

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/stridelog/stridelog/platform/postgres/launcher"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

// installation is what docker-compose.yml needs around the services.
type installation struct {
	secrets  string // what a container sees as /run/secrets
	natsAddr string
	adminURL string // of Postgres' superuser, in the database stridelog
}

// newInstallation makes secrets and starts NATS on them.
func newInstallation(t *testing.T) *installation {
	t.Helper()
	// Postgres runs as another user and reads its passwords; the test's own temporary
	// folder is closed to it.
	parent, err := os.MkdirTemp("", "stridelog-deploy-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	i := &installation{secrets: filepath.Join(parent, "secrets")}
	if err := deployment.MakeSecrets(i.secrets, deployment.ComposeHosts()); err != nil {
		t.Fatal(err)
	}
	// A mount shows each file by itself, whatever folder it lies in.
	for _, dir := range []string{parent, i.secrets} {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // see above
			t.Fatal(err)
		}
	}
	i.natsAddr = startNATS(t, i.secrets, "")
	i.rewrite(t, "nats_url_", "nats:4222", i.natsAddr)
	return i
}

// configFolder is /etc/nats of a container.
func configFolder(t *testing.T, secrets, more string, beside ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	files := map[string]string{
		"nats.conf": read(t, "deploy/nats/nats.conf") + more, "cluster.conf": read(t, "deploy/nats/cluster.conf"),
		"tls.conf": strings.ReplaceAll(read(t, "deploy/nats/tls.conf"), "/etc/nats", dir),
	}
	for _, path := range append(beside, filepath.Join(secrets, deployment.NATSPasswords), filepath.Join(secrets, deployment.NATSRoute)) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		switch name { // where docker-compose.yml mounts it
		case deployment.NATSPasswords:
			name = "passwords.conf"
		case deployment.NATSRoute:
			name = "route.conf"
		}
		files[name] = string(text)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startNATS runs deploy/nats/nats.conf, with more lines perhaps. Only where it
// listens and where it keeps its files is different.
func startNATS(t *testing.T, secrets, more string, beside ...string) (addr string) {
	t.Helper()
	dir := configFolder(t, secrets, more, beside...)
	o, err := server.ProcessConfigFile(filepath.Join(dir, "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if !o.SyncAlways || o.Port != 4222 || o.StoreDir != "/data" {
		t.Errorf("sync always %v, port %d, store %s; compose relies on true, 4222 and /data", o.SyncAlways, o.Port, o.StoreDir)
	}
	o.Host, o.Port, o.HTTPPort, o.StoreDir, o.NoSigs, o.NoLog = "127.0.0.1", server.RANDOM_PORT, 0, t.TempDir(), true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(waittest.Bound(t)) || !s.JetStreamEnabled() {
		t.Fatal("NATS does not start with deploy/nats/nats.conf")
	}
	return s.Addr().String()
}

// startPostgres runs deploy/postgres/init in a new server, as the image does.
func (i *installation) startPostgres(t *testing.T) {
	t.Helper()
	s, err := launcher.Start(t.Context(), launcher.Options{
		Throwaway: true, BinDir: os.Getenv("STRIDELOG_PG_BIN"), Download: &launcher.Download{Registry: launcher.Registry(os.LookupEnv)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	execSQL(t, u.String(), "CREATE DATABASE stridelog")
	u.Path = "/stridelog"
	i.adminURL = u.String()
	folder := strings.ReplaceAll(i.secrets, "'", "''")
	files, err := filepath.Glob(filepath.Join(root, "deploy/postgres/init/*.sql")) // in the order of their names, as the image does
	if err != nil || len(files) < 2 {
		t.Fatalf("deploy/postgres/init has %v: %v", files, err)
	}
	for _, file := range files {
		execSQL(t, i.adminURL, "SET stridelog.secrets = '"+folder+"'; "+read(t, "deploy/postgres/init/"+filepath.Base(file)))
	}
	i.rewrite(t, "database_url_", "postgres:5432", u.Host)
}

func execSQL(t *testing.T, databaseURL, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

// rewrite moves the addresses in secrets from the containers' network to here.
func (i *installation) rewrite(t *testing.T, prefix, host, addr string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(i.secrets, prefix+"*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no secret begins with %s: %v", prefix, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), "@"+host) != 1 {
			t.Errorf("%s does not name %s", filepath.Base(path), host)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), "@"+host, "@"+addr, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// secret is a secret's text.
func (i *installation) secret(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(i.secrets, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
