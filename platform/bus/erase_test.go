package bus_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
)

const (
	anna = "aaaaaaaa-0000-4000-8000-000000000001"
	ben  = "bbbbbbbb-0000-4000-8000-000000000002"
)

// facts are the two streams' worth of a poller.
func facts() []bus.ErasedStream {
	return []bus.ErasedStream{{Kind: "facts", Stream: events.StreamFacts, Whole: true}, {Kind: "syncs", Stream: events.StreamSyncs}}
}

func subject(user string) string { return "stridelog.activity.fetched.fitbit." + user }

// put stores messages of a size, which name the person in every part of them.
func put(t *testing.T, b *bus.Bus, user string, n, size int) {
	t.Helper()
	line := []byte("what " + user + " did; ")
	for range n {
		m := events.Message{Subject: subject(user), Data: bytes.Repeat(line, size/len(line)+1)}
		bustest.StoreMessage(t, b, m)
	}
}

func left(t *testing.T, b *bus.Bus, stream, subjects string) (n uint64) {
	t.Helper()
	s, err := b.JetStream().Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter(subjects))
	if err != nil {
		t.Fatal(err)
	}
	for _, messages := range info.State.Subjects {
		n += messages
	}
	return n
}

// backup copies the files, as a cold copy does.
func backup(t *testing.T, dir string) (copied string) {
	t.Helper()
	copied = filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func turnOf(t *testing.T, b *bus.Bus, progress json.RawMessage) rpc.EraseResponse {
	t.Helper()
	got, err := b.EraseTurn(t.Context(), facts(), events.UserSubjects(anna), progress)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Messages that lie between others', alone and in a row that is longer than the files:
// after the erasure no file holds a word of them, and no copy of the files.
func TestNoFileHoldsAWordOfAnErasedPerson(t *testing.T) {
	dir := t.TempDir()
	b, stop := bustest.With(t, natsserver.Options{StoreDir: dir})
	for range 20 {
		put(t, b, anna, 1, 2000)
		put(t, b, ben, 1, 2000)
	}
	put(t, b, anna, 34, 1_000_000) // 34 MB in a row, four files and more
	put(t, b, ben, 3, 2000)
	put(t, b, anna, 1, 2000)
	others := left(t, b, events.StreamFacts, events.UserSubjects(ben))
	if len(bustest.Files(t, dir, []byte(anna))) < 4 || len(bustest.Files(t, backup(t, dir), []byte("what "+anna))) < 4 {
		t.Fatal("the control: the search does not find what is there")
	}
	files := len(bustest.Files(t, dir, []byte("did; ")))

	var progress json.RawMessage
	total := int64(55)
	for before := total + 1; ; {
		now := turnOf(t, b, progress)
		if now.Left >= before || now.Erased["facts"] != total-now.Left {
			t.Fatalf("after a turn %v are erased and %d are left", now.Erased, now.Left)
		}
		if before, progress = now.Left, now.Progress; before == 0 {
			break
		}
	}
	if n := left(t, b, events.StreamFacts, events.UserSubjects(ben)); n != others {
		t.Errorf("somebody else has %d messages of %d", n, others)
	}
	if n := len(bustest.Files(t, dir, []byte("did; "))); n >= files-1 {
		t.Errorf("of %d files %d are still there", files, n)
	}
	stop()
	for name, where := range map[string]string{"the store": dir, "a copy of it": backup(t, dir)} {
		if found := bustest.Files(t, where, []byte(anna)); found != nil {
			t.Errorf("in %s, %v hold something of the erased person", name, found)
		}
		if bustest.Files(t, where, []byte(ben)) == nil {
			t.Errorf("the control: %s holds nothing of somebody else", name)
		}
	}
}

// A turn goes on from what is stored of the last one, in any process, and counts what
// came meanwhile.
func TestAnErasureGoesOnFromItsProgress(t *testing.T) {
	b := bustest.New(t)
	for range 110 {
		put(t, b, anna, 1, 100)
		put(t, b, ben, 1, 100)
	}
	first := turnOf(t, b, nil)
	if first.Left == 0 || first.Erased["facts"] == 0 || first.Erased["facts"] > 100 {
		t.Fatalf("the first turn erased %v, and %d are left", first.Erased, first.Left)
	}
	if strings.Contains(string(first.Progress), anna) {
		t.Errorf("the progress names the person: %s", first.Progress)
	}
	put(t, b, anna, 5, 100)
	second := turnOf(t, b, first.Progress)
	if second.Erased["facts"]+second.Left != 115 {
		t.Errorf("of 115 messages %v are erased and %d are left", second.Erased, second.Left)
	}
	for again := first; again.Left > 0; { // the second turn's answer was lost
		again = turnOf(t, b, again.Progress)
	}
	if n := left(t, b, events.StreamFacts, events.UserSubjects(anna)); n != 0 {
		t.Errorf("%d messages stay", n)
	}
	if n := left(t, b, events.StreamFacts, events.UserSubjects(ben)); n != 110 {
		t.Errorf("somebody else has %d messages of 110", n)
	}
}

// A plan may be older than the log: after a restore its sequences are other people's.
func TestAPlanOfAnotherLogErasesNobodyElse(t *testing.T) {
	b := bustest.New(t)
	put(t, b, ben, 5, 100)
	put(t, b, anna, 2, 100)
	epoch, err := b.Epoch(t.Context(), events.StreamFacts)
	if err != nil {
		t.Fatal(err)
	}
	for name, plan := range map[string]string{
		"the same epoch": fmt.Sprintf(`{%q:{"epoch":%q,"total":5,"left":5,"steps":[{"from":1,"to":5}]}}`, events.StreamFacts, epoch),
		"another epoch":  fmt.Sprintf(`{%q:{"epoch":"e","total":5,"left":5,"steps":[{"from":1,"to":5}]}}`, events.StreamFacts),
	} {
		put(t, b, anna, 2, 100)
		if got := turnOf(t, b, json.RawMessage(plan)); got.Left != 0 {
			t.Errorf("%s: %d are left", name, got.Left)
		}
		if n := left(t, b, events.StreamFacts, events.UserSubjects(ben)); n != 5 {
			t.Fatalf("%s: somebody else has %d messages of 5", name, n)
		}
	}
	if _, err := b.EraseTurn(t.Context(), facts(), "", nil); err == nil {
		t.Error("nobody is everybody")
	}
}
