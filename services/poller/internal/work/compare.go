package work

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/absence"
	"github.com/stridelog/stridelog/services/poller/internal/report"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// difference is what a page holds beyond what the log knows.
type difference struct {
	facts    []events.Event
	versions []store.Known // of the facts, in their order; without sequences yet
	rehashed []store.Known // known records under a new hash version
	// Counts of the whole page; what is too large for the log is among the rejected.
	unchanged, rejected, tooLarge int

	seen    []string        // external ids that the provider showed, or answered for
	verdict absence.Verdict // of the pass that ends with the page
	again   bool            // the pass that ends with the page is read once more
}

func (d *difference) addTo(c *events.SyncCounts) {
	for _, e := range d.facts {
		switch data := e.Data.(type) {
		case *events.ActivityRemoved:
			if data.Proof != events.RemovedSuperseded {
				c.Removed++
			}
			continue
		case *events.ActivityFetched:
			if data.ReplacesSequence == 0 {
				c.New++
			} else {
				c.Changed++
			}
		}
		c.Seen++
	}
	c.Unchanged += d.unchanged
	c.Rejected += d.rejected
	c.Seen += d.unchanged + d.tooLarge
}

// answered are the records about which there is no more suspicion.
func (d *difference) answered() []string {
	ids := slices.Clone(d.seen)
	for _, x := range d.verdict.Removals {
		ids = append(ids, x.ExternalID)
	}
	return ids
}

// advance moves a window past a page.
func advance(w *store.Window, page provider.Page, now time.Time) {
	w.Counts.Pages++
	w.Cursor, w.CursorAt = page.Next, &now
	from := w.CoveredFrom
	switch {
	case page.Next == "":
		w.CursorAt = nil
		from = &w.Span.From
	case !page.Oldest.IsZero() && page.Oldest.Before(w.Span.To):
		// Another record that began at the same moment may be on the next page.
		at := page.Oldest.Add(time.Microsecond)
		if at.Before(w.Span.From) {
			at = w.Span.From
		}
		if from == nil || at.Before(*from) {
			from = &at
		}
	}
	w.CoveredFrom = from
	if to, ok := resume(*w, page); ok {
		w.Cursor, w.CursorAt, w.PassTo = "", nil, to
	}
}

// resume says where the reading goes on anew: nothing that vanishes above can make
// the list move there, as it can under a cursor.
func resume(w store.Window, page provider.Page) (to time.Time, ok bool) {
	if page.Next == "" || page.Resume.IsZero() {
		return to, false
	}
	to = page.Resume.UTC().Truncate(time.Microsecond)
	if !to.After(w.Span.From) {
		to = w.Span.From.Add(time.Microsecond)
	}
	return to, to.Before(w.PassTo)
}

// compare finds what a page holds beyond what the log knows. What this very sync
// has published or repeats is passed over: it is counted already. p may be nil.
func (s *session) compare(ctx context.Context, w store.Window, page provider.Page, p *absence.Pass) (difference, error) {
	var d difference
	records := once(page.Activities)
	d.seen = make([]string, len(records))
	for i, a := range records {
		d.seen[i] = a.ExternalID
	}
	known, err := s.Store.LookUp(ctx, s.lease.Target, d.seen)
	if err != nil {
		return d, err
	}
	hasher, err := provider.NewHasher(s.connector.Volatile)
	if err != nil {
		return d, fmt.Errorf("compare records of %s: %w", w.Provider, err)
	}
	now := s.Now().UTC()
	var changed difference
	for _, a := range records {
		if a.Problem != "" && !p.Counted(a.ExternalID) {
			d.rejected++
			s.log.WarnContext(ctx, "a record was not understood; its bytes are kept", "external_id", a.ExternalID, "problem", a.Problem)
		}
		hash := hasher.Content(a.Raw)
		k, ok := known[a.ExternalID]
		same, rehashed, err := s.same(ctx, k, hash)
		if err != nil {
			return d, err
		}
		if ok && same {
			if rehashed != nil {
				d.rehashed = append(d.rehashed, *rehashed)
			}
			if k.SyncID != w.ID && !p.Counted(a.ExternalID) {
				d.unchanged++
			}
			continue
		}
		e, version := s.fact(w, a, hash, k.Sequence, now)
		fits, err := s.fits(ctx, a, e)
		switch {
		case err != nil:
			return d, err
		case !fits:
			d.leaveOut(a, p)
		case ok:
			changed.add(e, version)
		default:
			d.add(e, version)
		}
	}
	d.facts, d.versions = append(d.facts, changed.facts...), append(d.versions, changed.versions...)
	return d, nil
}

