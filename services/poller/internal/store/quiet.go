package store

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

//go:embed quiet.sql
var quietSQL string

// Quiet is the work of a lease of which nothing is due but scans. While they find
// nothing, no window is stored for them.
type Quiet struct {
	Scans []QuietScan
	// Taken are the requests that were taken off the account's budgets for the scans.
	Taken Taken

	purse   Purse
	budget  budgetRow
	version string // of the row of budgets; empty: there is none
}

// QuietScan is a scan of one source.
type QuietScan struct {
	Source, Kind string
	Span         events.Window
	// LastOutcome is how the latest scheduled sync of the source ended; empty: there was
	// none.
	LastOutcome string
	// Known is what the index has around the span.
	Known map[string]Known

	offsets map[string]int32 // of the known, in seconds
	table   timetable
	widest  time.Duration
}

// Shown says whether a list of the span that shows these records is without an absence:
// it shows all live records of the account that it must.
func (x QuietScan) Shown(account string, expected events.Window, shown func(id string) bool) bool {
	for id, k := range x.Known {
		if k.Removed || k.Origin != string(events.OriginAPI) || k.Account != account {
			continue
		}
		civil := k.StartedAt.Add(time.Duration(x.offsets[id]) * time.Second)
		if !civil.Before(expected.From) && civil.Before(expected.To) && !shown(id) {
			return false
		}
	}
	return true
}

// Quiet finds the leases of which nothing is due but scans that go on where the reading
// stood, and what is known of what they should show.
func (s *Store) Quiet(ctx context.Context, leases []Lease, now time.Time) (map[LeaseKey]*Quiet, error) {
	now = now.UTC().Truncate(time.Microsecond)
	users, providers, _ := leaseKeys(leases)
	accounts := make([]string, len(leases))
	for i, l := range leases {
		accounts[i] = l.Account()
	}
	rows, err := s.db.Query(ctx, quietSQL, users, providers, accounts, now)
	if err != nil {
		return nil, fmt.Errorf("look for due scans: %w", err)
	}
	defer rows.Close()
	found := map[LeaseKey]*Quiet{}
	for rows.Next() {
		var place int
		var scan QuietScan
		var known knownArrays
		q := &Quiet{}
		t, b := &scan.table, &q.budget
		if err := rows.Scan(&place, &t.Source, &t.Kind, &t.Spans, &t.Dues, &scan.LastOutcome,
			&known.ids, &known.sequences, &known.hashes, &known.hashVersions, &known.origins, &known.removed, &known.started, &known.offsets, &known.accounts,
			&q.version, &b.first.Remaining, &b.first.Quota, &b.first.Answered, &b.first.ResetAt, &b.first.Halvings, &b.first.Refused, &b.further); err != nil {
			return nil, fmt.Errorf("look for due scans: %w", err)
		}
		b.known = q.version != ""
		if !b.known {
			q.budget = budgetRow{}
		}
		scan.Source, scan.Kind, scan.widest = t.Source, t.Kind, t.widest(now)
		scan.Span = events.Window{From: now.Add(-scan.widest), To: now}
		scan.Known, scan.offsets = known.list()
		key := leases[place].Key()
		if found[key] == nil {
			found[key] = q
		}
		found[key].Scans = append(found[key].Scans, scan)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look for due scans: %w", err)
	}
	return found, nil
}

// knownArrays are versions of records, member by member.
type knownArrays struct {
	ids, hashes, origins, accounts []string
	sequences                      []int64
	hashVersions, offsets          []int32
	removed                        []bool
	started                        []time.Time
}

func (c knownArrays) list() (known map[string]Known, offsets map[string]int32) {
	known, offsets = make(map[string]Known, len(c.ids)), make(map[string]int32, len(c.ids))
	for i, id := range c.ids {
		known[id] = Known{
			ExternalID: id, Sequence: uint64(c.sequences[i]), ContentHash: c.hashes[i], HashVersion: int(c.hashVersions[i]), //nolint:gosec // a sequence
			Origin: c.origins[i], Removed: c.removed[i], StartedAt: &c.started[i], Account: c.accounts[i],
		}
		offsets[id] = c.offsets[i]
	}
	return known, offsets
}

// booking is a row of budgets as it is to be, for poller.book.
type booking struct {
	Place     int                  `json:"i"`
	Provider  string               `json:"p"`
	Account   string               `json:"a"`
	Version   string               `json:"version"`
	Remaining int                  `json:"remaining"`
	Quota     int                  `json:"quota"`
	Told      bool                 `json:"told"`
	ResetAt   time.Time            `json:"reset_at"`
	Halvings  int                  `json:"halvings"`
	Refused   bool                 `json:"refused"`
	Further   map[string]allowance `json:"further"`
}

func (q *Quiet) booking(place int) booking {
	b := q.budget
	further := b.further
	if further == nil {
		further = map[string]allowance{}
	}
	return booking{
		Place: place, Provider: q.purse.Provider, Account: q.purse.Account, Version: q.version,
		Remaining: b.first.Remaining, Quota: b.first.Quota, Told: b.first.Answered, ResetAt: b.first.ResetAt,
		Halvings: b.first.Halvings, Refused: b.first.Refused, Further: further,
	}
}

// unbooked is how long requests are good of which no budget knows.
const unbooked = time.Hour

