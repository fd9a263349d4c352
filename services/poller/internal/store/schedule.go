package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/postgres"
)

// Tier is one scan of the schedule: the last Span, every Every.
type Tier struct {
	Span  time.Duration
	Every time.Duration
}

// unknownPause is how long a source waits that the process at work does not have, such
// as one beside a newer program.
const unknownPause = 15 * time.Minute

// Schedule turns tiers into scheduled windows.
type Schedule struct {
	Tiers []Tier
	// Deep is read behind everything else; nil is no deep scan.
	Deep    *Tier
	Initial time.Duration // what is read of an account of which nothing was read yet
	Jitter  time.Duration // how far a start may move, at most
}

// spread is a moment in [0, every) that depends on the connection alone, so that
// connections made by one import are not all due at once, and the sources of one are.
func spread(connectionID string, every time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(connectionID))
	return time.Duration(float64(every) * (float64(h.Sum64()>>11) / (1 << 53)))
}

func (s Schedule) jitter() time.Duration {
	if s.Jitter <= 0 {
		return 0
	}
	return rand.N(s.Jitter)
}

// tiers are those of a source.
func (s Schedule) tiers(of Source) []Tier {
	list := s.Tiers
	if len(list) > 0 && of.Tiers != nil {
		list = of.Tiers
	}
	return slices.SortedFunc(slices.Values(list), func(a, b Tier) int { return int((a.Span - b.Span) / time.Second) })
}

func (s Schedule) spans(of Source) []int64 {
	spans := []int64{}
	for _, t := range s.tiers(of) {
		spans = append(spans, seconds(t.Span))
	}
	return spans
}

// Start brings a target's timetable in line with its sources and their tiers: new tiers
// begin within their interval; tiers and sources that are gone, or that the consent does
// not allow, are dropped. added are the sources that were begun beside others.
func (s Schedule) Start(ctx context.Context, tx pgx.Tx, userID, provider, connectionID string, sources []Source, now time.Time) (added []Source, err error) {
	known, err := timetables(ctx, tx, userID, provider)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, of := range sources {
		if !of.Granted {
			continue
		}
		names = append(names, of.Name)
		before, found := known[of.Name]
		if !found && len(known) > 0 {
			added = append(added, of)
		}
		if err := putTimetable(ctx, tx, userID, provider, s.begin(of, before, connectionID, now)); err != nil {
			return nil, err
		}
	}
	if _, err := tx.Exec(ctx, "DELETE FROM poller.sources WHERE user_id = $1 AND provider = $2 AND NOT source = ANY($3)", userID, provider, names); err != nil {
		return nil, fmt.Errorf("drop old sources of user %s: %w", userID, err)
	}
	if err := s.startDeep(ctx, tx, userID, provider, connectionID, now); err != nil {
		return nil, err
	}
	return added, refreshDue(ctx, tx, userID, provider)
}

// begin is the timetable of a source. Tiers that it had before keep their turns.
func (s Schedule) begin(of Source, before timetable, connectionID string, now time.Time) timetable {
	t := timetable{Source: of.Name, Kind: of.Kind, Spans: []int64{}, Dues: []time.Time{}}
	for _, tier := range s.tiers(of) {
		due := now.Add(spread(connectionID, tier.Every) + s.jitter())
		if i := slices.Index(before.Spans, seconds(tier.Span)); i >= 0 {
			due = before.Dues[i]
			if latest := now.Add(tier.Every + s.Jitter); due.After(latest) {
				due = latest
			}
		}
		t.Spans, t.Dues = append(t.Spans, seconds(tier.Span)), append(t.Dues, due)
	}
	return t
}

//go:embed align.sql
var alignSQL string

// expected is what a source's row in sources should have.
type expected struct {
	Provider string   `json:"provider"`
	Source   string   `json:"source"`
	Spans    []int64  `json:"spans"`
	Scopes   []string `json:"scopes"`
}

// Catalog are the sources of the configured providers, as far as a timetable needs them.
type Catalog map[string][]CatalogSource

// CatalogSource is a source and what it needs.
type CatalogSource struct {
	Source
	Scopes []string // without which it cannot be read
}

