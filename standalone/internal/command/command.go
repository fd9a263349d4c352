// Package command is the command line: which words there are, what each needs
// from the environment, and how it reports.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/stridelog/stridelog/platform/env"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2 // the call or the configuration is wrong; nothing was started
)

// Process is what a command has of the process it runs in.
type Process struct {
	Name           string // as it was called
	Env            func(string) (string, bool)
	Environ        func() []string // every variable as NAME=value; nil: not known
	Stdout, Stderr io.Writer
	// Terminal says that Stderr is one, so a line may replace itself.
	Terminal bool
	Build    telemetry.Build // what the program was made from
}

// action runs one command.
type action struct {
	name, says string
	needs      config.Needs
	run        func(ctx context.Context, p Process, c config.Config, args []string) error
}

func actions() []action {
	list := []action{
		{"demo", "everything in one process with simulated providers and a demo user; --reset begins with an empty data folder", config.Needs{Stores: config.StoresOwn}, runDemo},
		{"serve", "all services in one process; --embedded starts NATS and Postgres too", config.Needs{Stores: config.StoresRequired, SealingKey: true}, runServe},
	}
	for _, name := range system.Services() {
		list = append(list, action{
			name, "the " + name + " service alone (needs DATABASE_URL and NATS_URL)",
			config.Needs{Stores: config.StoresRequired, SealingKey: name == "oauth"}, runService(name),
		})
	}
	list = append(list,
		action{"simulator", "a fake cloud on HTTP_ADDR, of " + fakeClouds() + ", and the variables to point a system at it; export PATH: write an export archive of one of its people", config.Needs{Stores: config.StoresNone}, runSimulator},
		action{"users", "list, show or create users through the API at URL, with the API key KEY: users list [--search TEXT]", config.Needs{Stores: config.StoresNone}, runUsers},
		action{"connections", "list a user's connections, begin a consent (authorize) or disconnect, through the API: connections list USER", config.Needs{Stores: config.StoresNone}, runConnections},
		action{"sync", "start a sync and follow it to its end, or list a user's syncs, through the API: sync start USER PROVIDER [--days N]", config.Needs{Stores: config.StoresNone}, runSync},
		action{"import", "bring a person's export archive in: import " + choice(catalog.ImportKinds()) + " PATH... --user USER [--dry-run]", config.Needs{Stores: config.StoresFound}, runImport},
		action{"rebuild", "repair: make the workout tables and the poller's index again from the log, beside a running system; --dry-run says what would change; --accept-log after a restore", config.Needs{Stores: config.StoresFound}, runRebuild},
		action{"verify", "compare the workout tables and the poller's index with the log, beside a running system; exit 1 when they differ", config.Needs{Stores: config.StoresFound}, runVerify},
		action{"backup", "write database, streams and list of erasures into a folder, beside a running system: backup FOLDER", config.Needs{Stores: config.StoresFound}, runBackup},
		action{"restore", "make empty stores whole again from a backup, erase again whom it brought back, and verify: restore FOLDER", config.Needs{Stores: config.StoresEmbedded}, runRestore},
		action{"export", "write all that the log holds of a person, as CloudEvents a line each: export --user USER [--out FILE|-]", config.Needs{Stores: config.StoresFound}, runExport},
		action{"erase", "delete a person everywhere and wait for the end: erase --user USER --yes", config.Needs{Stores: config.StoresFound}, runErase},
		action{"tail", "print events as they come: tail [--kind WORD | --subject PATTERN] [--user ID] [--all | --last N | --from SEQUENCE] [--count N] [--json]", config.Needs{Stores: config.StoresNATS}, runTail},
		action{"env", "print the variables of the running demo: eval \"$(stridelog env)\"", config.Needs{Stores: config.StoresNone}, runEnv},
		action{"dead-letters", "list what services gave up; requeue SEQUENCE… or --all replays it to them; drop SEQUENCE… --reason \"…\" closes what nobody needs", config.Needs{Stores: config.StoresFound}, runDeadLetters},
		action{"streams", "declare the streams; --reader NAME makes a durable consumer for a reader", config.Needs{Stores: config.StoresFound}, runStreams},
		action{"health", "is the service on OPERATIONS_ADDR or HTTP_ADDR ready? for containers", config.Needs{Stores: config.StoresNone}, runHealth},
		action{"doctor", "what to register with a provider, what to know about it, and whether it answers: doctor [" + choice(catalog.Names()) + "]; doctor stores: how NATS and PostgreSQL stand", config.Needs{Stores: config.StoresNone}, runDoctor},
	)
	return append(append(list, subscriptions()...),
		action{"api-keys", "create NAME --scope SCOPE… [--user USER]…; list; rotate ID; revoke ID: who may use the API, and for what", config.Needs{Stores: config.StoresFound}, runAPIKeys},
		action{"keys", "new-sealing-key: print one; init DIR: write all secrets of docker-compose.yml; rotate-sealing-key: replace the one in use, step by step", config.Needs{Stores: config.StoresNone}, runKeys},
		action{"config", "check [command]: say what is wrong with the environment", config.Needs{Stores: config.StoresNone}, runConfig},
		action{"version", "what this program was built from; --json", config.Needs{Stores: config.StoresNone}, runVersion},
	)
}

