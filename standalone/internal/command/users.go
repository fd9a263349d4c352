package command

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const (
	usersUsage = "stridelog users list [--search TEXT] | show USER | create [--external-user-id ID] [--first-name NAME] [--last-name NAME] [--email ADDRESS], each with --json; " +
		"USER is the user's id or your external_user_id; `stridelog erase` deletes one"
	usersShow = "stridelog users show USER [--json]"
)

// runUsers lists, shows and makes users through the API.
func runUsers(ctx context.Context, p Process, conf config.Config, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: %s", errUsage, usersUsage)
	}
	switch args[0] {
	case "list":
		return listUsers(ctx, p, conf, args[1:])
	case "show":
		return showUser(ctx, p, conf, args[1:])
	case "create":
		return createUser(ctx, p, conf, args[1:])
	}
	return fmt.Errorf("%w: %s", errUsage, usersUsage)
}

func listUsers(ctx context.Context, p Process, conf config.Config, args []string) error {
	flags := newFlags(p, "users list")
	search := flags.String("search", "", "only those with this part of a name, e-mail address or external id")
	asJSON := jsonFlag(flags)
	if _, err := apiCall(flags, args, 0, usersUsage); err != nil {
		return err
	}
	c, err := apiClient(ctx, p, conf)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	count := 0
	for object, err := range c.Users(ctx, *search) {
		if err != nil {
			return apiError(err)
		}
		if *asJSON {
			if err := writeLine(p.Stdout, object); err != nil {
				return err
			}
			continue
		}
		var u client.User
		if err := json.Unmarshal(object, &u); err != nil {
			return fmt.Errorf("read a user: %w", err)
		}
		if count++; count == 1 {
			fmt.Fprintln(table, "ID\tEXTERNAL ID\tCREATED\tCONNECTED\tLAST SYNC")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", u.ID, shown(u.ExternalUserID), timeText(u.CreatedAt), yesNo(u.HasActiveConnection), timeText(u.LastSyncedAt))
	}
	if count == 0 && !*asJSON {
		fmt.Fprintln(p.Stdout, "There are no such users.")
	}
	return table.Flush()
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func showUser(ctx context.Context, p Process, conf config.Config, args []string) error {
	flags := newFlags(p, "users show")
	asJSON := jsonFlag(flags)
	words, err := apiCall(flags, args, 1, usersShow)
	if err != nil {
		return err
	}
	c, err := apiClient(ctx, p, conf)
	if err != nil {
		return err
	}
	object, err := c.User(ctx, person(words[0]))
	if err != nil {
		return apiError(err)
	}
	if err := printUser(p, object, *asJSON); err != nil || *asJSON {
		return err
	}
	fmt.Fprintln(p.Stdout)
	return printConnections(ctx, p, c, words[0], false)
}

func createUser(ctx context.Context, p Process, conf config.Config, args []string) error {
	flags := newFlags(p, "users create")
	values := map[string]*string{
		"external_user_id": flags.String("external-user-id", "", "your own id of the person"),
		"first_name":       flags.String("first-name", "", "the person's first name"),
		"last_name":        flags.String("last-name", "", "the person's last name"),
		"email":            flags.String("email", "", "the person's e-mail address"),
	}
	asJSON := jsonFlag(flags)
	if _, err := apiCall(flags, args, 0, usersUsage); err != nil {
		return err
	}
	c, err := apiClient(ctx, p, conf)
	if err != nil {
		return err
	}
	body := map[string]string{}
	for name, value := range values {
		if *value != "" {
			body[name] = *value
		}
	}
	object, err := c.CreateUser(ctx, body)
	if err != nil {
		return apiError(err)
	}
	return printUser(p, object, *asJSON)
}

func printUser(p Process, object json.RawMessage, asJSON bool) error {
	if asJSON {
		return writeLine(p.Stdout, object)
	}
	var u client.User
	if err := json.Unmarshal(object, &u); err != nil {
		return fmt.Errorf("read the user: %w", err)
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"id", u.ID}, {"external id", shown(u.ExternalUserID)}, {"first name", shown(u.FirstName)}, {"last name", shown(u.LastName)},
		{"e-mail", shown(u.Email)}, {"created", timeText(u.CreatedAt)}, {"last sync", timeText(u.LastSyncedAt)},
	} {
		fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
	}
	return table.Flush()
}
