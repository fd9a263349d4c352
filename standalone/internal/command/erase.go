package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const (
	eraseUsage = "stridelog erase --user USER --yes"
	// eraseLook is how often an erasure is looked at.
	eraseLook = 500 * time.Millisecond
	// erasureDone is the last state of an erasure.
	erasureDone = "done"
)

// runErase deletes a person everywhere, as DELETE /users/{user_id} does, and waits for
// the end.
func runErase(ctx context.Context, p Process, c config.Config, args []string) error {
	user, err := eraseCall(p, args)
	if err != nil {
		return err
	}
	if uuid.Validate(user) != nil {
		if user, err = userID(ctx, p, c, "erase", user); err != nil {
			return err
		}
	}
	return withPair(ctx, p, c, "erase", func(b *bus.Bus) error { return erase(ctx, p, b, user) })
}

// eraseCall reads the command line.
func eraseCall(p Process, args []string) (user string, err error) {
	flags := newFlags(p, "erase")
	flags.StringVar(&user, "user", "", "whom to erase: the user's id, or your external_user_id (required)")
	sure := flags.Bool("yes", false, "nothing brings the person's data back but a backup (required)")
	switch err := parseFlags(flags, args, eraseUsage); {
	case err != nil:
		return "", err
	case user == "":
		return "", fmt.Errorf("%w: %s", errUsage, eraseUsage)
	case !*sure:
		return "", fmt.Errorf("%w: nothing brings the data of an erased person back but a backup; add --yes: %s", errUsage, eraseUsage)
	}
	return user, nil
}

// erasureLine is how far an erasure is, in a line.
func erasureLine(e rpc.ErasureResponse) string {
	line := e.State
	if e.Left != nil {
		var gone int64
		for _, n := range e.Counts {
			gone += n
		}
		line += fmt.Sprintf(": %d rows and messages are deleted, %d messages are left", gone, *e.Left)
	}
	return strings.TrimSpace(line + " " + e.LastError)
}

func erase(ctx context.Context, p Process, b *bus.Bus, user string) error {
	e, err := bus.Call[rpc.EraseUserRequest, rpc.ErasureResponse](ctx, b, rpc.GatewayErase, rpc.EraseUserRequest{UserID: user})
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	fmt.Fprintf(p.Stdout, "erasure %s is accepted; it ends by itself, also when this command is stopped\n", e.ErasureID)
	tick := time.NewTicker(eraseLook)
	defer tick.Stop()
	said := ""
	for e.State != erasureDone {
		if now := erasureLine(e); now != said {
			said = now
			fmt.Fprintln(p.Stderr, now)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("erase: stopped waiting; GET /api/v1/erasures/%s says how it stands: %w", e.ErasureID, ctx.Err())
		case <-tick.C:
		}
		now, err := bus.Call[rpc.ErasureRequest, rpc.ErasureResponse](ctx, b, rpc.GatewayErasure, rpc.ErasureRequest{ErasureID: e.ErasureID})
		var answer *rpc.Error
		switch {
		case err == nil:
			e = now
		case errors.As(err, &answer) && answer.Code == rpc.CodeUnavailable:
			e.LastError = answer.Error() // the gateway starts again, perhaps
		default:
			return fmt.Errorf("erase: look at erasure %s: %w", e.ErasureID, err)
		}
	}
	fmt.Fprintf(p.Stdout, "erased; SHA-256 of the user's id: %s\n", e.UserSHA256)
	for _, kind := range slices.Sorted(maps.Keys(e.Counts)) {
		if n := e.Counts[kind]; n > 0 {
			fmt.Fprintf(p.Stdout, "%8d %s\n", n, kind)
		}
	}
	return nil
}
