package poller

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// The tests of these files register a kind of every shape and a provider that has them,
// and drive them through the poller, which knows none of them by name.

func TestAKindOfEveryShapeIsReadAtConsent(t *testing.T) {
	p := newProbed(t)
	p.start(p.settings, work.Hooks{})
	got := p.ended(p.consent(scopeItems, scopeDays, scopeSeries))
	if got.Status != events.SyncSuccess || got.Trigger != events.TriggerConnect || got.Report != 1 {
		t.Errorf("the report is %+v", got)
	}
	p.expectCounts(got, map[string]events.SyncCounts{
		probeItem: {Pages: 2, Seen: 4, New: 4}, probeDay: {Pages: 4, Seen: 8, New: 8},
	})
	p.settled()
	if n := p.far.asked("/series"); n != 0 {
		t.Errorf("a consent asked %d times for samples, which only their own reading does", n)
	}
	got = p.read(probeChunk)
	p.expectCounts(got, map[string]events.SyncCounts{probeChunk: {Pages: 1, Seen: 3, New: 3}})
	p.want("after the first reading", p.log(), p.all()...)
	p.sound("after the first reading", p.settings)
}

// TestFactsOfEveryShapeAreAsPublished compares what lies on the wire with the contract.
func TestFactsOfEveryShapeAreAsPublished(t *testing.T) {
	p := newProbedAndRead(t)
	for _, f := range p.log() {
		typ, entity := "stridelog.record.fetched.v1", "record"
		if f.kind == probeChunk {
			typ, entity = "stridelog.chunk.fetched.v1", "chunk"
		}
		for name, want := range map[string]string{"ce-type": typ, "ce-kind": f.kind, "ce-subject": f.externalID} {
			if got := f.message.Header[name]; len(got) != 1 || got[0] != want {
				t.Errorf("%s: header %s is %q, want %q", f.name(), name, got, want)
			}
		}
		if want := "stridelog." + entity + ".fetched." + cloudName + "." + p.person.user; f.message.Subject != want {
			t.Errorf("%s lies on %s, want %s", f.name(), f.message.Subject, want)
		}
		r := f.fetched
		delivery := r.Delivery
		if delivery == "" {
			delivery = "snapshot"
		}
		if want := derivedID("record_fact", typ, f.kind, p.person.user, cloudName, f.externalID, strconv.FormatUint(r.ReplacesSequence, 10), delivery, r.ContentHash); f.id != want {
			t.Errorf("%s has the id %s, want %s", f.name(), f.id, want)
		}
		if got := events.RecordID(f.kind, p.person.user, cloudName, f.externalID); got != derivedID("record", f.kind, p.person.user, cloudName, f.externalID) {
			t.Errorf("%s: the record's id is %s", f.name(), got)
		}
		if r.Origin != events.OriginAPI || r.ReplacesSequence != 0 || r.ConnectionID != p.person.connection || r.ProviderAccountID != "acc" || r.HashVersion != 1 {
			t.Errorf("%s says %+v", f.name(), r)
		}
		if r.SyncID == "" {
			t.Errorf("%s does not say by which sync", f.name())
		}
		p.wire(f)
	}
}

// wire checks the members that a shape must have, as they are written.
func (p *probed) wire(f probeFact) {
	p.t.Helper()
	var said struct {
		Resource, Step, Slot, Delivery string
		Complete                       *bool
		LocalDate                      string `json:"local_date"`
		StartedAt                      string `json:"started_at"`
		EndedAt                        string `json:"ended_at"`
		Aliases                        []string
		RawEncoding                    string          `json:"raw_encoding"`
		Raw                            json.RawMessage `json:"raw"`
	}
	if err := json.Unmarshal(f.message.Data, &said); err != nil {
		p.t.Fatal(err)
	}
	wrong := func(what string) { p.t.Errorf("%s: %s: %.400s", f.name(), what, f.message.Data) }
	switch f.kind {
	case probeItem:
		if !strings.HasSuffix(said.StartedAt, "+02:00") || !strings.HasSuffix(said.EndedAt, "+02:00") || len(said.Aliases) != 1 || said.Aliases[0] != "phone-"+f.externalID {
			wrong("start and end with their offsets, or aliases")
		}
		if long := f.externalID == "i3"; long != (said.RawEncoding == "gzip") || !long && said.RawEncoding != "json" {
			wrong("the encoding is " + said.RawEncoding)
		}
		if !strings.HasPrefix(string(f.fetched.Raw), `{"id":"`+f.externalID+`", "start"`) {
			wrong("the bytes are not the provider's")
		}
	case probeDay:
		if f.externalID != said.Resource+"/"+said.LocalDate+"/watch" || said.Slot != "watch" || said.StartedAt != "" {
			wrong("a day's parts")
		}
	case probeChunk:
		partial := f.externalID == p.chunkID(0)
		if said.Step != "1min" || said.Slot != "watch" || said.StartedAt == "" || said.EndedAt == "" {
			wrong("a chunk's parts")
		}
		if (said.Delivery == "part") != partial || (said.Complete != nil && *said.Complete) == partial {
			wrong("delivery and completeness")
		}
	}
}

