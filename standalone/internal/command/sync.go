package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

const (
	syncUsage = "stridelog sync start USER PROVIDER [--days N | --from DATE [--to DATE]] [--no-wait] | follow USER SYNC_ID | list USER, each with --json; USER is the user's id or your external_user_id"
	// syncLook is how often a sync is looked at.
	syncLook = 500 * time.Millisecond
	// maxDays is how far back the API reads at once.
	maxDays = 3650
)

// runSync starts, follows and lists syncs through the API.
func runSync(ctx context.Context, p Process, conf config.Config, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: %s", errUsage, syncUsage)
	}
	switch args[0] {
	case "start":
		return startSync(ctx, p, conf, args[1:])
	case "follow":
		return followSync(ctx, p, conf, args[1:])
	case "list":
		return listSyncs(ctx, p, conf, args[1:])
	}
	return fmt.Errorf("%w: %s", errUsage, syncUsage)
}

func startSync(ctx context.Context, p Process, conf config.Config, args []string) error {
	flags := newFlags(p, "sync start")
	days := flags.Int("days", 0, "read the last N days, newest first: a backfill, 1 to 3650")
	from := flags.String("from", "", "first day to read (YYYY-MM-DD) or instant; default: 30 days ago")
	to := flags.String("to", "", "first day that is not read any more, or instant; default: now")
	noWait := flags.Bool("no-wait", false, "print the id of the sync and do not wait for its end")
	asJSON := jsonFlag(flags)
	words, err := apiCall(flags, args, 2, syncUsage)
	switch {
	case err != nil:
		return err
	case *days != 0 && (*from != "" || *to != ""):
		return fmt.Errorf("%w: --days and dates exclude each other: %s", errUsage, syncUsage)
	case *days < 0 || *days > maxDays:
		return fmt.Errorf("%w: --days must be 1 to %d", errUsage, maxDays)
	}
	c, err := apiClient(ctx, p, conf)
	if err != nil {
		return err
	}
	path, query := "/providers/"+url.PathEscape(words[1])+"/users/"+person(words[0])+"/sync", url.Values{}
	if *days > 0 {
		path += "/historical"
		query.Set("days", strconv.Itoa(*days))
	}
	for name, value := range map[string]string{"start_date": *from, "end_date": *to} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var ticket json.RawMessage
	if err := c.Call(ctx, "POST", path+"?"+query.Encode(), nil, &ticket); err != nil {
		return apiError(err)
	}
	var queued client.Sync
	if err := json.Unmarshal(ticket, &queued); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch {
	case *noWait && *asJSON:
		return writeLine(p.Stdout, ticket)
	case *noWait:
		fmt.Fprintln(p.Stdout, queued.SyncID)
		return nil
	}
	fmt.Fprintf(p.Stderr, "sync %s is queued; it goes on also when this command is stopped\n", queued.SyncID)
	return follow(ctx, p, c, words[0], queued.SyncID, *asJSON)
}

func followSync(ctx context.Context, p Process, conf config.Config, args []string) error {
	flags := newFlags(p, "sync follow")
	asJSON := jsonFlag(flags)
	words, err := apiCall(flags, args, 2, syncUsage)
	if err != nil {
		return err
	}
	c, err := apiClient(ctx, p, conf)
	if err != nil {
		return err
	}
	return follow(ctx, p, c, words[0], words[1], *asJSON)
}

// follow says each change of a sync until it has ended. One that failed is an error.
func follow(ctx context.Context, p Process, c *client.Client, user, id string, asJSON bool) error {
	tick := time.NewTicker(syncLook)
	defer tick.Stop()
	said := ""
	for {
		var object json.RawMessage
		err := c.Call(ctx, "GET", "/users/"+person(user)+"/syncs/"+url.PathEscape(id), nil, &object)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("sync: stopped waiting; it goes on: stridelog sync follow %s %s", user, id)
		case err != nil:
			return apiError(err)
		}
		var s client.Sync
		if err := json.Unmarshal(object, &s); err != nil {
			return fmt.Errorf("read the sync: %w", err)
		}
		if s.Ended() {
			return syncEnded(p, s, object, asJSON)
		}
		if now := syncStanding(s); now != said {
			said = now
			fmt.Fprintln(p.Stderr, now)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// syncStanding is how far a sync is, in a line.
func syncStanding(s client.Sync) string {
	line := s.Status
	if s.NotBefore != nil {
		line += " until " + timeText(s.NotBefore)
	}
	if s.Error != nil {
		line += ": " + s.Error.Code + " " + s.Error.Detail
	}
	return strings.TrimSpace(line)
}

func syncEnded(p Process, s client.Sync, object json.RawMessage, asJSON bool) error {
	if asJSON {
		if err := writeLine(p.Stdout, object); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(p.Stdout, "sync %s at %s: %s; records: %s\n", s.ID, s.Provider, syncStanding(s), counted(s.Counts))
	}
	if s.Status == "failed" {
		return errors.New("the sync failed; docs/operations.md, \"Errors of a provider\", says what each code means and what to do")
	}
	return nil
}

// counted is what a sync did with records.
func counted(n *client.Counts) string {
	if n == nil {
		return dash
	}
	return fmt.Sprintf("%d seen, %d new, %d changed, %d unchanged, %d removed, %d rejected", n.Seen, n.New, n.Changed, n.Unchanged, n.Removed, n.Rejected)
}

func listSyncs(ctx context.Context, p Process, conf config.Config, args []string) error {
	flags := newFlags(p, "sync list")
	asJSON := jsonFlag(flags)
	words, err := apiCall(flags, args, 1, syncUsage)
	if err != nil {
		return err
	}
	c, err := apiClient(ctx, p, conf)
	if err != nil {
		return err
	}
	var page struct {
		Data []json.RawMessage `json:"data"`
	}
	if err := c.Call(ctx, "GET", "/users/"+person(words[0])+"/syncs?limit=100", nil, &page); err != nil {
		return apiError(err)
	}
	if len(page.Data) == 0 && !*asJSON {
		fmt.Fprintln(p.Stdout, "There are no syncs; `stridelog sync start` begins one.")
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	for i, object := range page.Data {
		if *asJSON {
			if err := writeLine(p.Stdout, object); err != nil {
				return err
			}
			continue
		}
		var s client.Sync
		if err := json.Unmarshal(object, &s); err != nil {
			return fmt.Errorf("read a sync: %w", err)
		}
		if i == 0 {
			fmt.Fprintln(table, "ID\tPROVIDER\tTRIGGER\tSTATUS\tREQUESTED\tFINISHED\tRECORDS")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.Provider, s.Trigger, syncStanding(s), timeText(s.RequestedAt), timeText(s.FinishedAt), counted(s.Counts))
	}
	return table.Flush()
}
