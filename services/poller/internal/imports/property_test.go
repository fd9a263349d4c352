package imports

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
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
	k := newKnowledge(startedAt, nil)
	for _, d := range l.facts {
		k.read(d)
	}
	return k
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

func (e entry) fact(o events.Origin, at time.Time) *events.ActivityFetched {
	modified := birth.Add(time.Duration(e.edited) * time.Hour)
	f := &events.ActivityFetched{
		ExternalID: e.id, ForeignID: e.foreign, Origin: o, FetchedAt: at, ProviderModifiedAt: &modified, StartedAt: &e.start,
		ContentHash: fmt.Sprint(e.content, e.edited, e.companion), HashVersion: 1,
	}
	if e.companion {
		f.Context.Companion = "row"
	}
	return f
}

// bringIn is an import as run does it, without a server between.
func (l *logbook) bringIn(archive []entry) (counts map[outcome]int) {
	l.runs++
	at := birth.Add(time.Duration(l.runs) * time.Second)
	k, counts := l.known(at), map[outcome]int{}
	for _, e := range archive {
		f := e.fact(events.OriginImport, at)
		v := version{origin: f.Origin, stand: standOf(f), start: e.start, foreign: e.foreign}
		o, publish := k.judge(e.id, v)
		counts[o]++
		if publish {
			f.ReplacesSequence = k.versions[e.id].sequence
			l.add(f)
			v.sequence, v.ours = uint64(len(l.facts)), o
			k.put(e.id, v)
		}
		k.see(e.id)
	}
	for _, id := range k.superseded() {
		l.add(&events.ActivityRemoved{ExternalID: id, Origin: events.OriginImport})
	}
	return counts
}

// poll is what a poller does with a provider's list: it publishes what differs
// from the API's own version.
func (l *logbook) poll(list []entry) {
	for _, e := range list {
		f := e.fact(events.OriginAPI, birth)
		known := l.known(birth).versions[e.id]
		if known.origin == events.OriginAPI && known.stand.hash == f.ContentHash {
			continue
		}
		f.ReplacesSequence = known.sequence
		l.add(f)
	}
}

// winners are the live records, by id, with where they come from and their content.
func (l *logbook) winners() map[string]string {
	won := map[string]string{}
	for id, v := range l.known(birth).versions {
		if !v.removed {
			won[id] = fmt.Sprint(v.origin, v.stand.hash)
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