func TestRecordsCanBeReadWithoutTheirSamples(t *testing.T) {
	p := newProbedAndRead(t)
	if facts := p.log(events.FenceActivity); len(facts) != 0 {
		t.Errorf("the activities hold %v", names(facts))
	}
	records, chunks := p.log(events.FenceRecord), p.log(events.FenceChunk)
	if len(records) != 12 || len(chunks) != 3 {
		t.Errorf("%d records and %d chunks", len(records), len(chunks))
	}
	for _, f := range records {
		if f.kind == probeChunk {
			t.Errorf("%s lies among the records", f.name())
		}
	}
}

func TestASecondReadingOfEveryShapePublishesNothing(t *testing.T) {
	p := newProbedAndRead(t)
	n := len(p.log())
	got := p.read(everything()...)
	if got.Status != events.SyncSuccess {
		t.Errorf("the report is %+v", got)
	}
	p.expectCounts(got, map[string]events.SyncCounts{
		probeItem:  {Pages: 2, Seen: 4, Unchanged: 4},
		probeDay:   {Pages: 4, Seen: 8, Unchanged: 8},
		probeChunk: {Pages: 1, Seen: 3, Unchanged: 3},
	})
	p.want("after a second reading", p.since(n))
}

func TestAnEditOfEveryShapeReplacesWhatWasKnown(t *testing.T) {
	p := newProbedAndRead(t)
	n := len(p.log())
	before := map[string]uint64{}
	for _, f := range p.log() {
		before[f.externalID] = f.sequence
	}
	edits := []string{"i1", p.dayID(probeSteps, 2), p.chunkID(0)}
	p.far.edit("/items", "i1", `"weight":70`, `"weight":71`)
	p.far.edit("/days/"+probeSteps, p.date(2), ":101", ":5101")
	p.far.edit("/series", "0", `"complete":false,"values":[60,61]`, `"complete":true,"values":[60,61,62]`)
	got := p.read(everything()...)
	p.expectCounts(got, map[string]events.SyncCounts{
		probeItem:  {Pages: 2, Seen: 4, Changed: 1, Unchanged: 3},
		probeDay:   {Pages: 4, Seen: 8, Changed: 1, Unchanged: 7},
		probeChunk: {Pages: 1, Seen: 3, Changed: 1, Unchanged: 2},
	})
	p.want("after the edits", p.since(n), "+probe_item i1", "+probe_day "+edits[1], "+probe_chunk "+edits[2])
	for _, id := range edits {
		if f := p.latest(id); f.fetched.ReplacesSequence != before[id] {
			t.Errorf("%s replaces %d, want %d", id, f.fetched.ReplacesSequence, before[id])
		}
	}
	if f := p.latest(edits[2]); f.fetched.Delivery == events.DeliveryPart || !f.fetched.Complete {
		t.Errorf("the hour that is complete now says %+v", f.fetched)
	}
	p.sound("after the edits", p.settings)
	// And back: what was there before is a version of its own.
	p.far.edit("/items", "i1", `"weight":71`, `"weight":70`)
	p.read(probeItem)
	if f := p.latest("i1"); f.fetched.ReplacesSequence <= before["i1"] || f.fetched.ContentHash != p.log()[slices.IndexFunc(p.log(), func(f probeFact) bool { return f.externalID == "i1" })].fetched.ContentHash {
		t.Errorf("the item that is as before replaces %d", f.fetched.ReplacesSequence)
	}
}

