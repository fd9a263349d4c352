package gateway_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// A walk shows the rows that fit in the order that was asked for, and the walk back shows
// the same pages, whatever types and providers are asked for, the page size, and how many
// rows start at the same time.
func TestWalksInEitherOrder(t *testing.T) {
	s := gatewaytest.New(t)
	rapid.Check(t, func(r *rapid.T) {
		user := s.User()
		types := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"running", "yoga", "swimming", "rowing"}), 0, 3, rapid.ID).Draw(r, "types")
		providers := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"fitbit", "google_health"}), 0, 2, rapid.ID).Draw(r, "providers")
		ascending, hidden := rapid.Bool().Draw(r, "ascending"), rapid.Bool().Draw(r, "hidden too")
		var want []stored
		total := 0
		for _, w := range rapid.SliceOfN(rapid.Custom(drawStored), 0, 14).Draw(r, "rows") {
			w.store(s, user)
			if (len(types) > 0 && !slices.Contains(types, w.kind)) || (len(providers) > 0 && !slices.Contains(providers, w.provider)) {
				continue
			}
			if !w.hidden {
				total++
			}
			if !w.hidden || hidden {
				want = append(want, w)
			}
		}
		slices.SortFunc(want, func(a, b stored) int {
			order := cmp.Or(a.start.Compare(b.start), strings.Compare(a.id, b.id))
			if !ascending {
				return -order
			}
			return order
		})
		query := url.Values{"limit": {strconv.Itoa(rapid.IntRange(1, 5).Draw(r, "limit"))}, "record_type": spell(r, types), "provider": spell(r, providers)}
		if ascending {
			query.Set("sort_order", "asc")
		}
		if hidden {
			query.Set("include", "duplicates")
		}
		there, back := walk(t, s, user, query)
		if got := slices.Concat(there...); fmt.Sprint(got) != fmt.Sprint(idsOf(want)) {
			r.Fatalf("%v: the walk shows %v, want %v", query, got, idsOf(want))
		}
		if fmt.Sprint(back) != fmt.Sprint(there) {
			r.Fatalf("%v: the walk back shows %v, and the walk there %v", query, back, there)
		}
		query.Del("cursor")
		var p page
		s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
		if p.Pagination.TotalCount != total {
			r.Fatalf("%v: the total is %d, want %d", query, p.Pagination.TotalCount, total)
		}
	})
}

// spell writes several values as clients do: repeated, with commas, or both.
func spell(r *rapid.T, values []string) (spelled []string) {
	for i, v := range values {
		if i > 0 && rapid.Bool().Draw(r, "comma") {
			spelled[len(spelled)-1] += "," + v
			continue
		}
		spelled = append(spelled, v)
	}
	return spelled
}

func idsOf(rows []stored) []string {
	ids := make([]string, len(rows))
	for i, w := range rows {
		ids[i] = w.id
	}
	return ids
}

// walk gives the pages of a walk to the end, and those of the walk back, both in the
// order of the list.
func walk(t *testing.T, s *gatewaytest.System, user uuid.UUID, query url.Values) (there, back [][]string) {
	t.Helper()
	turn := func(cursor *string) (p page) {
		if cursor != nil {
			query.Set("cursor", *cursor)
		}
		s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
		if p.Pagination.HasMore != (p.Pagination.NextCursor != nil) {
			t.Errorf("%v: has_more is %v", query, p.Pagination.HasMore)
		}
		return p
	}
	p := turn(nil)
	there = append(there, p.ids(t))
	for p.Pagination.NextCursor != nil {
		p = turn(p.Pagination.NextCursor)
		there = append(there, p.ids(t))
	}
	back = append(back, p.ids(t))
	for p.Pagination.PreviousCursor != nil {
		p = turn(p.Pagination.PreviousCursor)
		back = append([][]string{p.ids(t)}, back...)
	}
	return there, back
}

// Newer rows that come while somebody walks are shown at the end of an ascending list.
func TestAnAscendingWalkMeetsNewRows(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	begin := time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC)
	first, second := addWorkout(s, user, begin), addWorkout(s, user, begin.Add(time.Hour))
	query := url.Values{"limit": {"1"}, "sort_order": {"asc"}}
	var p page
	s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
	got := p.ids(t)
	third := addWorkout(s, user, begin.Add(2*time.Hour))
	for p.Pagination.NextCursor != nil {
		query.Set("cursor", *p.Pagination.NextCursor)
		s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
		got = append(got, p.ids(t)...)
	}
	if fmt.Sprint(got) != fmt.Sprint(texts([]uuid.UUID{first, second, third})) {
		t.Errorf("the walk shows %v", got)
	}
	query.Set("sort_order", "desc")
	checkProblem(t, "a cursor of the other order", s.Do(gatewaytest.Request{Method: http.MethodGet, Path: listPath(user, query)}), 400, "invalid_request")
}

// What is asked for and not known is a 400 that says what to write instead.
func TestUnknownFilterValuesAreNamed(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	yoga := addWorkout(s, user, time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC))
	s.Exec(`UPDATE projector.workouts SET type = 'yoga' WHERE id = $1`, yoga)
	addWorkout(s, user, time.Date(2026, 9, 1, 7, 0, 0, 0, time.UTC))
	ask := func(query string) gatewaytest.Answer {
		return s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users/" + user.String() + "/events/workouts?" + query})
	}
	for query, want := range map[string]struct{ field, says string }{
		"record_type=runnin":                       {"record_type", `"runnin" is not a workout type: did you mean running`},
		"record_type=yoga,pickelbal":               {"record_type", `"pickelbal" is not a workout type: did you mean pickelball`},
		"record_type=yoga&record_type=bike":        {"record_type", "mountain_bike"},
		"type=zzzzzzzz":                            {"type", "such as running, walking, biking"},
		"type=yoga&record_type=running":            {"type", "another name of record_type"},
		"record_type=yoga,,running":                {"record_type", "empty value"},
		"record_type=":                             {"record_type", "empty value"},
		"record_type=a" + strings.Repeat(",a", 32): {"record_type", "more than 32 values"},
		"record_type=" + strings.Repeat("a", 65):   {"record_type", "at most 64 characters"},
		"provider=polar":                           {"provider", `"polar" is not a provider of this installation: known are fitbit, google_health`},
		"provider=fitbit,Fitbit":                   {"provider", `"Fitbit" is not a provider`},
		"sort_order=up":                            {"sort_order", "asc, desc"},
		"sort_order=asc&sort_order=desc":           {"sort_order", "more than once"},
	} {
		p := checkProblem(t, query, ask(query), 400, "invalid_request")
		if len(p.Errors) != 1 || p.Errors[0].Field != want.field || !strings.Contains(p.Errors[0].Message, want.says) {
			t.Errorf("%s: %+v", query, p.Errors)
		}
	}
	for _, query := range []string{"type=yoga", "type=YOGA&record_type=yoga", "type=yoga,rowing&record_type=rowing&record_type=Yoga", "record_type=yoga,yoga", "type=yoga&provider=fitbit,google_health"} {
		a := ask(query)
		if a.Status != 200 || strings.Count(string(a.Body), yoga.String()) != 1 || !strings.Contains(string(a.Body), `"total_count":1}`) {
			t.Errorf("%s answers %d: %s", query, a.Status, a.Body)
		}
	}
}