// Of are the sources of a provider for a consent, those first that it allows. A consent
// that does not say what it allows allows everything. A provider that is not configured
// here stands as one source, whose syncs say so.
func (c Catalog) Of(provider string, granted []string) []Source {
	if _, configured := c[provider]; !configured {
		return []Source{{Name: KindActivity, Kind: KindActivity, Usual: true, Granted: true}}
	}
	var list []Source
	for _, of := range c[provider] {
		s := of.Source
		s.Granted = len(granted) == 0 || !slices.ContainsFunc(of.Scopes, func(scope string) bool { return !slices.Contains(granted, scope) })
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b Source) int {
		switch {
		case a.Granted == b.Granted:
			return 0
		case a.Granted:
			return -1
		default:
			return 1
		}
	})
	return list
}

// Align applies Start to every target that exists, for a configuration or a program that
// has changed. It costs one look when nothing has. A source that is new to a target
// begins with a reading of what the others were read of.
func (s Schedule) Align(ctx context.Context, st *Store, catalog Catalog, now time.Time) error {
	all := []expected{} // none is an empty list in JSON, too: an installation may have no provider configured
	for provider, sources := range catalog {
		for _, of := range sources {
			all = append(all, expected{Provider: provider, Source: of.Name, Spans: s.spans(of.Source), Scopes: append([]string{}, of.Scopes...)})
		}
	}
	config, err := postgres.JSON(all)
	if err != nil {
		return fmt.Errorf("look for old schedules: %w", err)
	}
	type target struct {
		UserID, Provider, ConnectionID, AccountID string
		Scopes                                    []string
	}
	rows, err := st.db.Query(ctx, alignSQL, config, s.Deep != nil)
	if err != nil {
		return fmt.Errorf("look for old schedules: %w", err)
	}
	targets, err := pgx.CollectRows(rows, pgx.RowToStructByPos[target])
	if err != nil {
		return fmt.Errorf("look for old schedules: %w", err)
	}
	for _, t := range targets {
		if err := st.InTx(ctx, func(tx pgx.Tx) error {
			added, err := s.Start(ctx, tx, t.UserID, t.Provider, t.ConnectionID, catalog.Of(t.Provider, t.Scopes), now)
			if err != nil {
				return err
			}
			return s.Add(ctx, tx, Target{UserID: t.UserID, Provider: t.Provider, ConnectionID: t.ConnectionID, AccountID: t.AccountID}, added, now)
		}); err != nil {
			return err
		}
	}
	return nil
}

// Add queues the first reading of sources that are new to a target, behind everything
// else: as far back as its other sources were read.
func (s Schedule) Add(ctx context.Context, tx pgx.Tx, t Target, added []Source, now time.Time) error {
	if len(added) == 0 {
		return nil
	}
	from := now.Add(-s.Initial)
	var first *time.Time
	err := tx.QueryRow(ctx, "SELECT min(covered_from) FROM poller.coverage WHERE user_id = $1 AND provider = $2 AND account = $3",
		t.UserID, t.Provider, t.Account()).Scan(&first)
	if err != nil {
		return fmt.Errorf("look how far back %s of user %s was read: %w", t.Provider, t.UserID, err)
	}
	if first != nil && first.Before(from) {
		from = first.UTC()
	}
	id := events.NewID()
	for i, of := range added {
		w := Window{
			ID: id, SyncID: id, Source: of.Name, Kind: of.Kind, UserID: t.UserID, Provider: t.Provider, ConnectionID: t.ConnectionID,
			Trigger: events.TriggerKindAdded, Span: events.Window{From: from, To: now}, RequestedAt: now,
		}
		if i > 0 {
			w.ID = events.NewID()
		}
		if err := AddWindow(ctx, tx, w); err != nil {
			return err
		}
	}
	return nil
}

// Materialize makes the scheduled windows of the widest scan of each source that is due,
// and moves that scan and every narrower one on. It waits for the initial sync.
func (s Schedule) Materialize(ctx context.Context, tx pgx.Tx, t Target, sources []Source, now time.Time) error {
	due, err := s.look(ctx, tx, t, now)
	if err != nil || !due.any {
		return err
	}
	known, err := timetables(ctx, tx, t.UserID, t.Provider)
	if err != nil {
		return err
	}
	if len(known) == 0 && len(sources) > 0 { // an earlier program has begun the target
		_, err := s.Start(ctx, tx, t.UserID, t.Provider, t.ConnectionID, sources, now)
		return err
	}
	for _, of := range sources {
		table, ok := known[of.Name]
		if !ok {
			continue
		}
		delete(known, of.Name)
		if table.Refused {
			continue
		}
		if err := s.scan(ctx, tx, t, of, table, now); err != nil {
			return err
		}
		if due.deep && s.Deep != nil {
			if err := scheduleWindow(ctx, tx, t, of, events.Window{From: now.Add(-s.Deep.Span), To: now}, true, now); err != nil {
				return err
			}
		}
	}
	for _, table := range known { // of sources that this process does not have
		table.putOff(now.Add(unknownPause))
		if err := putTimetable(ctx, tx, t.UserID, t.Provider, table); err != nil {
			return err
		}
	}
	if due.deep {
		return s.deepDone(ctx, tx, t, now)
	}
	return nil
}