// A chunk with the same samples says more once it is complete.
func TestAChunkThatOnlyBecameCompleteIsPublished(t *testing.T) {
	p := newProbedAndRead(t)
	n := len(p.log())
	p.far.edit("/series", "0", `"complete":false`, `"complete":true`)
	p.read(probeChunk)
	p.want("after the hour was complete", p.since(n), "+probe_chunk "+p.chunkID(0))
}

func TestARemovalOfEveryShape(t *testing.T) {
	p := newProbedAndRead(t)
	n := len(p.log())
	item, gone := p.latest("i2"), p.latest(p.dayID(probePulse, 3))
	p.far.remove("/items", "i2")
	p.far.remove("/days/"+probePulse, p.date(3))
	p.far.remove("/series", "1")
	p.read(everything()...)
	p.want("after the first look", p.since(n), "-probe_item i2") // asked for by its id
	if f := p.latest("i2"); f.removed.Proof != events.RemovedNotFound || f.removed.ReplacesSequence != item.sequence || f.event != events.TypeRecordRemoved ||
		f.removed.Origin != events.OriginAPI || f.message.Header["ce-kind"][0] != probeItem {
		t.Errorf("the removal says %+v", f.removed)
	}
	p.later(61 * time.Minute)
	p.read(everything()...)
	p.want("after two looks", p.since(n), "-probe_item i2", "-probe_day "+p.dayID(probePulse, 3))
	if f := p.latest(gone.externalID); f.removed.Proof != events.RemovedTwiceGone || f.removed.ReplacesSequence != gone.sequence || f.removed.Resource != probePulse {
		t.Errorf("the removal says %+v", f.removed)
	}
	p.sound("after the removals", p.settings)
	// They come back, and everything else is as it was.
	n = len(p.log())
	p.read(everything()...)
	p.want("after another look", p.since(n))
}

func TestOneFailingResourceOfADayLeavesTheOther(t *testing.T) {
	p := newProbedAndRead(t)
	n := len(p.log())
	p.far.fail("/days/"+probePulse, http.StatusServiceUnavailable)
	p.far.edit("/days/"+probeSteps, p.date(1), ":100", ":7100")
	p.far.edit("/days/"+probePulse, p.date(1), ":100", ":60")
	id := p.ask(events.TriggerManual, probeItem, probeDay)
	p.eventually("the steps are read and the pulse was tried", func() bool { return len(p.since(n)) == 1 && p.far.asked("/days/"+probePulse) > 2 })
	p.want("while the pulse fails", p.since(n), "+probe_day "+p.dayID(probeSteps, 1))
	for i := 1; i <= 4; i++ {
		if f := p.latest(p.dayID(probePulse, i)); f.event != events.TypeRecordFetched {
			t.Errorf("the pulse of day %d is %s", i, f.name())
		}
	}
	p.far.fail("/days/"+probePulse, 0)
	p.settled()
	for range 10 {
		if r := p.reports(id); len(r) > 0 && r[len(r)-1].Status == events.SyncSuccess {
			break
		}
		p.later(10 * time.Minute)
	}
	p.want("after the pulse is back", p.since(n), "+probe_day "+p.dayID(probeSteps, 1), "+probe_day "+p.dayID(probePulse, 1))
	report := p.ended(id)
	if k := kindsOf(report)[probeDay]; k.Status != events.SyncSuccess || k.Counts.Changed != 2 {
		t.Errorf("the days ended %+v", k)
	}
}

