package providertest

import (
	"context"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

const (
	tried     = 70  // records of a trial, half of them in the window
	mostPages = 200 // of a window
)

// span is the window of a trial. Its edges are midnights, so that whole dates lie in it.
func span() events.Window {
	to := noon().Truncate(24 * time.Hour)
	return events.Window{From: to.AddDate(0, 0, -tried/2), To: to}
}

// list fills the account from before the window until after it, a record a day, and
// reads the window.
func (t *trying) list(ctx context.Context) {
	w := span()
	inside := map[string]bool{}
	for i := range tried {
		at := w.To.AddDate(0, 0, tried/4-i)
		if t.Source.Order != provider.OrderDate {
			at = at.Add(time.Duration(i%24)*time.Hour + time.Second)
		}
		if id := t.Add(at); w.Contains(at) {
			inside[id] = true
		}
	}
	all := t.window(ctx, w)
	seen := map[string]int{}
	for _, r := range all {
		seen[r.ExternalID]++
	}
	for id := range inside {
		if seen[id] != 1 {
			t.wrong("of a window's records one comes %d times", seen[id])
			break
		}
	}
	_, err := t.Source.List.List(ctx, provider.ListRequest{Token: t.Token, Window: w, Cursor: "https://example.com/collect?token="})
	if class := provider.ClassOf(err); class != provider.ClassBadRequest {
		t.wrong("a cursor that is no cursor gives the class %q (%v)", class, err)
	}
}

// window reads a window to its end and checks each page.
func (t *trying) window(ctx context.Context, w events.Window) (all []provider.Record) {
	request := provider.ListRequest{Token: t.Token, Window: w}
	var newest time.Time // of the page before
	resumed := false
	for range mostPages {
		page, err := t.Source.List.List(ctx, request)
		if err != nil {
			t.wrong("a page could not be read: %v", err)
			return all
		}
		t.quotas(page.Quotas)
		newest = t.page(page, newest)
		all = append(all, page.Records...)
		if page.Next == "" {
			return all
		}
		if !page.Resume.IsZero() && !resumed {
			resumed = true
			t.resume(ctx, events.Window{From: w.From, To: page.Resume}, request, page.Next)
		}
		request.Cursor = page.Next
	}
	t.wrong("the window has no end after %d pages", mostPages)
	return all
}

// page checks one page and gives its newest instant.
func (t *trying) page(page provider.Page, before time.Time) (newest time.Time) {
	if len(page.Records) == 0 {
		return before
	}
	for _, r := range page.Records {
		t.record(r)
		at, ok := r.At(t.Source.Order)
		if ok && at.Before(page.Oldest) {
			t.wrong("a record lies before the page's oldest")
		}
		if at.After(newest) {
			newest = at
		}
	}
	if page.Oldest.IsZero() {
		t.wrong("a page with records has no oldest")
	}
	if !before.IsZero() && newest.After(before) {
		t.wrong("the pages do not go from the newest to the oldest")
	}
	return newest
}

// resume reads on by a new window where a page says that this leaves nothing out.
func (t *trying) resume(ctx context.Context, w events.Window, r provider.ListRequest, next string) {
	shown := map[string]bool{}
	anew := provider.ListRequest{Token: t.Token, Window: w}
	for range mostPages {
		page, err := t.Source.List.List(ctx, anew)
		if err != nil {
			t.wrong("reading on by a window fails: %v", err)
			return
		}
		for _, x := range page.Records {
			shown[x.ExternalID] = true
		}
		if anew.Cursor = page.Next; anew.Cursor == "" {
			break
		}
	}
	r.Cursor = next
	page, err := t.Source.List.List(ctx, r)
	if err != nil {
		t.wrong("the next page could not be read: %v", err)
		return
	}
	for _, x := range page.Records {
		if at, ok := x.At(t.Source.Order); ok && r.Window.Contains(at) && !shown[x.ExternalID] {
			t.wrong("reading on by a window leaves out what the cursor shows")
			return
		}
	}
}
