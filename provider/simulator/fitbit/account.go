package fitbit

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/internal/wire"
)

// account is what the cloud knows of one person. The person's days are taken
// over as they come, so that edits and deletions stay.
type account struct {
	person  *simulator.Person
	nextDay time.Time // first day that is not taken over yet
	records map[string]record
	sorted  []record // all records by local start, ties by id; nil after a change
	uploads int
}

// record is a workout and from when on the cloud has it.
type record struct {
	truth *simulator.Truth
	from  time.Time
	start string // local
}

func (a *account) put(t *simulator.Truth, from time.Time) {
	a.records[t.ExternalID] = record{t, from, localStart(t)}
	a.sorted = nil
}

func newAccount(p *simulator.Person) *account {
	return &account{person: p, nextDay: p.Since(), records: map[string]record{}}
}

// advance takes over all days up to tomorrow: where the person is, it may be
// tomorrow already.
func (a *account) advance(now time.Time) {
	last := now.UTC().AddDate(0, 0, 1)
	for ; !a.nextDay.After(last); a.nextDay = a.nextDay.AddDate(0, 0, 1) {
		for _, t := range a.person.Day(a.nextDay) {
			a.put(&t, t.Modified)
		}
		for _, x := range a.person.Extras(a.nextDay) {
			a.put(&x.Truth, x.Modified)
		}
	}
}

// visible gives what the cloud has at an instant, by local start, as the list
// filters by it.
func (a *account) visible(now time.Time) []record {
	a.advance(now)
	if a.sorted == nil {
		a.sorted = slices.SortedFunc(maps.Values(a.records), func(x, y record) int {
			return cmp.Or(strings.Compare(x.start, y.start), len(x.truth.ExternalID)-len(y.truth.ExternalID),
				strings.Compare(x.truth.ExternalID, y.truth.ExternalID))
		})
	}
	all := make([]record, 0, len(a.sorted))
	for _, r := range a.sorted {
		if !r.from.After(now) {
			all = append(all, r)
		}
	}
	return all
}

// localStart is what the list filters and sorts by.
func localStart(t *simulator.Truth) string { return t.Start.Format("2006-01-02T15:04:05") }

// Truth gives an account's workouts as they stand now, edits and deletions
// included, in the order of their local starts. It is nil for a stranger.
func (c *Cloud) Truth(accountID string) []simulator.Truth {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[accountID]
	if a == nil {
		return nil
	}
	visible := a.visible(c.options.Now())
	truths := make([]simulator.Truth, 0, len(visible))
	for _, r := range visible {
		truths = append(truths, r.truth.Copy())
	}
	return truths
}

// RawRecord gives the bytes that the list sends for a workout now, to a client
// with the heartrate scope and without an Accept-Language; nil when the cloud
// has no such workout.
func (c *Cloud) RawRecord(accountID, externalID string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, t, err := c.find(accountID, externalID)
	if err != nil {
		return nil
	}
	return render(t, view{miles: a.person.Miles(), heart: true})
}

// Upload adds a workout and gives its id. An empty ExternalID is filled in, and
// so are zero OriginalStart, OriginalDuration and ActiveDuration. It is modified
// now.
func (c *Cloud) Upload(accountID string, t simulator.Truth) (externalID string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[accountID]
	if a == nil {
		return "", fmt.Errorf("upload a workout: there is no account %s", accountID)
	}
	now := c.options.Now()
	a.advance(now)
	t = t.Copy()
	if t.ExternalID == "" {
		a.uploads++
		t.ExternalID = strconv.Itoa(8_900_000_000_000_000_000 + a.uploads)
	}
	if a.records[t.ExternalID].truth != nil {
		return "", fmt.Errorf("upload a workout: the account has a workout %s already; edit that one", t.ExternalID)
	}
	if t.OriginalStart.IsZero() {
		t.OriginalStart, t.OriginalDuration = t.Start, t.Duration
	}
	if t.ActiveDuration == 0 {
		t.ActiveDuration = t.Duration
	}
	t.Modified = now.UTC().Truncate(time.Second)
	if err := check(&t); err != nil {
		return "", fmt.Errorf("upload a workout: %w", err)
	}
	a.put(&t, now)
	return t.ExternalID, nil
}

// Edit changes a workout as its owner does. The id stays, the original start
// and duration stay, and it is modified now, or a second after it last was.
func (c *Cloud) Edit(accountID, externalID string, change func(*simulator.Truth)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, old, err := c.find(accountID, externalID)
	if err != nil {
		return fmt.Errorf("edit a workout: %w", err)
	}
	edited := old.Copy()
	change(&edited)
	edited.ExternalID, edited.OriginalStart, edited.OriginalDuration = old.ExternalID, old.OriginalStart, old.OriginalDuration
	edited.Modified = c.options.Now().UTC().Truncate(time.Second)
	if !edited.Modified.After(old.Modified) {
		edited.Modified = old.Modified.Add(time.Second)
	}
	if err := check(&edited); err != nil {
		return fmt.Errorf("edit a workout: %w", err)
	}
	a.put(&edited, a.records[externalID].from)
	return nil
}

// Delete takes a workout away. Nothing tells of it afterwards.
func (c *Cloud) Delete(accountID, externalID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, _, err := c.find(accountID, externalID)
	if err != nil {
		return fmt.Errorf("delete a workout: %w", err)
	}
	delete(a.records, externalID)
	a.sorted = nil
	return nil
}

func (c *Cloud) find(accountID, externalID string) (*account, *simulator.Truth, error) {
	a := c.accounts[accountID]
	if a == nil {
		return nil, nil, fmt.Errorf("there is no account %s", accountID)
	}
	now := c.options.Now()
	a.advance(now)
	r := a.records[externalID]
	if r.truth == nil || r.from.After(now) {
		return nil, nil, fmt.Errorf("the account has no workout %s", externalID)
	}
	return a, r.truth, nil
}

// check refuses what the real cloud could not hold.
func check(t *simulator.Truth) error {
	if _, err := strconv.ParseUint(t.ExternalID, 10, 64); err != nil {
		return errors.New("ExternalID is no unsigned 64-bit number")
	}
	if t.Start.IsZero() || t.Duration <= 0 || t.ActiveDuration > t.Duration || t.ActiveDuration < 0 {
		return errors.New("it needs a Start, a positive Duration, and an ActiveDuration no longer than that")
	}
	if _, known := wire.TypeIDs()[t.Type]; !known && !t.Custom {
		return fmt.Errorf("type %q has no Fitbit id; mark it Custom", t.Type)
	}
	return nil
}
