package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// whole is a sync over all of its windows.
type whole struct {
	store.Window
	covered *events.Window
}

// sum adds the windows of a sync up: what was asked for is what any asks for, what was
// covered is what all of those that were read have in common.
func sum(w store.Window, all []store.Window) whole {
	s := whole{Window: w, covered: w.Covered()}
	if len(all) < 2 {
		return s
	}
	s.Counts, s.covered, s.NotBefore = events.SyncCounts{}, nil, nil
	first := true
	for _, x := range all {
		s.Report = max(s.Report, x.Report)
		s.Counts = plus(s.Counts, x.Counts)
		if x.Span.From.Before(s.Span.From) {
			s.Span.From = x.Span.From
		}
		if x.Span.To.After(s.Span.To) {
			s.Span.To = x.Span.To
		}
		if x.Outcome == "" && x.NotBefore != nil && (s.NotBefore == nil || x.NotBefore.Before(*s.NotBefore)) {
			s.NotBefore = x.NotBefore
		}
		if x.Outcome == events.SyncSkipped {
			continue
		}
		s.covered, first = common(s.covered, x.Covered(), first), false
	}
	return s
}

// common is what two windows share; nil for nothing. The first one counts alone.
func common(a, b *events.Window, first bool) *events.Window {
	if first || a == nil || b == nil {
		if first {
			return b
		}
		return nil
	}
	w := events.Window{From: later(a.From, b.From), To: a.To}
	if b.To.Before(w.To) {
		w.To = b.To
	}
	if !w.From.Before(w.To) {
		return nil
	}
	return &w
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func plus(a, b events.SyncCounts) events.SyncCounts {
	return events.SyncCounts{
		Pages: a.Pages + b.Pages, Seen: a.Seen + b.Seen, New: a.New + b.New, Changed: a.Changed + b.Changed,
		Unchanged: a.Unchanged + b.Unchanged, Removed: a.Removed + b.Removed, Rejected: a.Rejected + b.Rejected,
	}
}

// together is how windows ended as one: those that were skipped do not count, unless
// all were.
func together(all []store.Window) Outcome {
	read := slices.DeleteFunc(slices.Clone(all), func(w store.Window) bool { return w.Outcome == events.SyncSkipped })
	if len(read) == 0 {
		return Outcome{Status: events.SyncFailed, Error: firstError(all, "")}
	}
	same := func(s events.SyncStatus) bool {
		return !slices.ContainsFunc(read, func(w store.Window) bool { return w.Outcome != s })
	}
	switch {
	case same(events.SyncSuccess):
		return Outcome{Status: events.SyncSuccess}
	case same(events.SyncFailed):
		return Outcome{Status: events.SyncFailed, Error: firstError(read, events.SyncFailed)}
	}
	o := Outcome{Status: events.SyncPartial, Error: firstError(read, events.SyncFailed)}
	if o.Error == nil {
		o.Error = firstError(read, "")
	}
	return o
}

// firstError is the error of the first window with an outcome; of any, if that is empty.
func firstError(all []store.Window, outcome events.SyncStatus) *events.SyncError {
	for _, w := range all {
		if w.Error != nil && (outcome == "" || w.Outcome == outcome) {
			return w.Error
		}
	}
	return nil
}

// kinds says how a sync stands for each kind of data.
func kinds(all []store.Window) []events.SyncKind {
	of := map[string][]store.Window{}
	for _, w := range all {
		of[w.Kind] = append(of[w.Kind], w)
	}
	list := make([]events.SyncKind, 0, len(of))
	for kind, windows := range of {
		k := events.SyncKind{Kind: kind}
		o := state(windows)
		k.Status, k.Error = o.Status, o.Error
		for _, w := range windows {
			k.Counts = plus(k.Counts, w.Counts)
		}
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b events.SyncKind) int { return cmp.Compare(a.Kind, b.Kind) })
	if len(list) == 0 {
		return nil
	}
	return list
}

// state is how the windows of one kind stand.
func state(windows []store.Window) Outcome {
	if open(windows) {
		return Outcome{Status: events.SyncDeferred, Error: firstError(windows, "")}
	}
	o := together(windows)
	if !slices.ContainsFunc(windows, func(w store.Window) bool { return w.Outcome != events.SyncSkipped }) {
		o.Status = events.SyncSkipped
	}
	return o
}
