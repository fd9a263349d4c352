package command

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const connectionsUsage = "stridelog connections list USER [--json] | authorize USER PROVIDER [--redirect-uri URL] | disconnect USER PROVIDER --yes; USER is the user's id or your external_user_id"

// runConnections lists a user's connections, begins a consent and ends one, through the
// API.
func runConnections(ctx context.Context, p Process, conf config.Config, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: %s", errUsage, connectionsUsage)
	}
	switch args[0] {
	case "list":
		return listConnections(ctx, p, conf, args[1:])
	case "authorize":
		return authorize(ctx, p, conf, args[1:])
	case "disconnect":
		return disconnect(ctx, p, conf, args[1:])
	}
	return fmt.Errorf("%w: %s", errUsage, connectionsUsage)
}

func listConnections(ctx context.Context, p Process, conf config.Config, args []string) error {
	flags := newFlags(p, "connections list")
	asJSON := jsonFlag(flags)
	words, err := apiCall(flags, args, 1, connectionsUsage)
	if err != nil {
		return err
	}
	c, err := apiClient(ctx, p, conf)
	if err != nil {
		return err
	}
	return printConnections(ctx, p, c, words[0], *asJSON)
}

func printConnections(ctx context.Context, p Process, c *client.Client, user string, asJSON bool) error {
	var list []json.RawMessage
	if err := c.Call(ctx, "GET", "/users/"+person(user)+"/connections", nil, &list); err != nil {
		return apiError(err)
	}
	if len(list) == 0 && !asJSON {
		fmt.Fprintln(p.Stdout, "There are no connections; `stridelog connections authorize` begins one.")
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	for i, object := range list {
		if asJSON {
			if err := writeLine(p.Stdout, object); err != nil {
				return err
			}
			continue
		}
		var one client.Connection
		if err := json.Unmarshal(object, &one); err != nil {
			return fmt.Errorf("read a connection: %w", err)
		}
		if i == 0 {
			fmt.Fprintln(table, "PROVIDER\tSTATUS\tSINCE\tREASON\tNEXT ACTION\tLAST SYNC\tNEXT SYNC")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", one.Provider, one.Status, timeText(one.Since), shown(&one.Reason), shown(&one.NextAction),
			timeText(one.LastSyncedAt), timeText(one.NextSyncAt))
	}
	return table.Flush()
}

// authorize prints the address alone on standard output, so that a script can take it.
func authorize(ctx context.Context, p Process, conf config.Config, args []string) error {
	flags := newFlags(p, "connections authorize")
	redirect := flags.String("redirect-uri", "", "where the person ends up, of an origin that is allowed; default: a page of the gateway that says how it ended")
	words, err := apiCall(flags, args, 2, connectionsUsage)
	if err != nil {
		return err
	}
	c, err := apiClient(ctx, p, conf)
	if err != nil {
		return err
	}
	address, err := c.Start(ctx, named(words[0]), url.PathEscape(words[1]), *redirect)
	if err != nil {
		return apiError(err)
	}
	fmt.Fprintln(p.Stderr, "The person opens this address in a browser and gives the consent. It works once, for ten minutes. Whoever opens it connects their own account to this user: give it to nobody else.")
	fmt.Fprintln(p.Stdout, address)
	return nil
}

func disconnect(ctx context.Context, p Process, conf config.Config, args []string) error {
	flags := newFlags(p, "connections disconnect")
	sure := flags.Bool("yes", false, "the consent is revoked at the provider; only the person can give it again (required)")
	words, err := apiCall(flags, args, 2, connectionsUsage)
	switch {
	case err != nil:
		return err
	case !*sure:
		return fmt.Errorf("%w: the consent is revoked at the provider, and only the person can give it again; add --yes: %s", errUsage, connectionsUsage)
	}
	c, err := apiClient(ctx, p, conf)
	if err != nil {
		return err
	}
	ended, err := c.Disconnect(ctx, person(words[0]), words[1])
	if err != nil {
		return apiError(err)
	}
	fmt.Fprintf(p.Stdout, "Connection %s is %s; the workouts that were read stay.\n", ended.ID, ended.Status)
	return nil
}
