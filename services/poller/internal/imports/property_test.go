package imports

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// logbook is a log of one person's activities, and what writes it.
type logbook struct {
	facts []bus.Delivery
	runs  int
}

func (l *logbook) add(data events.Data) {
	l.facts = append(l.facts, bus.Delivery{Sequence: uint64(len(l.facts) + 1), Event: events.Event{Data: data}})
}

func (l *logbook) known(startedAt time.Time) *knowledge {
	return l.knownBy(startedAt, provider.Normalizers{plainFormat: plain{}}, plain{})
}

func (l *logbook) knownBy(startedAt time.Time, n provider.Normalizers, format records) *knowledge {
	k := newKnowledge(startedAt, n, format)
	for _, d := range l.facts {
		k.read(d)
	}
	return k
}

const plainFormat = "plain"

// plain is how these records are read: they say an instant and no more.
type plain struct{}

func (plain) Version() int { return 1 }

func (plain) Normalize(r provider.Record) (w events.Workout, err error) {
	var said struct{ Start time.Time }
	err = json.Unmarshal(r.Raw, &said)
	w.StartTime, w.EndTime = said.Start, said.Start.Add(time.Hour)
	return w, err
}

// Alone reads the records that only an export has; another companion is none.
func (plain) Alone(companion string) (provider.Companion, bool) {
	var e struct {
		ID, Content string
		Edited      int
		Start       time.Time
	}
	if err := json.Unmarshal([]byte(companion), &e); err != nil {
		return provider.Companion{}, false
	}
	own := entry{id: e.ID, content: e.Content, edited: e.Edited, foreign: true, start: e.Start}
	a := provider.Companion{ImportedActivity: own.imported()}
	text := string(a.Raw)
	a.Raw, a.Text = nil, func() string { return text }
	return a, true
}

func (plain) Finish(a *provider.ImportedActivity) {
	a.ContentHash = fmt.Sprint(string(a.Raw), a.ModifiedAt, a.Context.Companion)
}

// entry is a record as an export or the provider has it.
type entry struct {
	id, content string
	edited      int // hours after the first edit
	companion   bool
	foreign     bool
	start       time.Time
}

var birth = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant in all but name

func (e entry) imported() provider.ImportedActivity {
	modified := birth.Add(time.Duration(e.edited) * time.Hour)
	a := provider.ImportedActivity{ForeignID: e.foreign}
	a.ExternalID, a.Format, a.ModifiedAt, a.StartedAt = e.id, plainFormat, &modified, &e.start
	a.Raw = fmt.Appendf(nil, `{"id":%q,"content":%q,"edited":%d,"start":%q}`, e.id, e.content, e.edited, e.start.Format(time.RFC3339))
	if e.companion {
		a.Context.Companion = "row"
	}
	plain{}.Finish(&a)
	return a
}

func (e entry) fact(o events.Origin, at time.Time) *events.ActivityFetched {
	a := e.imported()
	return &events.ActivityFetched{
		ExternalID: e.id, ForeignID: e.foreign, Origin: o, FetchedAt: at, ProviderModifiedAt: a.ModifiedAt, StartedAt: a.StartedAt,
		ContentHash: a.ContentHash, HashVersion: 1, Format: a.Format, Context: a.Context, Raw: events.Raw(a.Raw),
	}
}

// runOf is a run at work without a server.
func runOf(k *knowledge, at time.Time) *run {
	return &run{lease: &lease{ImportLease: store.ImportLease{Import: store.Import{StartedAt: &at}}}, known: k, tally: newTally()}
}

// bringIn is an import as run does it, without a server between.
func (l *logbook) bringIn(archive []entry) (counts map[outcome]int) {
	l.runs++
	at := birth.Add(time.Duration(l.runs) * time.Second)
	k, counts := l.known(at), map[outcome]int{}
	one := runOf(k, at)
	var page []record
	for _, e := range archive {
		page = append(page, recordOf(e.imported()))
	}
	k.expect(page)
	for i := range page {
		x := &page[i]
		o, publish := k.judge(x)
		counts[o]++
		if publish {
			l.add(one.fact(*x, k.activity(x.ExternalID)).Data)
			k.published(x, o, uint64(len(l.facts)))
		}
		k.see(x.ExternalID)
	}
	l.settle(one)
	return counts
}