// errUsage marks a call that is wrong.
var errUsage = errors.New("wrong call")

// Run runs the command that args name and returns the process's exit code.
func Run(ctx context.Context, args []string, p Process) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(p.Stdout)
		return exitOK
	}
	a, ok := find(args[0])
	if !ok {
		fmt.Fprintf(p.Stderr, "stridelog: no command %q\n\n", args[0])
		usage(p.Stderr)
		return exitUsage
	}
	c, err := config.Load(p.Env, a.needsFor(args[1:]))
	if err != nil && a.name != "config" && a.name != "version" {
		fmt.Fprintln(p.Stderr, err)
		return exitUsage
	}
	return report(p, a.run(ctx, p, c, args[1:]))
}

func report(p Process, err error) int {
	var faults *env.Error
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp): // who asked for help has it
		return exitOK
	case errors.As(err, &faults), errors.Is(err, errUsage):
		fmt.Fprintln(p.Stderr, err)
		return exitUsage
	default:
		fmt.Fprintln(p.Stderr, "stridelog:", err)
		return exitFailed
	}
}

func find(name string) (action, bool) {
	for _, a := range actions() {
		if a.name == name {
			return a, true
		}
	}
	return action{}, false
}

// needsFor is what the command needs with these arguments.
func (a action) needsFor(args []string) config.Needs {
	if a.name == "serve" && embeddedFlag(args) {
		return config.Needs{Stores: config.StoresEmbedded}
	}
	if a.name == "doctor" && len(args) > 0 && args[0] == storesWord {
		return config.Needs{Stores: config.StoresFound}
	}
	if a.name == "keys" && len(args) > 0 && args[0] == rotateWord {
		return config.Needs{Stores: config.StoresFound}
	}
	return a.needs
}

func embeddedFlag(args []string) bool {
	for _, arg := range args {
		if arg == "--embedded" || arg == "-embedded" {
			return true
		}
	}
	return false
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Stridelog keeps every record a wearable cloud sent, and serves it.\n\nusage: stridelog COMMAND\n\n")
	for _, a := range actions() {
		fmt.Fprintf(w, "  %-12s %s\n", a.name, a.says)
	}
	fmt.Fprint(w, "\nSettings are environment variables: see README.md, or `stridelog config check serve`.\n")
}

func newLogger(p Process, c config.Config) (*slog.Logger, error) {
	return telemetry.NewLogger(p.Stderr, c.LogLevel, c.LogFormat)
}

// runConfig checks the environment for a command and lists what is wrong. Variables that
// look like ours and are not read are warned of: they may be another program's.
func runConfig(_ context.Context, p Process, _ config.Config, args []string) error {
	if len(args) == 0 || args[0] != "check" || len(args) > 3 {
		return fmt.Errorf("%w: stridelog config check [command]", errUsage)
	}
	name := "serve"
	if len(args) > 1 {
		name = args[1]
	}
	a, ok := find(name)
	if !ok {
		return fmt.Errorf("%w: no command %q to check for", errUsage, name)
	}
	if p.Environ != nil {
		warnOfUnknown(p, config.UnknownNames(p.Environ()))
	}
	c, err := config.Load(p.Env, a.needsFor(args))
	if err != nil {
		return err
	}
	if half := (c.DatabaseURL == "") != (c.NATSURL == ""); half && a.needsFor(args).Stores == config.StoresFound {
		if _, err := store.Find(c); err != nil { // one alone may be that of the running system
			return err
		}
	}
	fmt.Fprintf(p.Stdout, "The environment is complete for `stridelog %s`.\n", strings.Join(args[1:], " "))
	return nil
}

func warnOfUnknown(p Process, unknown []config.Unknown) {
	for _, u := range unknown {
		fmt.Fprintf(p.Stderr, "warning: %s is set, and Stridelog reads no variable of that name", u.Name)
		if u.Near != "" {
			fmt.Fprintf(p.Stderr, "; did you mean %s?", u.Near)
		}
		fmt.Fprintln(p.Stderr)
	}
}
