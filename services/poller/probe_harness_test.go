package poller

import (
	"crypto/sha1" //nolint:gosec // what UUIDv5 is made of
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// probed is a world whose provider has the kinds that the tests register.
type probed struct {
	*world
	far      *probeCloud
	settings Config
	person   person
}

func newProbed(t testing.TB) *probed {
	t.Helper()
	w := newWorld(t)
	far := newProbeCloud(t, w.clock.now())
	c := w.config()
	c.Rescan, c.Kinds = nil, probeKinds()
	c.Connectors = provider.Connectors{cloudName: probeConnector(far.server.URL)}
	return &probed{world: w, far: far, settings: c, person: newPerson()}
}

// newProbedAndRead is a world in which the first sync of everything has ended.
func newProbedAndRead(t testing.TB) *probed {
	t.Helper()
	p := newProbed(t)
	p.start(p.settings, work.Hooks{})
	if got := p.ended(p.consent(scopeItems, scopeDays, scopeSeries)); got.Status != events.SyncSuccess {
		t.Fatalf("the first sync ended %+v", got)
	}
	p.read(probeChunk)
	p.settled()
	return p
}

// consent activates the connection and gives the id of its first sync.
func (p *probed) consent(scopes ...string) (syncID string) {
	p.t.Helper()
	id := events.NewID()
	p.publish(events.Event{ID: id, UserID: p.person.user, Data: &events.ConnectionActivated{
		ConnectionID: p.person.connection, UserID: p.person.user, Provider: cloudName, ProviderAccountID: "acc", Scopes: scopes, ActivatedAt: p.clock.now(),
	}})
	return events.SyncID(id)
}

// ask requests some kinds of the last days.
func (p *probed) ask(trigger string, kinds ...string) (syncID string) {
	p.t.Helper()
	id, now := events.NewID(), p.clock.now()
	p.publish(events.Event{UserID: p.person.user, Data: &events.SyncRequested{
		SyncID: id, UserID: p.person.user, Provider: cloudName, Window: events.Window{From: now.Add(-10 * day), To: now}, Trigger: trigger,
		Kinds: kinds, RequestedAt: now,
	}})
	return id
}

// read asks for some kinds and waits for the report.
func (p *probed) read(kinds ...string) *events.SyncFinished {
	p.t.Helper()
	got := p.ended(p.ask(events.TriggerManual, kinds...))
	p.settled()
	return got
}

// everything are the kinds that are listed.
func everything() []string { return []string{probeItem, probeDay, probeChunk} }

// probeFact is a fact of any of the kinds, as it lies in the log.
type probeFact struct {
	sequence   uint64
	message    events.Message
	id         string
	event      events.Type
	kind       string
	externalID string
	fetched    events.RecordFetched // of a fetched record
	removed    events.RecordRemoved // of a removal
}

// name is what a test says of a fact: "+" or "-", kind and id.
func (f probeFact) name() string {
	sign := "+"
	if f.fetched.Kind == "" {
		sign = "-"
	}
	return sign + f.kind + " " + f.externalID
}

// log are the facts of the person within some fences, in their order; of all without
// one.
func (p *probed) log(fences ...events.Fence) []probeFact {
	p.t.Helper()
	if len(fences) == 0 {
		fences = events.Fences()
	}
	var subjects []string
	for _, f := range fences {
		subjects = append(subjects, f.Subjects(cloudName, p.person.user))
	}
	var all []probeFact
	_, err := p.bus.Read(p.t.Context(), events.StreamFacts, subjects, 1, func(d bus.Delivery) error {
		f := probeFact{sequence: d.Sequence, message: d.Message, id: d.Event.ID}
		if r, ok := events.FetchedOf(d.Event.Data); ok {
			f.fetched, f.kind, f.externalID = r, r.Kind, r.ExternalID
		} else if r, ok := events.RemovedOf(d.Event.Data); ok {
			f.removed, f.kind, f.externalID = r, r.Kind, r.ExternalID
		} else {
			return nil
		}
		f.event = d.Event.Type()
		all = append(all, f)
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

// names are those of facts, sorted.
func names(facts []probeFact) []string {
	all := make([]string, len(facts))
	for i, f := range facts {
		all[i] = f.name()
	}
	slices.Sort(all)
	return all
}

// since are the facts behind a number of them.
func (p *probed) since(n int) []probeFact {
	p.t.Helper()
	return p.log()[n:]
}

// latest is the last fact of a record.
func (p *probed) latest(externalID string) probeFact {
	p.t.Helper()
	for _, f := range slices.Backward(p.log()) {
		if f.externalID == externalID {
			return f
		}
	}
	p.t.Fatalf("the log has no record %s", externalID)
	return probeFact{}
}

// The external ids of the cloud's records, by the formulas of the shapes.

func (p *probed) date(daysAgo int) string {
	return p.clock.now().AddDate(0, 0, -daysAgo).Format(time.DateOnly)
}

func (p *probed) dayID(resource string, daysAgo int) string {
	return resource + "/" + p.date(daysAgo) + "/watch"
}

func (p *probed) chunkID(i int) string {
	return probePulse + ".1min/watch/" + p.clock.now().Truncate(time.Hour).Add(-time.Duration(i+2)*time.Hour).Format("2006-01-02T15")
}

// all are the names of the facts of one reading of everything.
func (p *probed) all() []string {
	var want []string
	for i := range 4 {
		want = append(want, "+probe_item i"+fmt.Sprint(i), "+probe_day "+p.dayID(probeSteps, i+1), "+probe_day "+p.dayID(probePulse, i+1))
	}
	for i := range 3 {
		want = append(want, "+probe_chunk "+p.chunkID(i))
	}
	slices.Sort(want)
	return want
}

// want compares the names of facts.
func (p *probed) want(what string, got []probeFact, wanted ...string) {
	p.t.Helper()
	slices.Sort(wanted)
	if found := names(got); !slices.Equal(found, wanted) {
		p.t.Errorf("%s: the log has\n%s\nwant\n%s", what, strings.Join(found, "\n"), strings.Join(wanted, "\n"))
	}
}

// kindsOf are what a report says of each kind.
func kindsOf(r *events.SyncFinished) map[string]events.SyncKind {
	all := map[string]events.SyncKind{}
	for _, k := range r.Kinds {
		all[k.Kind] = k
	}
	return all
}

// expectCounts compares what a report says of its kinds.
func (p *probed) expectCounts(r *events.SyncFinished, want map[string]events.SyncCounts) {
	p.t.Helper()
	got := map[string]events.SyncCounts{}
	for kind, k := range kindsOf(r) {
		got[kind] = k.Counts
	}
	if !maps.Equal(got, want) {
		p.t.Errorf("counted %+v, want %+v", got, want)
	}
}

// sound fails when the index differs from the log.
func (p *probed) sound(what string, c Config) {
	p.t.Helper()
	s, err := New(c)
	if err != nil {
		p.t.Fatal(err)
	}
	v := s.Verify(func(d Difference) { p.t.Errorf("%s: fact %d of %s: %s", what, d.Sequence, d.ExternalID, d.What) })
	var facts []bus.Delivery
	target, err := p.bus.Read(p.t.Context(), events.StreamFacts, nil, 1, func(d bus.Delivery) error {
		facts = append(facts, d)
		return nil
	})
	if err == nil {
		err = v.Begin(p.t.Context(), target)
	}
	if err == nil {
		err = v.Check(p.t.Context(), facts)
	}
	if err == nil {
		err = v.Finish(p.t.Context())
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// derivedID is a name-based UUID as the design spells it: a word and the parts, each
// behind its length.
func derivedID(word string, parts ...string) string {
	text := word
	for _, part := range parts {
		text += fmt.Sprintf("\x00%d:%s", len(part), part)
	}
	return uuid.NewHash(sha1.New(), idNamespace(), []byte(text), 5).String()
}

// idNamespace is the root of all derived ids.
func idNamespace() uuid.UUID { return uuid.MustParse("6f1c2a52-5c2e-5d1b-9a55-3f0a2d7be0c4") }
