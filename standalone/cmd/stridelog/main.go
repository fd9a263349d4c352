// Command stridelog is the whole system in one binary: everything in one
// process, one service of it, or a tool for a running system.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/stridelog/stridelog/standalone/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends a stop that takes too long
	code := command.Run(ctx, os.Args[1:], command.Process{
		Name: os.Args[0], Env: os.LookupEnv, Stdout: os.Stdout, Stderr: os.Stderr, Terminal: isTerminal(os.Stderr),
	})
	stop()
	os.Exit(code)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
