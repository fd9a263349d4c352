package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider/simulator/clouds"
	"github.com/stridelog/stridelog/provider/simulator/visitor"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

const (
	demoUser  = "demo"
	demoDays  = 90
	tourLimit = 2 * time.Minute
)

// Tour makes the demo user, connects it as a person would, reads its history,
// and prints what to try next. All of it goes through the public API.
type Tour struct {
	System    *system.System
	Simulator *Simulator
	Out       io.Writer
	Started   time.Time
	// Session is what `stridelog env` prints; the tour adds what it learns.
	Session store.Session
	// AnalystURL is the database as analysts see it; empty: somebody's own server.
	AnalystURL string
	// Command is the command line that runs a command of ours on this system.
	Command func(words string) string
}

// Run implements a component.
func (t Tour) Run(ctx context.Context, ready func()) error {
	limited, cancel := context.WithTimeout(ctx, tourLimit)
	defer cancel()
	c := &client.Client{
		BaseURL: BaseURL(t.System.GatewayAddr()), Key: t.System.Config.AdminKey,
		HTTP: &http.Client{Timeout: 30 * time.Second},
	}
	user, err := t.connect(limited, c)
	var end func()
	if err == nil {
		t.Session.URL, t.Session.Key, t.Session.UserID = c.BaseURL, c.Key, user.ID
		if end, err = t.Session.Keep(t.System.Config.DataDir); err == nil {
			defer end()
			err = t.printNextSteps(limited, c, user)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it was starting
		}
		return fmt.Errorf("prepare the demo user: %w", err)
	}
	ready()
	<-ctx.Done()
	return nil
}

// connect makes and connects the user; what an earlier run did is found again.
func (t Tour) connect(ctx context.Context, c *client.Client) (client.User, error) {
	user, err := c.EnsureUser(ctx, demoUser)
	if err != nil {
		return user, err
	}
	connections, err := c.Connections(ctx, user.ID)
	if err != nil {
		return user, err
	}
	for _, at := range t.Simulator.clouds {
		connected := slices.ContainsFunc(connections, func(one client.Connection) bool { return one.Provider == at.Provider && one.Status == "active" })
		if !connected {
			if err := t.consent(ctx, c, user, at); err != nil {
				return user, err
			}
		}
		if err := t.readHistory(ctx, c, user, at.Provider); err != nil {
			return user, err
		}
	}
	return user, nil
}

// consent goes through a provider's consent page as the person would.
func (t Tour) consent(ctx context.Context, c *client.Client, user client.User, at demoCloud) error {
	fmt.Fprintf(t.Out, "Connecting the demo user to the simulated %s cloud …\n", at.DisplayName)
	back, err := c.ConnectAt(ctx, user.ID, at.Provider, c.BaseURL+"/docs", visitor.Decision{AccountID: at.cloud.Account(t.Simulator.person)})
	if err != nil {
		return err
	}
	if reason := back.Query().Get("error"); reason != "" {
		return fmt.Errorf("the consent at %s ended with %s: %s", at.DisplayName, reason, back.Query().Get("reason"))
	}
	return nil
}

// readHistory reads the past once. A run that was stopped before it had asked for
// it leaves it to the next one.
func (t Tour) readHistory(ctx context.Context, c *client.Client, user client.User, provider string) error {
	known, err := c.Syncs(ctx, user.ID)
	if err != nil {
		return err
	}
	var id string
	for _, sync := range known {
		if sync.Provider == provider && sync.Trigger == events.TriggerBackfill && sync.Status != string(events.SyncFailed) {
			id = sync.ID
			if !sync.Ended() {
				fmt.Fprintln(t.Out, "Waiting for a sync that was cut off; it goes on once the lease of the killed run has ended …")
			}
		}
	}
	if id == "" {
		if id, err = c.Historical(ctx, user.ID, provider, demoDays); err != nil {
			return err
		}
	}
	sync, err := c.AwaitSync(ctx, user.ID, id)
	if err != nil {
		return err
	}
	if sync.Status != string(events.SyncSuccess) {
		return fmt.Errorf("the sync of %d days at %s ended %s", demoDays, provider, sync.Status)
	}
	return t.awaitWorkouts(ctx, c, user, provider, sync.Counts.Seen)
}

