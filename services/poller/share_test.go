package poller

import (
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/services/poller/internal/imports"
)

// One import that takes long holds up nobody else: 43 people bring their archives in
// beside it. Each person's own come one after the other.
func TestALongImportHoldsUpNobodyElse(t *testing.T) {
	w := newWorld(t)
	c, _ := w.importing()
	c.ImportPlaces = 2
	first, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.startImports(c, imports.Hooks{Published: func() error {
		held := false
		once.Do(func() { held = true })
		if held { // the page of the first import that publishes
			close(first)
			<-release
		}
		return nil
	}})
	giant, all := newPerson().user, w.history(6, day)
	held := w.ask(giant, w.upload(giant, entriesText(t, all[:5])))
	<-first
	again := w.ask(giant, w.upload(giant, entriesText(t, all)))
	var others []string
	for range 43 {
		user := newPerson().user
		others = append(others, w.ask(user, w.upload(user, entriesText(t, w.history(3, day)))))
	}
	for _, id := range others {
		w.eventually("another person's import ends", func() bool { return w.shown(id).status == "success" })
	}
	if got := w.shown(held).status; got != "running" {
		t.Errorf("the long import is %s", got)
	}
	if got := w.shown(again).status; got != "queued" {
		t.Errorf("the same person's next import is %s", got)
	}
	w.advance(time.Second) // the facts of an import carry when it began
	close(release)
	for _, id := range []string{held, again} {
		w.eventually("the long import and the one behind it end", func() bool { return w.shown(id).status == "success" })
	}
	if got := w.shown(again).report.Counts; got.Imported != 1 || got.AlreadyThere != 5 {
		t.Errorf("the second import of the person counts %+v, the first %+v", got, w.shown(held).report.Counts)
	}
}
