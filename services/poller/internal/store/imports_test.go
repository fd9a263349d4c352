package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Small imports come first, whoever waits long enough comes too, and a place for small
// ones takes no other.
func TestTheSmallestImportIsClaimedFirst(t *testing.T) {
	db := postgrestest.New(t)
	ctx := t.Context()
	if err := store.Migrate(ctx, db); err != nil {
		t.Fatal(err)
	}
	s := store.New(db)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	names := map[string]string{}
	add := func(name string, waited time.Duration, megabytes ...int64) {
		i := store.Import{ID: uuid.NewString(), UserID: uuid.NewString(), Provider: "cloud", Kind: "cloud-export", RequestedAt: now.Add(-waited)}
		for _, m := range megabytes {
			i.Uploads = append(i.Uploads, rpc.Upload{Name: name, Pieces: 1, Bytes: m << 20})
		}
		if _, err := s.AddImport(ctx, i); err != nil {
			t.Fatal(err)
		}
		names[i.ID] = name
	}
	add("giant", 10*time.Second, 9000)
	add("large", 9*time.Second, 700, 700)
	add("small", 3*time.Second, 30, 20)
	add("smaller", 2*time.Second, 20)
	add("patient giant", time.Hour, 9000)
	add("smallest", 0, 1)
	claim := func(largest int64) string {
		l, found, _, err := s.ClaimImport(ctx, "me", now, time.Hour, largest)
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			return ""
		}
		return names[l.ID]
	}
	var order []string
	order = append(order, claim(64<<20), claim(0), claim(64<<20), claim(64<<20), claim(64<<20), claim(0), claim(0), claim(0))
	if want := []string{"smallest", "patient giant", "smaller", "small", "", "large", "giant", ""}; !slices.Equal(order, want) {
		t.Errorf("they are claimed as %q, want %q", order, want)
	}
}
