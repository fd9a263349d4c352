package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// linksOf are the links that a page shows, by workout; null is none.
func linksOf(t *testing.T, p page) map[string]string {
	t.Helper()
	links := map[string]string{}
	for _, d := range p.Data {
		var row struct {
			ID          string  `json:"id"`
			DuplicateOf *string `json:"duplicate_of"`
		}
		if err := json.Unmarshal(d, &row); err != nil {
			t.Fatal(err)
		}
		if row.DuplicateOf != nil {
			links[row.ID] = *row.DuplicateOf
		}
	}
	return links
}

// history is a person's workouts, some of which are duplicates of others.
type history struct {
	primaries, all []string
	links          map[string]string
}

func drawHistory(s *gatewaytest.System, r *rapid.T, user uuid.UUID) history {
	begin := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	h := history{links: map[string]string{}}
	add := func() uuid.UUID {
		start := begin.Add(time.Duration(rapid.IntRange(0, 4).Draw(r, "start")) * time.Second)
		id := addWorkout(s, user, start)
		h.all = append(h.all, id.String())
		return id
	}
	for range rapid.IntRange(1, 6).Draw(r, "primaries") {
		primary := add()
		h.primaries = append(h.primaries, primary.String())
		for range rapid.IntRange(0, 2).Draw(r, "duplicates") {
			duplicate := add()
			s.Exec(`UPDATE projector.workouts SET duplicate_of = $2 WHERE id = $1`, duplicate, primary)
			h.links[duplicate.String()] = primary.String()
		}
	}
	return h
}

// Whatever is hidden between them, pages show every primary once, both ways, and
// with include=duplicates every record with its link. The total is that of primaries.
func TestPagesHideDuplicatesUnlessAsked(t *testing.T) {
	s := gatewaytest.New(t)
	rapid.Check(t, func(r *rapid.T) {
		user := s.User()
		h := drawHistory(s, r, user)
		limit := rapid.SampledFrom([]string{"1", "2", "3", "50"}).Draw(r, "limit")
		for _, include := range []string{"", "duplicates"} {
			query, want, links := url.Values{"limit": {limit}}, h.primaries, map[string]string{}
			if include != "" {
				query.Set("include", include)
				want, links = h.all, h.links
			}
			forwards, backwards := []string{}, []string{}
			shown := map[string]string{}
			for turns, next := 0, (*string)(nil); turns == 0 || next != nil; turns++ {
				if next != nil {
					query.Set("cursor", *next)
				}
				var p page
				s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
				if p.Pagination.TotalCount != len(h.primaries) {
					r.Fatalf("total_count is %d with include=%q, want %d", p.Pagination.TotalCount, include, len(h.primaries))
				}
				forwards = append(forwards, p.ids(t)...)
				for id, primary := range linksOf(t, p) {
					shown[id] = primary
				}
				if next = p.Pagination.NextCursor; next == nil {
					backwards = walkBack(t, s, user, query, p)
				}
			}
			if !sameSet(forwards, want) || !slices.Equal(backwards, forwards) {
				r.Fatalf("include=%q: forwards %d rows, backwards %d, want %d", include, len(forwards), len(backwards), len(want))
			}
			if len(shown) != len(links) {
				r.Fatalf("include=%q: %d links are shown, want %d", include, len(shown), len(links))
			}
			for id, primary := range links {
				if shown[id] != primary {
					r.Fatalf("%s is shown as a duplicate of %q, want %s", id, shown[id], primary)
				}
			}
		}
	})
}

// walkBack turns pages back from the last one to the first, and gives all rows in
// the order of the list.
func walkBack(t *testing.T, s *gatewaytest.System, user uuid.UUID, query url.Values, last page) []string {
	t.Helper()
	rows := last.ids(t)
	for last.Pagination.PreviousCursor != nil {
		query.Set("cursor", *last.Pagination.PreviousCursor)
		last = page{}
		s.Call(http.MethodGet, listPath(user, query), "", 200, &last)
		rows = append(last.ids(t), rows...)
	}
	return rows
}

// A hidden record stays a record: its own page says what it repeats.
func TestADuplicateIsServedByItsID(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	primary := addWorkout(s, user, time.Unix(1_790_000_000, 0))
	duplicate := addWorkout(s, user, time.Unix(1_790_000_060, 0))
	s.Exec(`UPDATE projector.workouts SET duplicate_of = $2 WHERE id = $1`, duplicate, primary)
	for id, want := range map[uuid.UUID]string{primary: "", duplicate: primary.String()} {
		var row struct {
			DuplicateOf *string `json:"duplicate_of"`
		}
		s.Call(http.MethodGet, "/api/v1/workouts/"+id.String(), "", 200, &row)
		got := ""
		if row.DuplicateOf != nil {
			got = *row.DuplicateOf
		}
		if got != want {
			t.Errorf("duplicate_of of %s is %q, want %q", id, got, want)
		}
	}
}