// small is which part of the server's limit a record may have without its event
// being measured, which costs as much as to publish it: JSON makes a text six times
// as long at most, and the limit is at least 64 kB.
const small = 16

// fits says whether the log takes a fact. One that is too large would stop its page
// for ever; what the log has of the record stays.
func (s *session) fits(ctx context.Context, a provider.Activity, e events.Event) (bool, error) {
	// The id is in the subject's headers and in the data, too.
	if int64(small*(len(a.Raw)+4*len(a.ExternalID))) < s.Bus.Conn().MaxPayload() {
		return true, nil
	}
	size, err := s.Bus.CheckSize(e)
	if errors.Is(err, bus.ErrTooLarge) {
		s.log.WarnContext(ctx, "a record is larger than the log takes and is left out", "external_id", e.About, "bytes", size)
		return false, nil
	}
	return true, err
}

// leaveOut counts a record that is too large, once in a pass.
func (d *difference) leaveOut(a provider.Activity, p *absence.Pass) {
	if p.Counted(a.ExternalID) {
		return
	}
	d.tooLarge++
	if a.Problem == "" { // else it is counted already
		d.rejected++
	}
}

func (d *difference) add(e events.Event, v store.Known) {
	d.facts, d.versions = append(d.facts, e), append(d.versions, v)
}

// same says whether a record is the known version. Under a new hash version the
// known bytes are hashed again, out of the log; that alone is no change.
func (s *session) same(ctx context.Context, k store.Known, hash string) (same bool, rehashed *store.Known, err error) {
	if k.Sequence == 0 || k.Removed || k.Origin != string(events.OriginAPI) {
		return false, nil, nil
	}
	if k.HashVersion == s.connector.HashVersion {
		return k.ContentHash == hash, nil, nil
	}
	d, err := s.Bus.Get(ctx, events.StreamFacts, k.Sequence)
	if err != nil {
		return false, nil, fmt.Errorf("hash a known record again: %w", err)
	}
	old, ok := d.Event.Data.(*events.ActivityFetched)
	if !ok {
		return false, nil, nil
	}
	k.HashVersion, k.StartedAt = s.connector.HashVersion, old.StartedAt // the database keeps no offset in it
	if k.ContentHash, err = provider.ContentHash(old.Raw, s.connector.Volatile); err != nil {
		return false, nil, fmt.Errorf("hash a known record again: %w", err)
	}
	return k.ContentHash == hash, &k, nil
}

// fact makes the event of a record, and its line in the index but for the sequence.
func (s *session) fact(w store.Window, a provider.Activity, hash string, replaces uint64, now time.Time) (events.Event, store.Known) {
	data := &events.ActivityFetched{
		UserID: w.UserID, Provider: w.Provider, ConnectionID: s.lease.ConnectionID, SyncID: w.ID,
		ProviderAccountID: s.lease.AccountID, ExternalID: a.ExternalID, Format: a.Format, Context: a.Context,
		ProviderModifiedAt: a.ModifiedAt, ContentHash: hash, HashVersion: s.connector.HashVersion, ReplacesSequence: replaces,
		Origin: events.OriginAPI, FetchedAt: now, StartedAt: a.StartedAt, Raw: a.Raw,
	}
	e := events.Event{
		ID:     events.ActivityFactID(events.TypeActivityFetched, w.UserID, w.Provider, a.ExternalID, replaces, hash),
		Source: report.Source, About: a.ExternalID, Time: now, Provider: w.Provider, UserID: w.UserID, Data: data,
	}
	return e, store.Known{
		ExternalID: a.ExternalID, ContentHash: hash, HashVersion: s.connector.HashVersion,
		Origin: string(events.OriginAPI), StartedAt: a.StartedAt, SyncID: w.ID, Account: s.lease.AccountID,
	}
}

// once drops repetitions within a page. Of two versions of one record the one
// modified later counts, else the one that comes first.
func once(records []provider.Activity) []provider.Activity {
	at := make(map[string]int, len(records))
	var out []provider.Activity
	for _, a := range records {
		i, seen := at[a.ExternalID]
		if !seen {
			at[a.ExternalID] = len(out)
			out = append(out, a)
			continue
		}
		if have := out[i]; a.ModifiedAt != nil && (have.ModifiedAt == nil || a.ModifiedAt.After(*have.ModifiedAt)) {
			out[i] = a
		}
	}
	return out
}
