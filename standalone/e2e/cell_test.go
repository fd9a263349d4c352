package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// cell is one fault in one operation of one user.
type cell struct {
	w       *faultWorld
	row     faultRow
	op      string
	person  *simulator.Person
	account string
	user    client.User

	mu       sync.Mutex
	versions map[string]int // edits by record
	gone     map[string]bool
	struck   int
	err      error // of a change at the cloud
	consents int
	armed    bool
	asking   bool   // for a manual sync, from then on
	ended    string // how a manual sync ended
	waited   bool   // for an hour that was let pass
	hour     time.Time
	armedAt  time.Time
}

func newCell(w *faultWorld, row faultRow, op string, person *simulator.Person) *cell {
	return &cell{w: w, row: row, op: op, person: person, account: w.side.account(person), versions: map[string]int{}, gone: map[string]bool{}}
}

func (c *cell) run(ctx context.Context) (string, error) {
	var err error
	if c.user, err = c.w.in.Client.EnsureUser(ctx, c.person.Name()); err != nil {
		return "", err
	}
	if c.op != opInitial {
		if err := c.consent(ctx); err != nil {
			return "", err
		}
		if _, err := c.settle(ctx); err != nil {
			return "", fmt.Errorf("before the fault: %w", err)
		}
		c.consents = 0
		if err := c.makeChanges(); err != nil {
			return "", err
		}
	}
	if c.row.quota {
		if err := c.w.side.SetQuota(c.account, 3, quotaWindow); err != nil {
			return "", err
		}
	}
	for _, t := range c.w.side.Truth(c.account) {
		c.versions[t.ExternalID] += c.row.versions
	}
	c.w.arm(c.account, c.script())
	c.armed, c.armedAt = true, time.Now()
	if c.row.hour {
		stop, err := c.passHours(ctx)
		if err != nil {
			return "", err
		}
		defer stop()
	}
	began := time.Now()
	c.hour = began.Truncate(time.Hour)
	if err := c.operate(ctx); err != nil {
		return "", err
	}
	equal, err := c.settle(ctx)
	if err != nil {
		return "", err
	}
	return c.verdict(ctx, equal.Sub(began))
}

// makeChanges gives the coming operation something to find.
func (c *cell) makeChanges() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.uploadLate(); err != nil {
		return err
	}
	return c.edit(editDistance)
}

func (c *cell) operate(ctx context.Context) error {
	switch {
	case c.op == opInitial:
		return c.consent(ctx)
	case c.op == opManual, c.op == opRefresh && c.row.lie == nil && c.row.change == nil:
		return c.ask(ctx)
	default:
		return nil // the schedule does it
	}
}

func (c *cell) consent(ctx context.Context) error {
	c.consents++
	return c.w.side.consent(ctx, c.w.in.Client, c.user.ID, c.account)
}

// manualEnd is what tells the requests of manual syncs from others.
func manualEnd() time.Time { return time.Now().UTC().AddDate(0, 0, -2) }

func (c *cell) ask(ctx context.Context) error {
	q := url.Values{"start_date": {manualEnd().AddDate(0, 0, -10).Format(time.DateOnly)}, "end_date": {manualEnd().Format(time.DateOnly)}}
	c.mu.Lock()
	c.asking = true
	c.mu.Unlock()
	var sync client.Sync
	err := c.w.in.Client.Call(ctx, http.MethodPost, "/providers/"+c.w.side.provider()+"/users/"+c.user.ID+"/sync?"+q.Encode(), nil, &sync)
	var refused *client.Problem
	if errors.As(err, &refused) && refused.Code == "action_required" && slices.Contains(c.row.suspends, c.op) {
		c.ended = "failed" // a scan that was under way met the fault first
		return nil
	}
	if err != nil {
		return err
	}
	sync, err = c.w.in.Client.AwaitSync(ctx, c.user.ID, sync.SyncID)
	c.ended = sync.Status
	if err == nil && c.ended != "success" && !c.row.fails {
		err = fmt.Errorf("the sync ended %s: %+v", c.ended, sync.Error)
	}
	return err
}

