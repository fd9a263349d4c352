package poller

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// asking is a cloud that gives single records.
type asking struct{ *cloud }

func (a asking) Get(_ context.Context, _ provider.Secret, id string) (provider.Record, []provider.Quota, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, id)
	if a.answer != nil {
		if err := a.answer(len(a.calls), provider.ListRequest{}); err != nil {
			return provider.Record{}, nil, err
		}
	}
	for _, r := range a.records {
		if r.id == id {
			return provider.Record{ExternalID: r.id, Format: "cloud.v1", Raw: r.raw(0), StartedAt: &r.start}, nil, nil
		}
	}
	return provider.Record{}, nil, &provider.Error{Provider: cloudName, Op: "get activity", Class: provider.ClassNotFound, Status: 404}
}

func TestASuspectIsAskedForWhereTheProviderCan(t *testing.T) {
	w := newWorld(t)
	w.cloud.fill(25, w.clock.now(), day)
	c := w.config()
	c.Rescan = nil
	c.Connectors[cloudName].Sources[0].Get = asking{w.cloud}
	w.start(c, work.Hooks{})
	p := newPerson()
	w.ended(w.activate(p))
	w.cloud.remove("r5")
	w.cloud.move("r9", -300*day)
	w.cloud.change(func(c *cloud) { c.hidden = map[string]bool{"r7": true} })
	w.look(p, 20)
	if got := w.removals(); len(got) != 1 || got[0].ExternalID != "r5" || got[0].Proof != events.RemovedNotFound {
		t.Errorf("removed %+v", got)
	}
	facts := w.facts()
	if len(facts) != 26 || facts[25].ExternalID != "r9" || facts[25].ReplacesSequence == 0 {
		t.Errorf("%d facts, the last about %s", len(facts), facts[len(facts)-1].ExternalID)
	}
	w.cloud.change(func(c *cloud) {
		slices.Sort(c.asked)
		if !slices.Equal(c.asked, []string{"r5", "r7", "r9"}) {
			t.Errorf("asked for %v", c.asked)
		}
	})
	if n := w.suspects(); n != 0 {
		t.Errorf("%d suspects stay", n)
	}
}

func TestAnAnswerThatIsNeitherFoundNorNotFoundProvesNothing(t *testing.T) {
	for _, class := range []provider.Class{provider.ClassUnavailable, provider.ClassInvalidResponse, provider.ClassBadRequest, provider.ClassRateLimited} {
		t.Run(string(class), func(t *testing.T) {
			w := newWorld(t)
			w.cloud.fill(9, w.clock.now(), day)
			c := w.config()
			c.Rescan = nil
			c.Connectors[cloudName].Sources[0].Get = asking{w.cloud}
			w.start(c, work.Hooks{})
			p := newPerson()
			w.ended(w.activate(p))
			w.cloud.remove("r5")
			w.cloud.change(func(c *cloud) {
				c.answer = func(_ int, r provider.ListRequest) error {
					if r.Window.From.IsZero() {
						return &provider.Error{Provider: cloudName, Op: "get activity", Class: class}
					}
					return nil
				}
			})
			w.look(p, 9)
			w.later(time.Minute)
			if got := w.removed(); len(got) != 0 {
				t.Fatalf("removed %v", got)
			}
			w.cloud.healthy()
			w.later(2 * time.Hour)
			w.look(p, 9)
			if got := w.removed(); !slices.Equal(got, []string{"r5"}) {
				t.Errorf("removed %v", got)
			}
		})
	}
}