func TestAMissingScopeRestsItsSourcesWithoutACall(t *testing.T) {
	p := newProbed(t)
	p.start(p.settings, work.Hooks{})
	got := p.ended(p.consent(scopeItems))
	if got.Status != events.SyncSuccess || kindsOf(got)[probeItem].Status != events.SyncSuccess || kindsOf(got)[probeDay].Status != events.SyncSkipped {
		t.Errorf("the report is %+v", got)
	}
	p.settled()
	if n := p.far.asked("/days/"); n != 0 {
		t.Errorf("days were asked for %d times without their scope", n)
	}
	if facts := p.log(); len(facts) != 4 {
		t.Errorf("the log has %v", names(facts))
	}
	if got := p.ended(p.ask(events.TriggerManual, probeDay)); got.Error == nil || p.far.asked("/days/") != 0 {
		t.Errorf("a sync of days alone ended %+v after %d calls", got, p.far.asked("/days/"))
	}
	p.set(func(w *world) {
		if len(w.told) > 0 {
			t.Errorf("the connection was reported: %+v", w.told)
		}
	})
	// A consent with the scope reads them.
	p.clock.advance(time.Minute)
	if got := p.ended(p.consent(scopeItems, scopeDays)); kindsOf(got)[probeDay].Counts.New != 8 {
		t.Errorf("after the wider consent: %+v", got)
	}
}

func TestANotificationOfOneKindReadsThatKindOnly(t *testing.T) {
	p := newProbedAndRead(t)
	items, days, series := p.far.asked("/items"), p.far.asked("/days/"), p.far.asked("/series")
	p.far.edit("/items", "i0", `"weight":70`, `"weight":69`)
	got := p.ended(p.ask(events.TriggerNotification, probeItem))
	if len(got.Kinds) != 1 || got.Kinds[0].Kind != probeItem || got.Counts.Changed != 1 {
		t.Errorf("the report is %+v", got)
	}
	p.settled()
	if p.far.asked("/items") == items || p.far.asked("/days/") != days || p.far.asked("/series") != series {
		t.Errorf("other kinds were read")
	}
}

func TestAnErasureTakesEveryShape(t *testing.T) {
	p := newProbedAndRead(t)
	stays := p.person
	p.person = newPerson()
	p.ended(p.consent(scopeItems, scopeDays))
	p.settled()
	gone := p.person
	if len(p.log()) != 12 {
		t.Fatalf("the control: %v", names(p.log()))
	}
	got := p.erase(gone.user)
	if got.Counts["facts"] != 13 || got.Counts["poller_index"] != 12 {
		t.Errorf("counts are %v", got.Counts)
	}
	if n := p.rows(gone.user) + p.messages(gone.user); n != 0 {
		t.Errorf("%d rows and messages are left", n)
	}
	var left int
	if err := p.db.QueryRow(t.Context(), "SELECT count(*) FROM poller.sources WHERE user_id = $1", gone.user).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d sources are left: %v", left, err)
	}
	p.person = stays
	p.want("of the other person", p.log(), p.all()...)
}

// What an importer or a push writes lies under the same fence, and the index follows it.
func TestFactsOfOtherDoorsAreFollowed(t *testing.T) {
	p := newProbedAndRead(t)
	kind, _ := probeKinds().Find(probeItem)
	write := func(id string) uint64 {
		r := events.RecordFetched{
			UserID: p.person.user, Provider: cloudName, Kind: probeItem, ExternalID: id, Format: "probe.item.v1", Door: "export",
			HashVersion: 1, Origin: events.OriginImport, FetchedAt: p.clock.now(), Raw: []byte(`{"id":"` + id + `"}`),
		}
		hasher, err := provider.NewHasher(nil)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentHash = hasher.Import(r.Raw, r.Context)
		data, err := kind.Fetched(r)
		if err != nil {
			t.Fatal(err)
		}
		return p.publish(events.Event{ID: kind.FetchedID(r), UserID: p.person.user, About: id, Data: data}).Sequence
	}
	write("i0") // loses against the API's
	imported, alone := write("old"), write("older")
	n := len(p.log())
	got := p.read(everything()...)
	if got.Status != events.SyncSuccess || got.Counts.New+got.Counts.Changed != 0 {
		t.Errorf("the report is %+v", got)
	}
	p.want("after facts of an import", p.since(n))
	// The provider has it now, too: its record wins.
	now := p.clock.now()
	p.far.put("/items", &probeRecord{id: "old", at: now.Add(-time.Hour), text: `{"id":"old", "start":"2026-05-10T01:00:00Z","end":"2026-05-10T11:00:00Z","weight":1}`})
	p.read(probeItem)
	if f := p.latest("old"); f.fetched.Origin != events.OriginAPI || f.fetched.ReplacesSequence != imported {
		t.Errorf("the provider's record says %+v", f.fetched)
	}
	if !slices.ContainsFunc(p.index(), func(line string) bool { return strings.Contains(line, fmt.Sprintf("older %d sha256:", alone)) }) {
		t.Errorf("the index does not know what only an import brought: %q", p.index())
	}
	p.sound("beside what an import brought", p.settings)
}