// printNextSteps shows commands with the right values in place.
func (t Tour) printNextSteps(ctx context.Context, c *client.Client, user client.User) error {
	page, err := newest(ctx, c, user)
	if err != nil {
		return err
	}
	records, err := recordsOf(ctx, c, user, url.Values{})
	if err != nil {
		return err
	}
	if len(page.Data) == 0 {
		return errors.New("the simulated person has no workouts")
	}
	var workout struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(page.Data[0], &workout); err != nil {
		return fmt.Errorf("read the newest workout: %w", err)
	}
	exports, _ := clouds.Exports()
	month := time.Date(time.Now().Year()-8, time.May, 1, 0, 0, 0, 0, time.UTC)
	fmt.Fprintf(t.Out, `
Stridelog is running with %d workouts of a simulated person, in %d records of two clouds (%.1f s after the start).

  API documentation   %s/docs
  API key             %s
  demo user           %s
%s  NATS                %s
  SQL for analysts    %s

Paste this line into another terminal, in the same folder:

export %s

or type: eval "$(%s)". Then try:

  # the five newest workouts
  curl -H "Authorization: Bearer $KEY" "$URL/api/v1/users/$USER_ID/events/workouts?limit=5"

  # the newest one, exactly as the provider sent it
  curl -H "Authorization: Bearer $KEY" "$URL/api/v1/workouts/%s/raw"

  # the three newest events of workouts, and those to come, until Ctrl-C
  %s

  # ten years of the same person, from an export archive, and a month of it
  ARCHIVE=$(mktemp -d)/takeout.zip
  %s
  %s
  curl -H "Authorization: Bearer $KEY" "$URL/api/v1/users/$USER_ID/events/workouts?start_date=%s&end_date=%s"

  # throw the workout tables away and compute them again from the log
  %s

The data is in %s. Ctrl-C stops everything; run it again and it is all still there.
To begin anew: %s
`,
		page.Pagination.TotalCount, records, time.Since(t.Started).Seconds(),
		c.BaseURL, c.Key, user.ID, t.Simulator.addresses(), t.Session.NATSURL, t.AnalystURL,
		strings.Join(t.Session.Exports(), " "), t.Command("env"),
		workout.ID,
		t.Command("tail --kind workout --last 3"),
		t.Command(`simulator export "$ARCHIVE" --years 10`), t.Command(`import `+exports.Kind+` "$ARCHIVE" --user `+demoUser),
		month.Format(time.DateOnly), month.AddDate(0, 1, 0).Format(time.DateOnly),
		t.Command("rebuild"),
		t.System.Config.DataDir, t.Command("demo --reset"))
	return nil
}

// awaitWorkouts waits until what a sync has seen can be read: the poller may be
// done before the projector is.
func (t Tour) awaitWorkouts(ctx context.Context, c *client.Client, user client.User, provider string, seen int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		records, err := recordsOf(ctx, c, user, url.Values{"provider": {provider}})
		if err != nil || records >= seen {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d workouts of %s, of which %d are there: %w", seen, provider, records, ctx.Err())
		case <-tick.C:
		}
	}
}

// newest is the latest workout, and how many there are.
func newest(ctx context.Context, c *client.Client, user client.User) (client.Page, error) {
	var page client.Page
	err := c.Call(ctx, http.MethodGet, "/users/"+url.PathEscape(user.ID)+"/events/workouts?limit=1", nil, &page)
	return page, err
}

// recordsOf counts a user's records: a workout that two clouds have is two.
func recordsOf(ctx context.Context, c *client.Client, user client.User, query url.Values) (int, error) {
	query.Set("include", "duplicates")
	list, err := c.Workouts(ctx, user.ID, query)
	return len(list), err
}

// BaseURL is the Origin of a server that listens already.
func BaseURL(addr net.Addr) string {
	origin, err := Origin(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	return origin
}
