//go:build unix

package launcher

import "testing"

// What a person has set for psql must not change our own server, nor how we reach it.
func TestPostgresVariablesOfTheShellChangeNothing(t *testing.T) {
	for name, value := range map[string]string{
		"PGDATA": "/nowhere", "PGHOST": "/nowhere", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "none", "PGPASSWORD": "x",
		"PGPASSFILE": "/nowhere", "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/nowhere", "PGSSLCERT": "/nowhere", "PGSSLKEY": "/nowhere",
		"PGOPTIONS": "-c search_path=none", "PGCONNECT_TIMEOUT": "x",
		"PGTARGETSESSIONATTRS": "standby", "PGCHANNELBINDING": "require", "LC_ALL": "xx_XX", "LANG": "xx_XX",
	} {
		t.Setenv(name, value)
	}
	s := start(t, folder(t))
	for setting, want := range map[string]string{"search_path": `"$user", public`, "is_superuser": "on"} {
		if got := query[string](t, s.URL(), "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
}
