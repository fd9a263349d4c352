package command

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/platform/env"
	"github.com/stridelog/stridelog/services/gateway"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

const (
	apiKeysUsage  = "stridelog api-keys create NAME --scope SCOPE… [--user USER]… [--expires 90d] [--requests-per-minute N] | list | rotate ID [--overlap 1h] | revoke ID"
	rotateOverlap = time.Hour
)

// runAPIKeys makes, lists, rotates and ends API keys. The secret of a key is made here and
// goes nowhere but to the output.
func runAPIKeys(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: %s", errUsage, apiKeysUsage)
	}
	run, known := map[string]func(context.Context, Process, config.Config, []string) error{
		"create": createAPIKey, "list": listAPIKeys, "rotate": rotateAPIKey, "revoke": revokeAPIKey,
	}[args[0]]
	if !known {
		return fmt.Errorf("%w: %s", errUsage, apiKeysUsage)
	}
	return run(ctx, p, c, args[1:])
}

func withAPIKeys(ctx context.Context, p Process, c config.Config, fn func(*gateway.APIKeys) error) error {
	return withSystem(ctx, p, c, "api-keys", func(s *system.System) error { return s.APIKeys(ctx, fn) })
}

// texts is a flag that may be given several times, or once with commas.
type texts []string

func (t *texts) String() string { return strings.Join(*t, ",") }

func (t *texts) Set(value string) error {
	*t = append(*t, strings.Split(value, ",")...)
	return nil
}

func createAPIKey(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") && args[0] != "-h" && args[0] != "--help" {
		return fmt.Errorf("%w: name the key first: %s", errUsage, apiKeysUsage)
	}
	var scopes, people texts
	flags := newFlags(p, "api-keys create")
	flags.Var(&scopes, "scope", "read, location, write, connect, push, events or admin; several with commas (required)")
	flags.Var(&people, "user", "bind the key to a user: the user's id, or your external_user_id; several times for several")
	expires := flags.String("expires", "", "after which time the key ends: 90d, 12h; never when left out")
	perMinute := flags.Int("requests-per-minute", 0, "how many requests a minute a gateway answers; API_REQUESTS_PER_MINUTE when left out")
	name, rest := args[0], args[1:]
	if name == "-h" || name == "--help" {
		rest = args
	}
	if err := parseFlags(flags, rest, apiKeysUsage); err != nil {
		return err
	}
	draft := gateway.APIKeyDraft{Name: name, Scopes: scopes}
	if *perMinute > 0 {
		draft.PerMinute = perMinute
	}
	if *expires != "" {
		life, err := env.ParseDuration(*expires)
		if err != nil || life <= 0 {
			return fmt.Errorf("%w: --expires must be a time such as 90d or 12h", errUsage)
		}
		at := time.Now().Add(life)
		draft.ExpiresAt = &at
	}
	for _, user := range people {
		id, err := userID(ctx, p, c, "api-keys", user)
		if err != nil {
			return err
		}
		draft.Users = append(draft.Users, uuid.MustParse(id))
	}
	return withAPIKeys(ctx, p, c, func(keys *gateway.APIKeys) error {
		k, secret, err := keys.Create(ctx, draft)
		if err != nil {
			return fmt.Errorf("api-keys create: %w", err)
		}
		fmt.Fprintf(p.Stdout, "Key %s (%s) may do: %s. It is shown this once: %s\n", k.ID, k.Name, k.Scopes, secret)
		return nil
	})
}

func listAPIKeys(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: %s", errUsage, apiKeysUsage)
	}
	return withAPIKeys(ctx, p, c, func(keys *gateway.APIKeys) error {
		list, err := keys.List(ctx)
		if err != nil {
			return fmt.Errorf("api-keys list: %w", err)
		}
		out := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "ID\tNAME\tSECRET\tSCOPES\tUSERS\tLAST USED\tENDS")
		for _, k := range list {
			people := "all"
			if k.Bound {
				people = fmt.Sprint(len(k.Users))
			}
			fmt.Fprintf(out, "%s\t%s\t%s…\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Prefix, k.Scopes, people, instant(k.LastUsedAt), instant(k.ExpiresAt))
		}
		return out.Flush()
	})
}

func instant(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return at.UTC().Format(time.RFC3339)
}

func rotateAPIKey(ctx context.Context, p Process, c config.Config, args []string) error {
	id, rest, err := keyID(args)
	if err != nil {
		return err
	}
	flags := newFlags(p, "api-keys rotate")
	overlap := flags.Duration("overlap", rotateOverlap, "for how long the secret before goes on working; 0s ends it at once")
	if err := parseFlags(flags, rest, apiKeysUsage); err != nil {
		return err
	}
	return withAPIKeys(ctx, p, c, func(keys *gateway.APIKeys) error {
		secret, err := keys.Rotate(ctx, id, *overlap)
		if err != nil {
			return fmt.Errorf("api-keys rotate: %w", err)
		}
		fmt.Fprintf(p.Stdout, "Key %s has a new secret; the one before works for %s more. It is shown this once: %s\n", id, *overlap, secret)
		return nil
	})
}

func revokeAPIKey(ctx context.Context, p Process, c config.Config, args []string) error {
	id, rest, err := keyID(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: %s", errUsage, apiKeysUsage)
	}
	return withAPIKeys(ctx, p, c, func(keys *gateway.APIKeys) error {
		if err := keys.Revoke(ctx, id); err != nil {
			return fmt.Errorf("api-keys revoke: %w", err)
		}
		fmt.Fprintf(p.Stdout, "Key %s and the tokens that it issued are ended.\n", id)
		return nil
	})
}

func keyID(args []string) (id uuid.UUID, rest []string, err error) {
	if len(args) == 0 {
		return id, nil, fmt.Errorf("%w: name the key by its id, which list shows: %s", errUsage, apiKeysUsage)
	}
	if id, err = uuid.Parse(args[0]); err != nil {
		return id, nil, fmt.Errorf("%w: a key is named by its id, a UUID, which list shows, never by its secret", errUsage)
	}
	return id, args[1:], nil
}