// scan makes the scheduled window of one source, if one is due.
func (s Schedule) scan(ctx context.Context, tx pgx.Tx, t Target, of Source, table timetable, now time.Time) error {
	widest := table.widest(now)
	if widest == 0 {
		return nil
	}
	table.moveOn(s.tiers(of), widest, func(tier Tier) time.Time { return now.Add(tier.Every + s.jitter()) })
	if err := putTimetable(ctx, tx, t.UserID, t.Provider, table); err != nil {
		return err
	}
	var initial bool
	var end *time.Time
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM poller.windows WHERE user_id = $1 AND provider = $2 AND source = $4 AND trigger = 'connect' AND status <> 'done'), `+coverageEnd,
		t.UserID, t.Provider, t.Account(), of.Name).Scan(&initial, &end)
	if err != nil {
		return fmt.Errorf("look for due scans of user %s: %w", t.UserID, err)
	}
	if initial {
		return nil // the initial sync reads the same days; the next turn comes
	}
	from := now.Add(-widest)
	switch {
	case end == nil && from.After(now.Add(-s.Initial)):
		from = now.Add(-s.Initial) // the initial sync failed
	case end != nil && end.Before(from):
		from = ReadFrom(from, end) // nothing was read for longer than the scan reaches back
	}
	return scheduleWindow(ctx, tx, t, of, events.Window{From: from, To: now}, false, now)
}

// due is what of a timetable is due.
type due struct {
	any  bool
	deep bool // the deep scan
}

func (s Schedule) look(ctx context.Context, tx pgx.Tx, t Target, now time.Time) (d due, err error) {
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM poller.sources WHERE user_id = $1 AND provider = $2 AND next_due <= $3 AND NOT refused AND (not_before IS NULL OR not_before <= $3))
		    OR NOT EXISTS (SELECT FROM poller.sources WHERE user_id = $1 AND provider = $2),
		       EXISTS (SELECT FROM poller.targets WHERE user_id = $1 AND provider = $2 AND deep_due <= $3)`,
		t.UserID, t.Provider, now).Scan(&d.any, &d.deep)
	if err != nil {
		return d, fmt.Errorf("look for due scans of user %s: %w", t.UserID, err)
	}
	d.any = d.any || d.deep
	return d, nil
}

// scheduleWindow adds a scheduled window of a source, of the deep scan or of the others.
// An unfinished one that is as wide goes on; a narrower one makes way.
func scheduleWindow(ctx context.Context, tx pgx.Tx, t Target, of Source, span events.Window, deep bool, now time.Time) error {
	var id string
	var from time.Time
	err := tx.QueryRow(ctx, `
		SELECT id::text, window_from FROM poller.windows
		 WHERE user_id = $1 AND provider = $2 AND source = $4 AND trigger = 'scheduled' AND status <> 'done' AND NOT confirms AND deep = $3`,
		t.UserID, t.Provider, deep, of.Name).Scan(&id, &from)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
	case err != nil:
		return fmt.Errorf("look for the scheduled sync of user %s: %w", t.UserID, err)
	case from.After(span.From):
		if _, err := tx.Exec(ctx, "DELETE FROM poller.windows WHERE id = $1", id); err != nil {
			return fmt.Errorf("replace the scheduled sync of user %s: %w", t.UserID, err)
		}
	default:
		return nil
	}
	return AddWindow(ctx, tx, Window{
		ID: events.NewID(), Source: of.Name, Kind: of.Kind, UserID: t.UserID, Provider: t.Provider, ConnectionID: t.ConnectionID,
		Trigger: events.TriggerScheduled, Span: span, RequestedAt: now, Deep: deep,
	})
}