// settle waits until log and tables equal the truth; after the fault also for a
// whole scan that finds nothing. A person who is rightly asked to consent does so.
func (c *cell) settle(ctx context.Context) (equal time.Time, err error) {
	began := time.Now()
	var last audit
	backfilled := false
	for {
		if err := c.repair(ctx); err != nil {
			return equal, err
		}
		if last = c.audit(ctx); last.clean() && c.happened() {
			break
		}
		if c.row.beyond && c.armed && !backfilled && c.happened() && time.Since(began) > 3*scanEvery {
			backfilled = true
			id, err := c.w.in.Client.Historical(ctx, c.user.ID, c.w.side.provider(), 90)
			if err == nil {
				_, err = c.w.in.Client.AwaitSync(ctx, c.user.ID, id)
			}
			if err != nil {
				return equal, err
			}
		}
		if err := pauseFor(ctx, lookEvery); err != nil {
			return equal, fmt.Errorf("%w: %v", err, last)
		}
	}
	equal = time.Now()
	if !c.armed {
		return equal, nil
	}
	for from := c.w.scansOf(c.account); c.w.scansOf(c.account) < from+2; {
		if err := c.repair(ctx); err != nil {
			return equal, fmt.Errorf("after the fault: %w", err)
		}
		if err := pauseFor(ctx, lookEvery); err != nil {
			return equal, errors.New("nothing is scanned any more")
		}
	}
	if last = c.audit(ctx); !last.clean() {
		return equal, fmt.Errorf("after a scan more: %v", last)
	}
	return equal, nil
}

// happened says that the fault, if it is due, has struck.
func (c *cell) happened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.armed || c.struck > 0 || c.row.quota
}

func (c *cell) audit(ctx context.Context) audit {
	rows, err := c.w.in.Client.Workouts(ctx, c.user.ID, url.Values{"include": {"duplicates"}})
	if err != nil {
		return audit{lost: 1, first: err.Error()}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	truths, differ := c.w.side.Truth(c.account), c.w.side.differ(c.user.ID, c.account)
	return inspectBy(func(row json.RawMessage, truth simulator.Truth) []string {
		return slices.DeleteFunc(differ(row, truth), c.row.passes)
	}, c.w.log.of(c.user.ID), rows, truths, c.versions, c.gone)
}

// repair does what a person or an operator does about a status.
func (c *cell) repair(ctx context.Context) error {
	list, err := c.w.in.Client.Connections(ctx, c.user.ID)
	if err != nil || len(list) == 0 {
		return err
	}
	switch list[0].Status {
	case "active", "degraded":
		return nil
	default:
		if !slices.Contains(c.row.suspends, c.op) {
			return fmt.Errorf("a healthy connection is %s", list[0].Status)
		}
		if c.consents > 2 {
			return fmt.Errorf("still %s after %d consents", list[0].Status, c.consents)
		}
		return c.consent(ctx)
	}
}

// verdict looks at everything but the tables, and ends the user's polling.
func (c *cell) verdict(ctx context.Context, took time.Duration) (string, error) {
	c.mu.Lock()
	struck, changeErr, waited := c.struck, c.err, c.waited
	c.mu.Unlock()
	if changeErr != nil {
		return "", changeErr
	}
	if struck == 0 && !c.row.quota {
		return "", errors.New("the fault never struck")
	}
	if c.row.hour && !waited && time.Now().Truncate(time.Hour).Equal(c.hour) { // else a new hour has begun by itself
		return "", errors.New("nobody waited for the hour")
	}
	overruns := c.w.side.Overruns(c.account)
	if most := c.mostOverruns(); overruns > most {
		return "", fmt.Errorf("the budget was overrun %d times, at most %d are right", overruns, most)
	}
	if c.row.untold && overruns == 0 {
		return "", errors.New("the quota was never reached")
	}
	suspended := c.w.log.suspensions(c.user.ID)
	if rightly := slices.Contains(c.row.suspends, c.op); rightly != (suspended > 0) {
		return "", fmt.Errorf("%d suspensions, rightly in: %q", suspended, c.row.suspends)
	}
	if err := c.w.in.Client.Call(ctx, http.MethodDelete, "/users/"+c.user.ID+"/connections/"+c.w.side.provider(), nil, nil); err != nil {
		return "", err
	}
	text := fmt.Sprintf("equal after %.1f s", took.Seconds())
	if c.ended != "" && c.ended != "success" {
		text = "sync " + c.ended + ", " + text
	}
	if suspended > 0 {
		text += ", after a new consent"
	}
	if overruns > 0 {
		text += fmt.Sprintf(", %d times refused", overruns)
	}
	if waited {
		text += " and an hour that was let pass"
	}
	return text, nil
}

// quotaWindow is the window of a quota that a row makes small.
const quotaWindow = 2 * time.Second

// mostOverruns is how often a quota may be overrun: never where the provider tells
// what is left, else once in a window, since the refusal alone tells.
func (c *cell) mostOverruns() int {
	if !c.row.untold {
		return 0
	}
	first, last := c.armedAt.Truncate(quotaWindow), time.Now().Truncate(quotaWindow) // windows begin at every multiple
	return int(last.Sub(first)/quotaWindow) + 1
}
