package providertest

import (
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
)

// testGet asks for records by id: as they are listed, after an edit of nothing, once
// they are gone. Providers without get have nothing to show here.
func testGet(t *testing.T, h Harness) {
	getter := h.source(t).Get
	if getter == nil {
		return
	}
	kept, gone := h.Add(t, noon(), `"x_unheard_of":1.0`), h.Add(t, noon().Add(time.Hour), "")
	g := h.connect(t)
	all, err := h.read(t, g, everything())
	if err != nil || len(all) != 2 {
		t.Fatalf("got %d records, error %v", len(all), err)
	}
	for _, listed := range all {
		a, _, err := getter.Get(t.Context(), g.AccessToken, listed.ExternalID)
		if err != nil {
			t.Fatal(err)
		}
		if a.ExternalID != listed.ExternalID || a.Format != listed.Format || a.Problem != "" || !a.StartedAt.Equal(*listed.StartedAt) {
			t.Errorf("by id it is another record: %+v, listed was %+v", a, listed)
		}
		if h.hash(t, a.Raw) != h.hash(t, listed.Raw) {
			t.Errorf("by id the record counts as changed:\n%s\n%s", a.Raw, listed.Raw)
		}
	}
	h.Remove(t, gone.ExternalID)
	_, _, err = getter.Get(t.Context(), g.AccessToken, gone.ExternalID)
	_ = h.wantError(t, err, provider.ClassNotFound)
	if _, _, err := getter.Get(t.Context(), g.AccessToken, kept.ExternalID); err != nil {
		t.Errorf("the other record went, too: %v", err)
	}
	// What names nothing at the provider must never be proved to be gone.
	for _, id := range []string{"", "../identity", "a b", "unidentified-0123"} {
		_, _, err := getter.Get(t.Context(), g.AccessToken, id)
		_ = h.wantError(t, err, provider.ClassBadRequest)
	}
}

// testGetFaults makes the answer for one record fail. Nothing but the provider's own
// word may say that a record is gone.
func testGetFaults(t *testing.T, h Harness) {
	getter := h.source(t).Get
	if getter == nil {
		return
	}
	r := h.Add(t, noon(), "")
	g := h.connect(t)
	for fault, class := range map[Fault]provider.Class{
		FaultRateLimited: provider.ClassRateLimited, FaultRateLimitedMute: provider.ClassRateLimited, FaultUnavailable: provider.ClassUnavailable,
		FaultHTML: provider.ClassInvalidResponse, FaultTruncated: provider.ClassInvalidResponse, FaultNotFoundPage: provider.ClassInvalidResponse,
		FaultGone: provider.ClassGone, FaultUnauthorized: provider.ClassUnauthorized, FaultBadRequest: provider.ClassBadRequest,
		FaultInsufficientScope: provider.ClassInsufficientScope, FaultConnectionLost: provider.ClassUnavailable,
	} {
		t.Run(string(fault), func(t *testing.T) {
			h.Fail(t, GetEndpoint, fault)
			_, _, err := getter.Get(t.Context(), g.AccessToken, r.ExternalID)
			_ = h.wantError(t, err, class)
		})
	}
}
