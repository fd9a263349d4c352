package postgres_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
)

func TestOpenSetsTheSessionUp(t *testing.T) {
	t.Setenv("PGTZ", "Asia/Tokyo")
	t.Setenv("PGOPTIONS", "-c work_mem=123kB")
	pool, err := postgres.Open(t.Context(), postgrestest.URL(t), postgres.Options{ApplicationName: "stridelog-oauth", MaxConns: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for name, want := range map[string]string{"application_name": "stridelog-oauth", "TimeZone": "UTC", "work_mem": "4MB"} {
		var got string
		if err := pool.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
	if n := pool.Config().MaxConns; n != 3 {
		t.Errorf("the pool has %d connections at most, want 3", n)
	}
}

// The environment names a working server: an empty URL must not reach it.
func TestOpenRefusesAnEmptyURLWhateverTheEnvironmentSays(t *testing.T) {
	u, err := url.Parse(postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	for name, value := range map[string]string{
		"PGHOST": u.Hostname(), "PGPORT": u.Port(), "PGUSER": u.User.Username(), "PGPASSWORD": password,
		"PGDATABASE": strings.TrimPrefix(u.Path, "/"), "PGSSLMODE": "disable",
	} {
		t.Setenv(name, value)
	}
	for _, empty := range []string{"", "  ", "postgres://"} {
		pool, err := postgres.Open(t.Context(), empty, postgres.Options{})
		if err == nil {
			pool.Close()
			t.Errorf("%q opened a database", empty)
		}
	}
}

func TestOpenErrorsNeverHoldThePassword(t *testing.T) {
	good, err := url.Parse(postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	host := good.Host
	cases := map[string]string{
		"wrong password":    "postgres://postgres:h3sh@" + host + "/postgres?sslmode=disable",
		"no such database":  strings.Replace(good.String(), good.Path, "/none", 1),
		"nobody listens":    "postgres://postgres:h3sh@127.0.0.1:1/postgres?sslmode=disable",
		"bad port":          "postgres://postgres:h3sh@127.0.0.1:99999/postgres",
		"unescaped #":       "postgres://postgres:h3sh#x@" + host + "/postgres",
		"unescaped /":       "postgres://postgres:h3sh/x@" + host + "/postgres",
		"unescaped %":       "postgres://postgres:h3sh%x@" + host + "/postgres",
		"bad parameter":     "postgres://postgres:h3sh@" + host + "/postgres?sslmode=perhaps",
		"password in query": "postgres://" + host + "/postgres?user=postgres&password=h3sh&sslmode=perhaps",
		"key and value":     "host=localhost user=postgres password=h3sh",
		"other scheme":      "mysql://postgres:h3sh@" + host + "/postgres",
	}
	secret, _ := good.User.Password()
	for name, bad := range cases {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // nobody will listen, however long one waits
		pool, err := postgres.Open(ctx, bad, postgres.Options{})
		cancel()
		if err == nil {
			pool.Close()
			t.Errorf("%s: no error", name)
			continue
		}
		if strings.Contains(err.Error(), "h3sh") || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds the password: %v", name, err)
		}
		if !strings.Contains(err.Error(), "DATABASE_URL") && !strings.Contains(err.Error(), "database URL") {
			t.Errorf("%s: error %q does not name the setting", name, err)
		}
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if pool, err := postgres.Open(ctx, postgrestest.URL(t), postgres.Options{}); err == nil {
		pool.Close()
		t.Error("no error")
	}
}