// A program that does not know the kinds leaves them as they are, in everything that it
// does with the log.
func TestAProgramThatDoesNotKnowAKindLeavesItAlone(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(3, w.clock.now(), day)
	p := &probed{world: w, settings: w.config(), person: newPerson()}
	p.settings.Rescan = nil
	stop := p.start(p.settings, work.Hooks{})
	p.ended(p.activate(p.person))
	for _, kind := range probeKinds().All()[2:] {
		id := map[string]string{probeItem: "i1", probeDay: "steps/2026-05-01", probeChunk: "pulse/watch/2026-05-01T07", probeFile: probeItem + "/i1/track"}[kind.Name]
		r := events.RecordFetched{
			UserID: p.person.user, Provider: cloudName, Kind: kind.Name, ExternalID: id, Format: "later.v1", ContentHash: "sha256:00",
			HashVersion: 1, Origin: events.OriginAPI, FetchedAt: p.clock.now(), Raw: []byte(`{"later":true}`),
		}
		switch kind.Name {
		case probeChunk:
			r.Slot = "watch"
		case probeFile:
			r.Parent = &events.ParentRef{Kind: probeItem, ExternalID: "i1"}
		}
		data, err := kind.Fetched(r)
		if err != nil {
			t.Fatal(err)
		}
		p.publish(events.Event{ID: kind.FetchedID(r), UserID: p.person.user, About: id, Data: data})
	}
	w.cloud.edit("r1", "B")
	if got := w.look(p.person, 30); got.Status != events.SyncSuccess || got.Counts.Changed != 1 || got.Counts.Removed != 0 {
		t.Errorf("the sync beside them reports %+v", got)
	}
	p.sound("beside unknown kinds", p.settings)
	if err := stop.stop(); err != nil {
		t.Fatal(err)
	}
	w.reindex(p.settings)
	p.sound("indexed again", p.settings)
	p.start(p.settings, work.Hooks{})
	if got := w.look(p.person, 30); got.Status != events.SyncSuccess || got.Counts.Changed+got.Counts.New+got.Counts.Removed != 0 {
		t.Errorf("the sync after it was indexed again reports %+v", got)
	}
	if dead, err := w.bus.LastSequence(t.Context(), events.StreamDeadLetters, ">"); err != nil || dead != 0 {
		t.Errorf("there are dead letters up to %d, %v", dead, err)
	}
	w.erase(p.person.user)
	if n := w.rows(p.person.user) + w.messages(p.person.user); n != 0 {
		t.Errorf("%d rows and messages are left", n)
	}
}

// The index of every shape is the same when it is made again from the log.
func TestTheIndexOfEveryShapeIsMadeAgain(t *testing.T) {
	p := newProbedAndRead(t)
	p.far.edit("/items", "i1", `"weight":70`, `"weight":71`)
	p.far.remove("/items", "i2")
	p.read(everything()...)
	before := p.index()
	p.reindex(p.settings)
	p.settled()
	if after := p.index(); !slices.Equal(before, after) {
		t.Errorf("the index was\n%s\nand is\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	p.sound("indexed again", p.settings)
	n := len(p.log())
	p.read(everything()...)
	p.want("after it was indexed again", p.since(n))
}

// index are the lines of the index.
func (p *probed) index() []string {
	p.t.Helper()
	rows, err := p.db.Query(p.t.Context(), `SELECT kind || ' ' || resource || ' ' || external_id || ' ' || sequence || ' ' || content_hash || ' ' || removed
		FROM poller.activity_index ORDER BY 1`)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			p.t.Fatal(err)
		}
		all = append(all, line)
	}
	return all
}
