package bus_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

func TestStreamsAreDeclaredAsTheContractSays(t *testing.T) {
	b := bustest.New(t)
	for _, want := range events.Streams() {
		s, err := b.JetStream().Stream(t.Context(), want.Name)
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		if c.Storage != jetstream.FileStorage || c.Retention != jetstream.LimitsPolicy || c.MaxAge != want.MaxAge ||
			c.AllowAtomicPublish != want.Atomic || !c.AllowDirect || c.Duplicates != events.DuplicateWindow || c.DenyDelete {
			t.Errorf("%s is declared as %+v", want.Name, c)
		}
		if c.PersistMode != jetstream.DefaultPersistMode {
			t.Errorf("%s acknowledges before a message is written", want.Name)
		}
	}
}

func TestManyDeclarersAgreeOnOneEpoch(t *testing.T) {
	url := bustest.StartServer(t)
	const processes = 6
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]map[string]bool{}
	for range processes {
		b := bustest.Connect(t, url, "declarer")
		wg.Go(func() {
			if err := b.DeclareStreams(t.Context()); err != nil {
				t.Error(err)
				return
			}
			for _, s := range events.Streams() {
				epoch, err := b.Epoch(t.Context(), s.Name)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[s.Name] == nil {
					seen[s.Name] = map[string]bool{}
				}
				seen[s.Name][epoch] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	all := map[string]bool{}
	for name, epochs := range seen {
		if len(epochs) != 1 {
			t.Errorf("%s has the epochs %v", name, epochs)
		}
		for e := range epochs {
			all[e] = true
		}
	}
	if len(all) != len(events.Streams()) {
		t.Errorf("%d epochs for %d streams", len(all), len(events.Streams()))
	}
}

func TestDeclaringAgainRepairsSettingsAndKeepsTheEpoch(t *testing.T) {
	b := bustest.New(t)
	epoch := epochOf(t, b)
	s, err := b.JetStream().Stream(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.MaxAge, c.AllowDirect, c.MaxBytes = 3600e9, false, 1<<30
	if _, err := b.JetStream().UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err = b.JetStream().Stream(t.Context(), events.StreamFacts); err != nil {
		t.Fatal(err)
	}
	if c = s.CachedInfo().Config; c.MaxAge != 0 || !c.AllowDirect || c.MaxBytes != 1<<30 {
		t.Errorf("after declaring again: max age %v, direct %v, max bytes %d; want 0, true and the operator's limit", c.MaxAge, c.AllowDirect, c.MaxBytes)
	}
	if again := epochOf(t, b); again != epoch {
		t.Errorf("epoch changed from %s to %s", epoch, again)
	}

	// A stream that is made anew is another life.
	if err := b.JetStream().DeleteStream(t.Context(), events.StreamFacts); err != nil {
		t.Fatal(err)
	}
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := epochOf(t, b); again == epoch {
		t.Error("a new stream has the old epoch")
	}
}

// A log that an earlier program declared takes facts about records once this one has
// started, and what a later program declared stays.
func TestDeclaringBringsTheSubjectsOfEarlierStreamsUpToDate(t *testing.T) {
	b := bustest.New(t)
	facts := func() jetstream.StreamConfig {
		s, err := b.JetStream().Stream(t.Context(), events.StreamFacts)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config
	}
	earlier, epoch := facts(), epochOf(t, b)
	declared := slices.Clone(earlier.Subjects)
	kept := bustest.StoreMessage(t, b, events.Message{Subject: "stridelog.activity.fetched.fitbit.u"})
	for name, subjects := range map[string][]string{
		"before records": {"stridelog.connection.>", "stridelog.activity.>", "stridelog.user.>"},
		"in other order": {"stridelog.user.>", "stridelog.activity.>", "stridelog.connection.>"},
		"made by hand":   {"stridelog.activity.fetched.>", "elsewhere.>"},
	} {
		earlier.Subjects = subjects
		if _, err := b.JetStream().UpdateStream(t.Context(), earlier); err != nil {
			t.Fatal(err)
		}
		if _, err := b.JetStream().Publish(t.Context(), "stridelog.record.fetched.fitbit.u", nil); err == nil {
			t.Fatalf("%s: the control: a record is taken", name)
		}
		if err := b.DeclareStreams(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := facts().Subjects; !slices.Equal(got, declared) {
			t.Errorf("%s: the subjects are %v, want %v", name, got, declared)
		}
		for _, subject := range []string{"stridelog.record.fetched.fitbit.u", "stridelog.chunk.removed.fitbit.u"} {
			bustest.StoreMessage(t, b, events.Message{Subject: subject})
		}
	}
	if epochOf(t, b) != epoch {
		t.Error("the epoch changed")
	}
	if _, err := b.Get(t.Context(), events.StreamFacts, kept); err != nil {
		t.Errorf("what was in the log: %v", err)
	}
	later := facts()
	later.Subjects = append(slices.Clone(declared), "stridelog.sleep.>")
	if _, err := b.JetStream().UpdateStream(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := facts().Subjects; !slices.Equal(got, later.Subjects) {
		t.Errorf("beside a later program the subjects are %v, want %v", got, later.Subjects)
	}
}

// An older program that starts beside this one declares the subjects that it knows. What
// this one publishes on the others is stored all the same.
func TestPublishingBringsSubjectsBackThatAnOlderProgramTookOff(t *testing.T) {
	b := bustest.New(t)
	epoch := epochOf(t, b)
	removal := func(external string) events.Event {
		user := "00000000-0000-4000-8000-000000000001"
		return events.Event{ID: events.NewID(), Source: "stridelog/test", Time: time.Unix(1, 0), Provider: "fitbit", UserID: user, Data: &events.RecordRemoved{
			UserID: user, Provider: "fitbit", Kind: "probe", ExternalID: external, Origin: events.OriginAPI, Proof: events.RemovedNotFound, RemovedAt: time.Unix(1, 0)}}
	}
	olderStarts := func() {
		s, err := b.JetStream().Stream(t.Context(), events.StreamFacts)
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		c.Subjects = []string{"stridelog.connection.>", "stridelog.activity.>", "stridelog.user.>"}
		if _, err := b.JetStream().UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	scope := events.FenceRecord.Subjects("fitbit", "00000000-0000-4000-8000-000000000001")
	olderStarts()
	if _, err := b.Publish(t.Context(), removal("1")); err != nil {
		t.Error(err)
	}
	olderStarts()
	if first, last, err := b.PublishPage(t.Context(), []events.Event{removal("2"), removal("3")}, bus.Expect{Subjects: scope, LastSequence: 1}); err != nil || first != 2 || last != 3 {
		t.Errorf("a page lies at %d to %d: %v", first, last, err)
	}
	olderStarts()
	if _, _, err := b.PublishPage(t.Context(), []events.Event{removal("4")}, bus.Expect{Subjects: scope, LastSequence: 2}); !errors.Is(err, bus.ErrWrongLastSequence) {
		t.Errorf("a page behind another than the last fact: %v", err)
	}
	if epochOf(t, b) != epoch {
		t.Error("the epoch changed")
	}
	// A log that is gone is not made anew by who publishes.
	if err := b.JetStream().DeleteStream(t.Context(), events.StreamFacts); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Publish(t.Context(), removal("5")); err == nil {
		t.Error("a fact was stored without a log")
	}
	if _, err := b.JetStream().Stream(t.Context(), events.StreamFacts); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the log was made anew: %v", err)
	}
}

func TestStreamMadeByHandGetsAnEpochOrARefusal(t *testing.T) {
	b := bustest.Connect(t, bustest.StartServer(t), "test")
	byHand := jetstream.StreamConfig{Name: events.StreamFacts, Subjects: []string{"stridelog.activity.>"}}
	if _, err := b.JetStream().CreateStream(t.Context(), byHand); err != nil {
		t.Fatal(err)
	}
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	if epochOf(t, b) == "" {
		t.Error("no epoch")
	}
	if err := b.JetStream().DeleteStream(t.Context(), events.StreamFacts); err != nil {
		t.Fatal(err)
	}
	byHand.Storage = jetstream.MemoryStorage
	if _, err := b.JetStream().CreateStream(t.Context(), byHand); err != nil {
		t.Fatal(err)
	}
	if err := b.DeclareStreams(t.Context()); err == nil {
		t.Error("a log in memory was accepted")
	}
}

func epochOf(t *testing.T, b *bus.Bus) string {
	t.Helper()
	epoch, err := b.Epoch(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}