// settle is that of a run, with the facts at hand instead of a server.
func (l *logbook) settle(one *run) {
	k := one.known
	for _, id := range k.lacking() {
		a := k.activities[id]
		if k.lacks(a) == withdraw {
			l.add(one.removal(id, a.winner.sequence).Data)
			continue
		}
		var raw []byte
		if !a.foreign {
			raw = l.facts[a.said.sequence-1].Event.Data.(*events.ActivityFetched).Raw
		}
		l.add(one.fact(k.restated(a, raw), a).Data)
	}
}

// poll is what a poller does with a provider's list: it publishes what differs
// from the API's own version.
func (l *logbook) poll(list []entry) {
	for _, e := range list {
		f := e.fact(events.OriginAPI, birth)
		known := l.known(birth).activity(e.id).winner
		if known.origin == events.OriginAPI && slices.ContainsFunc(l.facts, func(d bus.Delivery) bool {
			data, ok := d.Event.Data.(*events.ActivityFetched)
			return ok && d.Sequence == known.sequence && data.ContentHash == f.ContentHash
		}) {
			continue
		}
		f.ReplacesSequence = known.sequence
		l.add(f)
	}
}

// winners are the live records, by id, with where they come from and their content.
func (l *logbook) winners() map[string]string {
	won := map[string]string{}
	for id, a := range l.known(birth).activities {
		if v := a.winner; a.found && !v.removed {
			won[id] = fmt.Sprint(v.origin, l.facts[v.sequence-1].Event.Data.(*events.ActivityFetched).ContentHash)
		}
	}
	return won
}

// drawArchive draws a part of a person's history as one export has it: each
// activity once, under the provider's id or under the file's.
func drawArchive(r *rapid.T) []entry {
	var archive []entry
	for n := range rapid.IntRange(0, 6).Draw(r, "activities") {
		if rapid.IntRange(0, 3).Draw(r, "left out") == 0 {
			continue
		}
		e := entry{
			id: fmt.Sprint("a", n), content: rapid.SampledFrom([]string{"x", "y"}).Draw(r, "content"),
			edited: rapid.IntRange(0, 2).Draw(r, "edited"), companion: rapid.Bool().Draw(r, "companion"),
			start: birth.Add(time.Duration(n) * 24 * time.Hour),
		}
		if rapid.IntRange(0, 3).Draw(r, "only in the file") == 0 {
			e.id, e.foreign, e.companion = fmt.Sprint("row", n), true, false
			e.start = e.start.Add(time.Duration(rapid.IntRange(-100, 100).Draw(r, "seconds apart")) * time.Second)
		}
		archive = append(archive, e)
	}
	return archive
}

func TestAnyOrderOfImportsAndPollsEndsInTheSameVersions(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		archives := rapid.SliceOfN(rapid.Custom(drawArchive), 1, 4).Draw(r, "archives")
		var polls [][]entry // of the API, which speaks in one order
		for range rapid.IntRange(0, 2).Draw(r, "polls") {
			polls = append(polls, slices.DeleteFunc(drawArchive(r), func(e entry) bool { return e.foreign }))
		}
		play := func(name string) *logbook {
			l := &logbook{}
			steps := make([]int, 0, len(archives)+len(polls)) // an archive's number, or -1 for the next poll
			for i := range archives {
				steps = append(steps, i)
				if rapid.Bool().Draw(r, name+": again") {
					steps = append(steps, i)
				}
			}
			for range polls {
				steps = append(steps, -1)
			}
			next := 0
			for _, step := range rapid.Permutation(steps).Draw(r, name) {
				if step < 0 {
					l.poll(polls[next])
					next++
				} else {
					l.bringIn(archives[step])
				}
			}
			l.bringIn(nil) // joins what a poll at the end has brought twice
			return l
		}
		one, other := play("one"), play("other")
		if !maps.Equal(one.winners(), other.winners()) {
			r.Fatalf("two orders end in\n%v\n%v", one.winners(), other.winners())
		}
		one.check(r, archives, polls)
	})
}

