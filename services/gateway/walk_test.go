package gateway_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// A walk to the end and back shows every row exactly once, whatever the page
// size, however many rows start at the same time, and while newer rows come in.
func TestCursorsWalkEveryRowOnceBothWays(t *testing.T) {
	s := gatewaytest.New(t)
	rapid.Check(t, func(r *rapid.T) {
		user := s.User()
		begin := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
		var rows []string
		for range rapid.IntRange(0, 12).Draw(r, "rows") {
			rows = append(rows, addWorkout(s, user, begin.Add(time.Duration(rapid.IntRange(0, 3).Draw(r, "start"))*time.Second)).String())
		}
		query := url.Values{"limit": {strconv.Itoa(rapid.IntRange(1, 5).Draw(r, "limit"))}}
		turn := func(cursor *string) (p page) {
			if cursor != nil {
				query.Set("cursor", *cursor)
			}
			s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
			return p
		}
		var seen []string
		var newer []string
		last := turn(nil)
		for seen = last.ids(t); last.Pagination.NextCursor != nil; seen = append(seen, last.ids(t)...) {
			if rapid.Bool().Draw(r, "insert") {
				newer = append(newer, addWorkout(s, user, begin.Add(time.Hour)).String())
			}
			last = turn(last.Pagination.NextCursor)
		}
		if last.Pagination.HasMore || !sameSet(seen, rows) {
			r.Fatalf("forwards: saw %d rows of %d, has_more %v", len(seen), len(rows), last.Pagination.HasMore)
		}
		if len(rows) == 0 {
			return
		}
		back := last.ids(t)
		for last.Pagination.PreviousCursor != nil {
			last = turn(last.Pagination.PreviousCursor)
			back = append(last.ids(t), back...)
		}
		if len(last.Data) == 0 && len(newer) > 0 {
			r.Fatalf("backwards ended on an empty page before %d newer rows", len(newer))
		}
		if want := slices.Concat(rows, newer); len(query["cursor"]) > 0 && !sameSet(back, want) {
			r.Fatalf("backwards: saw %d rows of %d", len(back), len(want))
		}
	})
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestCursorFitsOnlyItsQuery(t *testing.T) {
	s := gatewaytest.New(t)
	user, other := s.User(), s.User()
	for i := range 3 {
		addWorkout(s, user, time.Unix(int64(1_790_000_000+i), 0))
	}
	var p page
	s.Call(http.MethodGet, listPath(user, url.Values{"limit": {"1"}}), "", 200, &p)
	cursor := *p.Pagination.NextCursor
	s.Call(http.MethodGet, listPath(user, url.Values{"limit": {"2"}, "cursor": {cursor}}), "", 200, &p)
	tampered := "B" + cursor[1:]
	for _, a := range []gatewaytest.Answer{
		s.Do(gatewaytest.Request{Method: http.MethodGet, Path: listPath(user, url.Values{"cursor": {cursor}, "provider": {"fitbit"}})}),
		s.Do(gatewaytest.Request{Method: http.MethodGet, Path: listPath(other, url.Values{"cursor": {cursor}})}),
		s.Do(gatewaytest.Request{Method: http.MethodGet, Path: listPath(user, url.Values{"cursor": {tampered}})}),
		s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users/" + user.String() + "/syncs?cursor=" + cursor}),
	} {
		if q := checkProblem(t, "a foreign cursor", a, 400, "invalid_request"); len(q.Errors) != 1 || q.Errors[0].Field != "cursor" {
			t.Errorf("answered %s", a.Body)
		}
	}
}
