package notifications

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

func TestGatherCoversEveryChangeInAnyOrder(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		var changes []provider.AccountChange
		for i := range rapid.IntRange(1, 12).Draw(t, "changes") {
			c := provider.AccountChange{AccountID: "a", Kind: rapid.SampledFrom([]string{"", "activity", "sleep"}).Draw(t, "kind of data")}
			if rapid.IntRange(0, 4).Draw(t, "kind") > 0 {
				from := now.Add(-time.Duration(rapid.IntRange(0, 40*24).Draw(t, "hours")) * time.Hour)
				c.Window = &events.Window{From: from, To: from.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute)}
			}
			if rapid.Bool().Draw(t, "gone") {
				c.Suspects = []string{fmt.Sprint("id ", i%5)}
			}
			changes = append(changes, c)
		}
		got := gather(changes, now)
		again := gather(rapid.Permutation(append(slices.Clone(changes), changes...)).Draw(t, "order"), now)
		if !reflect.DeepEqual(got, again) {
			t.Fatalf("the same changes twice and in another order give\n%v, not\n%v", again, got)
		}
		for _, c := range changes {
			w := c.Window
			if w == nil {
				w = &events.Window{From: now.Add(-recent), To: now}
			}
			if !slices.ContainsFunc(got, func(g wish) bool {
				return g.kind == c.Kind && !g.window.From.After(w.From) && !g.window.To.Before(w.To) && (c.Suspects == nil || slices.Contains(g.suspects, c.Suspects[0]))
			}) {
				t.Fatalf("%+v is in none of %v", c, got)
			}
		}
		for i := 1; i < len(got); i++ {
			if got[i].kind == got[i-1].kind && got[i].window.From.Sub(got[i-1].window.To) <= near {
				t.Fatalf("%v and %v could be one", got[i-1], got[i])
			}
		}
	})
}