// check looks that nothing is lost, nothing is there twice, and the API wins.
func (l *logbook) check(r *rapid.T, archives, polls [][]entry) {
	won := l.winners()
	for _, list := range slices.Concat(archives, polls) {
		for _, e := range list {
			day := e.start.Add(12 * time.Hour).Truncate(24 * time.Hour)
			times := 0
			for id := range won {
				if n := id[len(id)-1:]; birth.Add(time.Duration(n[0]-'0') * 24 * time.Hour).Equal(day) {
					times++
				}
			}
			if times != 1 {
				r.Fatalf("the activity of %s is there %d times: %v", e.id, times, won)
			}
		}
	}
	if id := l.importAfterAPI(); id != "" {
		r.Fatalf("an import speaks of %s after the API did", id)
	}
	last := map[string]string{}
	for _, list := range polls {
		for _, e := range list {
			last[e.id] = fmt.Sprint(events.OriginAPI, e.fact(events.OriginAPI, birth).ContentHash)
		}
	}
	for id, want := range last {
		if won[id] != want {
			r.Fatalf("of %s the API said %s and %s won", id, want, won[id])
		}
	}
}

// importAfterAPI is an id of which an import says something after the API did.
// Consumers of events keep the highest sequence, so there must be none (decision
// 0005).
func (l *logbook) importAfterAPI() string {
	api := map[string]bool{}
	for _, d := range l.facts {
		var id string
		var origin events.Origin
		switch f := d.Event.Data.(type) {
		case *events.ActivityFetched:
			id, origin = f.ExternalID, f.Origin
		case *events.ActivityRemoved:
			id, origin = f.ExternalID, f.Origin
		}
		if origin == events.OriginAPI {
			api[id] = true
		} else if api[id] {
			return id
		}
	}
	return ""
}

func TestTheLookForImportsAfterTheAPIFindsOne(t *testing.T) {
	e := entry{id: "a0", content: "x", start: birth}
	l := &logbook{}
	l.bringIn([]entry{e})
	l.poll([]entry{e})
	l.bringIn([]entry{{id: "a0", content: "y", edited: 2, start: birth}})
	if id := l.importAfterAPI(); id != "" || len(l.facts) != 2 {
		t.Fatalf("of %d facts an import speaks of %q after the API", len(l.facts), id)
	}
	l.add(e.fact(events.OriginImport, birth))
	if l.importAfterAPI() != "a0" {
		t.Error("an import after the API is not found")
	}
}

func TestTheSameArchiveAgainBringsNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := &logbook{}
		for _, a := range rapid.SliceOfN(rapid.Custom(drawArchive), 0, 3).Draw(r, "before") {
			l.bringIn(a)
		}
		archive := drawArchive(r)
		l.bringIn(archive)
		before := len(l.facts)
		if counts := l.bringIn(archive); counts[imported]+counts[enriched] > 0 || len(l.facts) != before {
			r.Fatalf("again it counts %v, with %d facts", counts, len(l.facts)-before)
		}
	})
}

// An import that was interrupted counts what it had published as its own when it
// goes on, and another one does not.
func TestAnInterruptedImportCountsWhatItPublished(t *testing.T) {
	archive := []entry{{id: "a0", content: "x", start: birth}, {id: "a1", content: "x", start: birth.Add(time.Hour)}}
	l := &logbook{}
	l.add(archive[0].fact(events.OriginImport, birth.Add(time.Second))) // as the first import does, at its time
	if counts := l.bringIn(archive); counts[imported] != 2 {
		t.Errorf("going on it counts %v", counts)
	}
	if counts := l.bringIn(archive); counts[alreadyThere] != 2 {
		t.Errorf("another one counts %v", counts)
	}
}
