package googlehealth

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

// Records gives an account's records as they stand now, edits and deletions
// included, in the order of their starts. It is nil for a stranger.
func (c *Cloud) Records(accountID string) []Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[accountID]
	if a == nil {
		return nil
	}
	now := c.options.Now()
	visible := a.visible(now)
	records := make([]Record, 0, len(visible))
	for _, e := range visible {
		records = append(records, e.at(now).Copy())
	}
	slices.SortStableFunc(records, func(x, y Record) int { return x.Start.Compare(y.Start) })
	return records
}

// Truth gives the truths of Records.
func (c *Cloud) Truth(accountID string) []simulator.Truth {
	records := c.Records(accountID)
	if records == nil {
		return nil
	}
	truths := make([]simulator.Truth, 0, len(records))
	for _, r := range records {
		truths = append(truths, r.Truth)
	}
	return truths
}

// RawRecord gives the bytes that list and get send for a record now; nil when the
// cloud has no such record.
func (c *Cloud) RawRecord(accountID, externalID string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, e, err := c.find(accountID, externalID)
	if err != nil {
		return nil
	}
	return render(e.at(c.options.Now()), a.id, false)
}

// Upload adds a workout as the app of a watch does and gives its id. An empty
// ExternalID and a zero ActiveDuration are filled in. It is modified now.
func (c *Cloud) Upload(accountID string, t simulator.Truth) (externalID string, err error) {
	return c.upload(accountID, Record{Truth: t}, true)
}

// UploadRecord adds a record just as it is given. An empty Source is the one that
// the truth has.
func (c *Cloud) UploadRecord(accountID string, r Record) (externalID string, err error) {
	return c.upload(accountID, r, false)
}

func (c *Cloud) upload(accountID string, r Record, fill bool) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[accountID]
	if a == nil {
		return "", fmt.Errorf("upload a workout: there is no account %s", accountID)
	}
	now := c.options.Now()
	a.advance(now)
	r = r.Copy()
	if r.ExternalID == "" {
		a.uploads++
		r.ExternalID = longID("upload", a.id, strconv.Itoa(a.uploads))
	}
	if a.records[r.ExternalID] != nil {
		return "", fmt.Errorf("upload a workout: the account has a record %s already; edit that one", r.ExternalID)
	}
	if r.ActiveDuration == 0 {
		r.ActiveDuration = r.Duration
	}
	if err := check(&r); err != nil {
		return "", fmt.Errorf("upload a workout: %w", err)
	}
	if fill {
		r = convert(r.Truth, a.person)
	} else if r.Source == (Source{}) {
		r.Source = sourceOf(&r.Truth)
	}
	r.Modified = now.UTC().Truncate(time.Microsecond)
	r.Detail.Created = r.Modified
	a.put(&entry{record: r, from: now, told: true})
	c.announce(a, &r, operationUpsert)
	return r.ExternalID, nil
}

// Edit changes a workout as its owner does. The id stays, and it is modified now,
// or a second after it last was.
func (c *Cloud) Edit(accountID, externalID string, change func(*simulator.Truth)) error {
	return c.EditRecord(accountID, externalID, func(r *Record) { change(&r.Truth) })
}

// EditRecord is Edit of everything that a record says. When the change moves the
// workout, its splits, laps and events are drawn anew.
func (c *Cloud) EditRecord(accountID, externalID string, change func(*Record)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, e, err := c.find(accountID, externalID)
	if err != nil {
		return fmt.Errorf("edit a workout: %w", err)
	}
	now := c.options.Now()
	old := e.at(now)
	r := old.Copy()
	change(&r)
	r.ExternalID, r.Detail.Created = old.ExternalID, old.Detail.Created
	r.Modified = now.UTC().Truncate(time.Microsecond)
	if !r.Modified.After(old.Modified) {
		r.Modified = old.Modified.Add(time.Second)
	}
	if err := check(&r); err != nil {
		return fmt.Errorf("edit a workout: %w", err)
	}
	if !r.Start.Equal(old.Start) || r.Duration != old.Duration || r.ActiveDuration != old.ActiveDuration {
		fresh := detail(&r, a.person)
		r.Detail.Splits, r.Detail.Laps, r.Detail.Events, r.Detail.EndOffset = fresh.Splits, fresh.Laps, fresh.Events, fresh.EndOffset
	}
	a.put(&entry{record: r, from: e.from, told: true})
	c.announce(a, &r, operationUpsert)
	return nil
}

// Delete takes a workout away. Only a notification tells of it afterwards.
func (c *Cloud) Delete(accountID, externalID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, e, err := c.find(accountID, externalID)
	if err != nil {
		return fmt.Errorf("delete a workout: %w", err)
	}
	delete(a.records, externalID)
	a.sorted = nil
	c.announce(a, e.at(c.options.Now()), operationDelete)
	return nil
}

// find is an account and its record. The caller holds the lock.
func (c *Cloud) find(accountID, externalID string) (*account, *entry, error) {
	a := c.accounts[accountID]
	if a == nil {
		return nil, nil, fmt.Errorf("there is no account %s", accountID)
	}
	e := a.find(externalID, c.options.Now())
	if e == nil {
		return nil, nil, fmt.Errorf("the account has no record %s", externalID)
	}
	return a, e, nil
}

// clientMadeID is the id of a record that an app wrote.
var clientMadeID = regexp.MustCompile(`^[a-z0-9-]{4,63}$`)

// check refuses what the real cloud could not hold.
func check(r *Record) error {
	if !clientMadeID.MatchString(r.ExternalID) {
		return errors.New("ExternalID is not 4 to 63 of a-z, 0-9 and -")
	}
	if r.Start.IsZero() || r.Duration <= 0 || r.ActiveDuration > r.Duration || r.ActiveDuration < 0 {
		return errors.New("it needs a Start, a positive Duration, and an ActiveDuration no longer than that")
	}
	if r.Detail.ExerciseType == "" && !slices.Contains(ExerciseTypes(), strings.ToUpper(r.Type)) {
		return fmt.Errorf("type %q is none of ExerciseTypes in lower case; give Detail.ExerciseType for another", r.Type)
	}
	return nil
}