// take takes the requests of the scans off the budgets as they were read. stored says
// that they are to be stored so; ok is false when they do not give as many.
func (q *Quiet) take(a Ask, now time.Time) (stored, ok bool) {
	q.purse = a.Purse
	list := q.budget.list(a.Purse)
	bound := q.budget.known
	for i, b := range a.budgets() {
		bound = bound || b.Requests > 0
		if q.budget.known || b.Requests > 0 {
			list[i].renew(b, now)
		}
	}
	if bound && !q.budget.known {
		return false, false // its row is to be made first
	}
	q.Taken = list.take(a.Most, a.Percent)
	if !bound {
		q.Taken = Taken{Requests: a.Most, ResetAt: now.Add(unbooked), Limits: q.Taken.Limits}
		return false, true
	}
	q.budget.put(a.Purse, list)
	if q.Taken.ResetAt.IsZero() {
		q.Taken.ResetAt = now.Add(unbooked)
	}
	return true, q.Taken.Requests >= a.Most
}

// TakeQuiet takes the requests of scans off their budgets, all in one statement. It
// leaves out the leases whose budgets do not give enough, or were changed meanwhile: they
// ask for each request by itself.
func (s *Store) TakeQuiet(ctx context.Context, now time.Time, quiet map[LeaseKey]*Quiet, asks map[LeaseKey]Ask) error {
	var list []booking
	var keys []LeaseKey
	for key, q := range quiet {
		stored, ok := q.take(asks[key], now)
		switch {
		case !ok:
			delete(quiet, key)
		case stored:
			list, keys = append(list, q.booking(len(keys))), append(keys, key)
		}
	}
	if len(list) == 0 {
		return nil
	}
	data, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("take requests of scans: %w", err)
	}
	rows, err := s.db.Query(ctx, "SELECT place, version FROM poller.book($1)", data)
	if err != nil {
		return fmt.Errorf("take requests of scans: %w", err)
	}
	versions := map[LeaseKey]string{}
	var place int
	var version string
	if _, err := pgx.ForEachRow(rows, []any{&place, &version}, func() error {
		versions[keys[place]] = version
		return nil
	}); err != nil {
		return fmt.Errorf("take requests of scans: %w", err)
	}
	for _, key := range keys {
		if quiet[key].version = versions[key]; versions[key] == "" {
			delete(quiet, key)
		}
	}
	return nil
}

// QuietEnd is a lease whose scans found nothing.
type QuietEnd struct {
	Lease Lease
	Quiet *Quiet
	// Quotas are what answers told of the account's budgets that these do not know.
	Quotas []provider.Quota
}

// MoveOn gives the scans their next turns.
func (q *Quiet) MoveOn(s Schedule, sources []Source, now time.Time) {
	for _, scan := range q.Scans {
		for _, of := range sources {
			if of.Name == scan.Source {
				scan.table.moveOn(s.tiers(of), scan.widest, func(tier Tier) time.Time { return now.Add(tier.Every + s.jitter()) })
			}
		}
	}
}

// quietEnd is one for poller.end_quiet.
type quietEnd struct {
	User     string        `json:"u"`
	Provider string        `json:"p"`
	Token    int64         `json:"token"`
	Account  string        `json:"account"`
	Sources  []quietSource `json:"sources"`
	Budget   *booking      `json:"budget,omitempty"`
}

type quietSource struct {
	Source  string      `json:"source"`
	Dues    []time.Time `json:"dues"`
	NextDue *time.Time  `json:"next_due"`
	ReadTo  time.Time   `json:"read_to"`
}

// EndQuiet stores, in one statement, that scans found nothing, and gives their leases
// back; those that were lost are left alone. What was told of a budget that has changed
// meanwhile is passed over: the writer of the change was told, too. It says when the first of
// the targets has work again; zero when none is in sight.
func (s *Store) EndQuiet(ctx context.Context, list []QuietEnd, now time.Time) (time.Time, error) {
	ends := make([]quietEnd, len(list))
	for i, e := range list {
		ends[i] = quietEnd{User: e.Lease.UserID, Provider: e.Lease.Provider, Token: e.Lease.Token, Account: e.Lease.Account()}
		for _, scan := range e.Quiet.Scans {
			ends[i].Sources = append(ends[i].Sources, quietSource{scan.Source, scan.table.Dues, scan.table.next(), scan.Span.To})
		}
		if b, ok := e.told(i); ok {
			ends[i].Budget = &b
		}
	}
	data, err := json.Marshal(ends)
	if err != nil {
		return time.Time{}, fmt.Errorf("end scans: %w", err)
	}
	var at *time.Time
	if err := s.db.QueryRow(ctx, "SELECT poller.end_quiet($1, $2)", data, now).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("end scans: %w", err)
	}
	for _, e := range list { // budgets that were not known before
		if len(e.Quotas) > 0 && !e.Quiet.budget.known {
			if _, err := s.Told(ctx, e.Quiet.purse, e.Quotas); err != nil {
				return time.Time{}, err
			}
		}
	}
	if at == nil {
		return time.Time{}, nil
	}
	return *at, nil
}

// told is the row of budgets after what answers told; false when there is nothing new.
func (e QuietEnd) told(place int) (booking, bool) {
	q := e.Quiet
	if len(e.Quotas) == 0 || !q.budget.known {
		return booking{}, false
	}
	list := q.budget.list(q.purse)
	for _, quota := range e.Quotas {
		if i := q.purse.Find(quota.Budget); i >= 0 {
			list[i].told(quota)
		}
	}
	q.budget.put(q.purse, list)
	return q.booking(place), true
}
