package report

import (
	"fmt"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

var noon = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

// window is one that ended, of a kind.
func window(kind string, outcome events.SyncStatus, code string) store.Window {
	w := store.Window{Kind: kind, Outcome: outcome, Status: store.Done, Counts: events.SyncCounts{Pages: 1, New: 2}}
	if code != "" {
		w.Error = &events.SyncError{Code: code}
	}
	return w
}

func shown(status events.SyncStatus, e *events.SyncError) string {
	if e == nil {
		return string(status)
	}
	return fmt.Sprintf("%s (%s)", status, e.Code)
}

func TestHowWindowsEndedTogether(t *testing.T) {
	ok, partial := window("a", events.SyncSuccess, ""), window("a", events.SyncPartial, "records_rejected")
	failed, skipped := window("a", events.SyncFailed, "unavailable"), window("a", events.SyncSkipped, "insufficient_scope")
	waits := store.Window{Kind: "a", Status: events.SyncDeferred, Error: &events.SyncError{Code: "out_of_budget"}}
	for _, test := range []struct {
		all        []store.Window
		sync, kind string
	}{
		{[]store.Window{ok}, "success", "success"},
		{[]store.Window{ok, ok}, "success", "success"},
		{[]store.Window{ok, skipped}, "success", "success"},
		{[]store.Window{skipped, skipped}, "failed (insufficient_scope)", "skipped (insufficient_scope)"},
		{[]store.Window{failed, failed}, "failed (unavailable)", "failed (unavailable)"},
		{[]store.Window{failed, skipped}, "failed (unavailable)", "failed (unavailable)"},
		{[]store.Window{partial}, "partial (records_rejected)", "partial (records_rejected)"},
		{[]store.Window{ok, partial}, "partial (records_rejected)", "partial (records_rejected)"},
		{[]store.Window{partial, failed, ok}, "partial (unavailable)", "partial (unavailable)"},
		{[]store.Window{ok, waits}, "", "deferred (out_of_budget)"},
	} {
		if test.sync != "" {
			if o := together(test.all); shown(o.Status, o.Error) != test.sync {
				t.Errorf("%v: the sync is %s", test.all, shown(o.Status, o.Error))
			}
		}
		list := kinds(test.all)
		if len(list) != 1 || shown(list[0].Status, list[0].Error) != test.kind {
			t.Errorf("%v: the kinds are %+v, want %s", test.all, list, test.kind)
		}
	}
}

func TestKindsAreSummedUpByName(t *testing.T) {
	list := kinds([]store.Window{window("sleep", events.SyncFailed, "unavailable"), window("day", events.SyncSuccess, ""), window("day", events.SyncSuccess, "")})
	if len(list) != 2 || list[0].Kind != "day" || list[0].Counts.New != 4 || list[0].Status != events.SyncSuccess || list[1].Kind != "sleep" || list[1].Counts.Pages != 1 {
		t.Errorf("the kinds are %+v", list)
	}
	if kinds(nil) != nil {
		t.Error("a sync without windows has kinds")
	}
}

func TestWhatWasCoveredIsWhatAllSourcesHaveInCommon(t *testing.T) {
	read := func(from, covered int, outcome events.SyncStatus) store.Window {
		w := window("a", outcome, "")
		w.Span = events.Window{From: noon.AddDate(0, 0, -from), To: noon}
		if covered > 0 {
			at := noon.AddDate(0, 0, -covered)
			w.CoveredFrom = &at
		}
		return w
	}
	for name, test := range map[string]struct {
		all     []store.Window
		covered int // days before noon; 0: nothing
	}{
		"one":                        {[]store.Window{read(30, 30, events.SyncSuccess)}, 30},
		"the shorter of two":         {[]store.Window{read(30, 30, events.SyncSuccess), read(30, 10, events.SyncFailed)}, 10},
		"one has read nothing":       {[]store.Window{read(30, 30, events.SyncSuccess), read(30, 0, events.SyncFailed)}, 0},
		"the first has read nothing": {[]store.Window{read(30, 0, events.SyncFailed), read(30, 30, events.SyncSuccess)}, 0},
		"a skipped one":              {[]store.Window{read(30, 30, events.SyncSuccess), read(30, 0, events.SyncSkipped)}, 30},
	} {
		got := sum(test.all[0], test.all)
		switch {
		case test.covered == 0 && got.covered != nil, test.covered > 0 && (got.covered == nil || !got.covered.From.Equal(noon.AddDate(0, 0, -test.covered))):
			t.Errorf("%s: covered is %+v", name, got.covered)
		case got.Counts.New != 2*len(test.all) || !got.Span.From.Equal(noon.AddDate(0, 0, -30)):
			t.Errorf("%s: the sum is %+v", name, got)
		}
	}
}
