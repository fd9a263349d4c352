package notifications

import (
	"cmp"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

const (
	day = 24 * time.Hour
	// near is how far apart windows may be to be read as one: a provider is asked for
	// whole days anyway, because its filters know local time only.
	near = day
	// recent is what is read when a change does not say when its activities were.
	recent = 2 * day
)

// wish is one window to read, with what may be gone from it.
type wish struct {
	kind     string // empty: every kind
	window   events.Window
	suspects []string
}

// gather makes as few windows of an account's changes as lie apart, for each kind, the
// newest last.
// The same changes in another order, or twice, give the same windows.
func gather(changes []provider.AccountChange, now time.Time) []wish {
	all := make([]wish, 0, len(changes))
	for _, c := range changes {
		w := wish{c.Kind, events.Window{From: now.Add(-recent), To: now}, c.Suspects}
		if c.Window != nil && c.Window.From.Before(c.Window.To) {
			w.window = events.Window{From: c.Window.From.UTC(), To: c.Window.To.UTC()}
		}
		all = append(all, w)
	}
	slices.SortStableFunc(all, func(a, b wish) int { return cmp.Or(cmp.Compare(a.kind, b.kind), a.window.From.Compare(b.window.From)) })
	var merged []wish
	for _, w := range all {
		last := len(merged) - 1
		if last < 0 || w.kind != merged[last].kind || w.window.From.Sub(merged[last].window.To) > near {
			merged = append(merged, wish{kind: w.kind, window: w.window})
			last++
		}
		if w.window.To.After(merged[last].window.To) {
			merged[last].window.To = w.window.To
		}
		merged[last].suspects = append(merged[last].suspects, w.suspects...)
	}
	for i := range merged {
		slices.SortFunc(merged[i].suspects, cmp.Compare)
		merged[i].suspects = slices.Compact(merged[i].suspects)
	}
	return merged
}
