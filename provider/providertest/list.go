package providertest

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/vocabulary"
)

// noon is the day that the suite's records lie around.
func noon() time.Time { return time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC) }

func everything() events.Window {
	return events.Window{From: noon().AddDate(-1, 0, 0), To: noon().AddDate(1, 0, 0)}
}

// read reads a window to its end.
func (h Harness) read(t *testing.T, g provider.Grant, w events.Window) ([]provider.Record, error) {
	t.Helper()
	const most = 100
	request := provider.ListRequest{Token: g.AccessToken, Window: w}
	var all []provider.Record
	for range most {
		page, err := h.source(t).List.List(t.Context(), request)
		if err != nil {
			return nil, err
		}
		for _, a := range page.Records {
			if a.StartedAt != nil && a.StartedAt.Before(page.Oldest) {
				t.Errorf("a record starts at %s, before the page's oldest %s", a.StartedAt, page.Oldest)
			}
		}
		all = append(all, page.Records...)
		if page.Next == "" {
			return all, nil
		}
		request.Cursor = page.Next
	}
	t.Fatalf("the window has no end after %d pages", most)
	return nil, nil
}

func testPages(t *testing.T, h Harness) {
	want := map[string]Record{}
	w := events.Window{From: noon().AddDate(0, 0, -60), To: noon()}
	for i := range 260 { // from 87 days before the window's end to a day after it, several a day
		r := h.Add(t, noon().AddDate(0, 0, 1).Add(-time.Duration(i)*8*time.Hour-time.Duration(i)*time.Second), "")
		if w.Contains(r.Start) {
			want[r.ExternalID] = r
		}
	}
	for _, edge := range []Record{h.Add(t, w.From, ""), h.Add(t, w.To.Add(-time.Second), "")} {
		want[edge.ExternalID] = edge
	}
	all, err := h.read(t, h.connect(t), w)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, a := range all {
		got[a.ExternalID]++
		r, inside := want[a.ExternalID]
		if !inside {
			continue
		}
		if !bytes.Equal(a.Raw, r.Raw) {
			t.Errorf("%s came as\n%s\nand was sent as\n%s", a.ExternalID, a.Raw, r.Raw)
		}
		if a.StartedAt == nil || !a.StartedAt.Equal(r.Start) || a.Problem != "" {
			t.Errorf("%s: start %v, problem %q, want %s and none", a.ExternalID, a.StartedAt, a.Problem, r.Start)
		}
	}
	if len(want) < 150 {
		t.Fatalf("only %d records are in the window: too few for several pages", len(want))
	}
	for id := range want {
		if got[id] != 1 {
			t.Errorf("record %s came %d times", id, got[id])
		}
	}
}

// testEdges puts records at the very edges of a window, on clocks all over the world:
// whatever a list is sorted and filtered by, none of those inside may be left out.
func testEdges(t *testing.T, h Harness) {
	w := events.Window{From: noon().Add(-36 * time.Hour), To: noon()}
	inside := map[string]time.Time{}
	for hours := -12; hours <= 14; hours++ {
		zone := time.FixedZone("", hours*60*60)
		for _, at := range []time.Time{w.From.Add(-time.Second), w.From, w.From.Add(time.Millisecond), w.To.Add(-time.Millisecond), w.To} {
			if r := h.Add(t, at.In(zone), ""); w.Contains(at) {
				inside[r.ExternalID] = at
			}
		}
	}
	all, err := h.read(t, h.connect(t), w)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if at, ok := inside[a.ExternalID]; ok && (a.StartedAt == nil || !a.StartedAt.Equal(at)) {
			t.Errorf("a record starts at %v, want %s", a.StartedAt, at)
		}
		delete(inside, a.ExternalID)
	}
	for id, at := range inside {
		t.Errorf("record %s of %s is left out", id, at)
	}
}

func testEmptyWindow(t *testing.T, h Harness) {
	all, err := h.read(t, h.connect(t), everything())
	if err != nil || len(all) != 0 {
		t.Errorf("an empty account gave %d records, error %v", len(all), err)
	}
}

