package provider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// What a provider can say, and whatever comes of it can be stored.
func FuzzStorable(f *testing.F) {
	f.Add("id", "cursor", "scope", int64(0))
	f.Add("\x00", "\x00", "\x00", int64(1<<62))
	f.Add("\xff", "\xff", "\xff", int64(-1<<62))
	f.Add(strings.Repeat("x", 513), strings.Repeat("x", 20_000), strings.Repeat("x", 300), int64(1<<40))
	f.Fuzz(func(t *testing.T, id, cursor, scope string, seconds int64) {
		at := time.Unix(seconds, 0)
		page, err := provider.Page{
			Records: []provider.Record{{ExternalID: id, Raw: []byte(`{"a":1}`), StartedAt: &at, ModifiedAt: &at}, {ExternalID: "plain"}},
			Next:    cursor, Quotas: []provider.Quota{{Limit: int(seconds), Remaining: int(-seconds), ResetAt: at}},
		}.Storable(nil)
		if refused := provider.ClassOf(err) == provider.ClassInvalidResponse; refused != (len(cursor) > 16<<10 || !events.Storable(cursor)) {
			t.Errorf("the cursor %q: %v", cursor, err)
		}
		if err != nil {
			return
		}
		a := page.Records[0]
		if a.ExternalID == "" || len(a.ExternalID) > 512 || !events.Storable(a.ExternalID) || a.ExternalID != id && !provider.IsMadeUpID(a.ExternalID) {
			t.Errorf("the id %q became %q with the problem %q", id, a.ExternalID, a.Problem)
		}
		if a.StartedAt != nil && !events.InRange(*a.StartedAt) || a.ModifiedAt != nil && !events.InRange(*a.ModifiedAt) {
			t.Errorf("times stay out of range: %+v", a)
		}
		for _, q := range page.Quotas {
			if q.Limit < 0 || q.Remaining < 0 || q.Limit > 1<<31-1 || q.Remaining > 1<<31-1 || !events.InRange(q.ResetAt) {
				t.Errorf("the quota is %+v", q)
			}
		}
		g := provider.Grant{AccountID: id, Scopes: []string{"kept", scope}, ExpiresAt: at, RefreshExpiresAt: at, LinkedAccounts: map[string]string{scope: id}}.Storable()
		if !events.Storable(g.AccountID+strings.Join(g.Scopes, "")) || g.Scopes[0] != "kept" || !events.InRange(g.ExpiresAt) || !events.InRange(g.RefreshExpiresAt) {
			t.Errorf("the grant is %+v", g)
		}
		for name, account := range g.LinkedAccounts {
			if !events.Storable(name + account) {
				t.Errorf("a linked account is %q %q", name, account)
			}
		}
	})
}
