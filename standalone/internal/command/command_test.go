package command

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/config"
)

// run calls a command with nothing in the environment but a data directory.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	dir := t.TempDir()
	code = Run(t.Context(), args, Process{Name: "stridelog", Stdout: &out, Stderr: &errs, Env: func(name string) (string, bool) {
		if name == "STRIDELOG_DATA_DIR" {
			return dir, true
		}
		return "", false
	}})
	return code, out.String(), errs.String()
}

func TestWrongCallsSayWhatIsRight(t *testing.T) {
	for _, c := range []struct {
		call string
		code int
		says string
	}{
		{"nonsense", exitUsage, `no command "nonsense"`},
		{"demo now", exitUsage, "takes no arguments but --reset"},
		{"env now", exitUsage, "takes no arguments"},
		{"env", exitFailed, "no demo is running"},
		{"serve --embedded now", exitUsage, "stridelog serve [--embedded]"},
		{"tail 12", exitUsage, `does not know "12"`},
		{"tail --from -1", exitUsage, "invalid value"},
		{"tail --user ada", exitUsage, "must be the id of a user"},
		{"tail --user stridelog.>", exitUsage, "must be the id of a user"},
		{"tail --all --last 3", exitUsage, "give one"},
		{"tail --kind workout --stream facts", exitUsage, "give one"},
		{"tail --kind sleep", exitUsage, "activity, chunk, connection, dead_letter, record, sync, user, workout"},
		{"tail --subject nonsense", exitUsage, "begins with stridelog."},
		{"tail --subject stridelog.workout.> --user " + anna, exitUsage, "the user is its last part"},
		{"tail --stream workouts", exitUsage, "facts, syncs, changes, dead-letters"},
		{"tail -h", exitOK, "first sequence to print"},
		{"tail", exitFailed, "no running system"},
		{"rebuild", exitFailed, "no running system"},
		{"import", exitUsage, "stridelog import KIND PATH... --user USER"},
		{"import fitbit-export command.go", exitUsage, "--user USER"},
		{"import fitbit-export --user ada", exitUsage, "PATH"},
		{"import diary command.go --user ada", exitUsage, "the kinds are fitbit-export"},
		{"import fitbit-export nowhere.zip --user ada", exitUsage, "check the path"},
		{"import --user ada fitbit-export command.go --dry-run=maybe", exitUsage, "invalid boolean"},
		{"import --user ada fitbit-export --dry-run command.go", exitFailed, "no running system"},
		{"import --user ada fitbit-export --timezone Mars/Olympus command.go", exitUsage, `no time zone "Mars/Olympus"`},
		{"import --user ada fitbit-export --timezone Local command.go", exitUsage, "Europe/Rome"},
		{"import --user ada fitbit-export --timezone Asia/Tokyo command.go", exitFailed, "no running system"},
		{"import -h", exitOK, "compare and count"},
		{"users", exitUsage, "users list"},
		{"users delete", exitUsage, "stridelog erase"},
		{"users list", exitUsage, "URL: is required"},
		{"users list", exitUsage, "KEY: is required"},
		{"users show", exitUsage, "users show USER"},
		{"users create ada", exitUsage, "--external-user-id ID"},
		{"users list -h", exitOK, "part of a name"},
		{"connections", exitUsage, "connections list USER"},
		{"connections list ada", exitUsage, "URL: is required"},
		{"connections authorize ada", exitUsage, "authorize USER PROVIDER"},
		{"connections disconnect ada fitbit", exitUsage, "add --yes"},
		{"sync", exitUsage, "sync start USER PROVIDER"},
		{"sync start ada", exitUsage, "sync start USER PROVIDER"},
		{"sync start ada fitbit --days 4000", exitUsage, "1 to 3650"},
		{"sync start --days 3 ada fitbit --from 2026-01-01", exitUsage, "exclude each other"},
		{"sync follow ada", exitUsage, "follow USER SYNC_ID"},
		{"import x y --nonsense -h", exitUsage, "not defined: -nonsense"},
		{"streams -h", exitOK, "durable consumer"},
		{"streams now", exitUsage, "stridelog streams [--reader NAME]"},
		{"version -h", exitOK, "one JSON document"},
		{"rebuild --accept-log -h", exitOK, "another one"},
		{"export --user", exitUsage, "needs an argument"},
		{"erase -h", exitOK, "whom to erase"},
		{"backup one two", exitUsage, `"two" is one argument too many`},
		{"restore folder -h", exitOK, "no-owner"},
		{"api-keys create -h", exitOK, "requests-per-minute"},
		{"api-keys create app now", exitUsage, "stridelog api-keys create NAME"},
		{"keys", exitUsage, "new-sealing-key"},
		{"config", exitUsage, "config check"},
		{"config check nonsense", exitUsage, `no command "nonsense"`},
		{"config check serve", exitUsage, "DATABASE_URL: is required"},
	} {
		code, _, stderr := run(t, strings.Fields(c.call)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("stridelog %s: code %d, said %q; want %d and %q", c.call, code, stderr, c.code, c.says)
		}
	}
	if code, stdout, stderr := run(t, "config", "check", "serve", "--embedded"); code != exitOK || !strings.Contains(stdout, "complete") {
		t.Errorf("config check serve --embedded: code %d, %s%s", code, stdout, stderr)
	}
}

func TestConfigCheckWarnsOfNamesThatNothingReads(t *testing.T) {
	environment := []string{"STRIDELOG_DATA_DIR=" + t.TempDir(), "FITBIT_CLIENT_SECRETT=hush", "STRIDELOG_COLOUR=blue", "PATH=/bin"}
	var out, errs bytes.Buffer
	code := Run(t.Context(), []string{"config", "check", "serve", "--embedded"}, Process{
		Stdout: &out, Stderr: &errs, Environ: func() []string { return environment },
		Env: func(name string) (string, bool) {
			for _, entry := range environment {
				if value, ok := strings.CutPrefix(entry, name+"="); ok {
					return value, true
				}
			}
			return "", false
		},
	})
	want := "warning: FITBIT_CLIENT_SECRETT is set, and Stridelog reads no variable of that name; did you mean FITBIT_CLIENT_SECRET?\n" +
		"warning: STRIDELOG_COLOUR is set, and Stridelog reads no variable of that name\n"
	if code != exitOK || errs.String() != want || !strings.Contains(out.String(), "complete") {
		t.Errorf("exit %d:\n%s%s", code, out.String(), errs.String())
	}
}

func TestCommandLinesReachThisDemo(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	p := Process{Name: "bin/stridelog", Env: none}
	if got := commandLine(p, config.Config{DataDir: "/home/me/.local/share/stridelog/demo"}, "rebuild"); got != "bin/stridelog rebuild" {
		t.Errorf("by default it is %s", got)
	}
	want := `STRIDELOG_DATA_DIR='/tmp/it'\''s here' bin/stridelog rebuild`
	if got := commandLine(p, config.Config{DataDir: "/tmp/it's here", DataDirChosen: true}, "rebuild"); got != want {
		t.Errorf("with a data directory it is %s, want %s", got, want)
	}
	p.Env = func(name string) (string, bool) { return "nats://another", name == "NATS_URL" }
	if got := commandLine(p, config.Config{}, "rebuild"); got != "NATS_URL= bin/stridelog rebuild" {
		t.Errorf("beside stores of another system it is %s", got)
	}
}