func testListFaults(t *testing.T, h Harness) {
	h.Add(t, noon(), "")
	g := h.connect(t)
	for fault, class := range map[Fault]provider.Class{
		FaultRateLimited: provider.ClassRateLimited, FaultRateLimitedMute: provider.ClassRateLimited, FaultUnavailable: provider.ClassUnavailable,
		FaultNotFoundPage: provider.ClassInvalidResponse, FaultBadRequest: provider.ClassBadRequest, FaultNotAdmitted: provider.ClassNotAdmitted,
		FaultHTML: provider.ClassInvalidResponse, FaultTruncated: provider.ClassInvalidResponse,
		FaultGone: provider.ClassGone, FaultUnauthorized: provider.ClassUnauthorized,
		FaultInsufficientScope: provider.ClassInsufficientScope, FaultConnectionLost: provider.ClassUnavailable,
	} {
		if !h.has(fault) {
			continue
		}
		t.Run(string(fault), func(t *testing.T) {
			h.Fail(t, ListEndpoint, fault)
			_, err := h.read(t, g, everything())
			e := h.wantError(t, err, class)
			if class == provider.ClassRateLimited && !e.RetryAt.After(time.Now()) {
				t.Errorf("retry at %s is not in the future", e.RetryAt)
			}
		})
	}
	if all, err := h.read(t, g, everything()); err != nil || len(all) != 1 {
		t.Errorf("after the faults: %d records, error %v", len(all), err)
	}
	g.AccessToken = "a-token-nobody-gave"
	_, err := h.read(t, g, everything())
	_ = h.wantError(t, err, provider.ClassUnauthorized)
}

func testForeignCursor(t *testing.T, h Harness) {
	g := h.connect(t)
	request := provider.ListRequest{Token: g.AccessToken, Window: everything(), Cursor: "https://example.com/collect?token="}
	_, err := h.source(t).List.List(t.Context(), request)
	_ = h.wantError(t, err, provider.ClassBadRequest)
}

func testCanceled(t *testing.T, h Harness) {
	g := h.connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.source(t).List.List(ctx, provider.ListRequest{Token: g.AccessToken, Window: everything()})
	_ = h.wantError(t, err, provider.ClassUnavailable)
	_, err = h.Connector.Authorizer.Refresh(ctx, g.RefreshToken)
	_ = h.wantError(t, err, provider.ClassUnavailable)
}

// one is the single record of an account that holds one.
func (h Harness) one(t *testing.T, member string) provider.Record {
	t.Helper()
	h.Add(t, noon(), member)
	all, err := h.read(t, h.connect(t), everything())
	if err != nil || len(all) != 1 {
		t.Fatalf("got %d records, error %v", len(all), err)
	}
	return all[0]
}

func testUnknownMembers(t *testing.T, h Harness) {
	const member = `"x_unheard_of":{"n":1.0,"id":2471190346655808113,"s":"<&>\u2028"}`
	a := h.one(t, member)
	if !bytes.Contains(a.Raw, []byte(member)) {
		t.Errorf("the raw record lacks %s: %s", member, a.Raw)
	}
	w := h.normalize(t, a)
	if !strings.Contains(string(w.Details), member) {
		t.Errorf("the details lack %s: %s", member, w.Details)
	}
}

func (h Harness) normalize(t *testing.T, a provider.Record) events.Workout {
	t.Helper()
	n := h.Normalizers[a.Format]
	if n == nil {
		t.Fatalf("no normalizer reads %s", a.Format)
	}
	w, err := n.Normalize(provider.Record{Provider: h.Connector.Name, ExternalID: a.ExternalID, Format: a.Format, Raw: a.Raw, Context: a.Context})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func testNormalize(t *testing.T, h Harness) {
	a := h.one(t, "")
	w := h.normalize(t, a)
	if !w.StartTime.Equal(*a.StartedAt) || w.StartTime.Location() != time.UTC || w.EndTime.Before(w.StartTime) {
		t.Errorf("start %s, end %s, record's start %s", w.StartTime, w.EndTime, a.StartedAt)
	}
	if !vocabulary.Known(w.Type) || w.Category != vocabulary.Category(w.Type) {
		t.Errorf("type %q, category %q", w.Type, w.Category)
	}
	if w.Source.Provider != h.Connector.Name || w.OffsetSource == "" || w.RecordingMethod == "" {
		t.Errorf("a member is missing: %+v", w)
	}
	if w.ID != "" || w.UserID != "" || w.ExternalID != "" || w.Version != 0 {
		t.Errorf("ids and version are the caller's: %+v", w)
	}
	if again := h.normalize(t, a); !reflect.DeepEqual(again, w) {
		t.Errorf("the same record gave another workout:\n%+v\n%+v", w, again)
	}
	if h.Normalizers[a.Format].Version() < 1 {
		t.Error("the normalizer has no version")
	}
}

func testNormalizeGarbage(t *testing.T, h Harness) {
	for format, n := range h.Normalizers {
		for i, raw := range []string{"", "{}", "[]", "null", "7", "<html>", `{"`, "\xff", strings.Repeat("[", 20000)} {
			if _, err := n.Normalize(provider.Record{Format: format, Raw: []byte(raw)}); err == nil {
				t.Errorf("%s: %s became a workout", format, fmt.Sprintf("%.20q (%d)", raw, i))
			}
		}
	}
}
