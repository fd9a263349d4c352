// Command stridelog is the whole system in one binary: everything in one
// process, one service of it, or a tool for a running system.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/standalone/internal/command"
)

// What a build argument says (-ldflags "-X main.version=…"): the linker sets nothing
// but package variables. Empty: Go's stamps say it, where the sources are a repository.
var version, commit, built string //nolint:gochecknoglobals // see above

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a stop that takes too long
	code := command.Run(ctx, os.Args[1:], command.Process{
		Name: os.Args[0], Env: os.LookupEnv, Environ: os.Environ, Stdout: os.Stdout, Stderr: os.Stderr, Terminal: isTerminal(os.Stderr),
		Build: telemetry.ReadBuild(version, commit, built),
	})
	stop()
	os.Exit(code)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
