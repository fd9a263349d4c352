package command

import (
	"context"
	"fmt"

	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
)

// runEnv prints the variables of the running demo for a shell: eval "$(stridelog env)".
// They hold its API key.
func runEnv(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: stridelog env takes no arguments; use it as eval \"$(stridelog env)\"", errUsage)
	}
	session, err := store.FindSession(ctx, c)
	if err != nil {
		return err
	}
	for _, one := range session.Exports() {
		fmt.Fprintln(p.Stdout, "export", one)
	}
	return nil
}
