package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// Every page says what the first one counted, whatever comes between.
func TestTheTotalIsCountedOnce(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	begin := time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC)
	for i := range 4 {
		addWorkout(s, user, begin.Add(time.Duration(i)*time.Hour))
	}
	query := url.Values{"limit": {"1"}}
	turn := func(cursor *string) (p page) {
		if cursor != nil {
			query.Set("cursor", *cursor)
		}
		s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
		return p
	}
	pages := []page{turn(nil)}
	addWorkout(s, user, begin.Add(-time.Hour))
	for range 3 {
		pages = append(pages, turn(pages[len(pages)-1].Pagination.NextCursor))
	}
	pages = append(pages, turn(pages[3].Pagination.PreviousCursor))
	for i, p := range pages {
		if p.Pagination.TotalCount != 4 {
			t.Errorf("page %d says %d, and the first one counted 4", i, p.Pagination.TotalCount)
		}
	}
	query.Del("cursor")
	if p := turn(nil); p.Pagination.TotalCount != 5 {
		t.Errorf("a new first page says %d, want 5", p.Pagination.TotalCount)
	}
}

// A cursor of an older program carries no total, so its page counts.
func TestACursorWithoutTotalIsCounted(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	begin := time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC)
	addWorkout(s, user, begin)
	newer := addWorkout(s, user, begin.Add(time.Hour))
	list := cursor.NewFilter("workouts", user.String(), "", "", "", "", "false")
	word := func(total cursor.Total) url.Values {
		return url.Values{"limit": {"1"}, "cursor": {list.Encode(cursor.Place{Time: begin.Add(time.Hour), ID: newer, Total: total})}}
	}
	var p page
	s.Call(http.MethodGet, listPath(user, word(cursor.Total{})), "", 200, &p)
	if len(p.Data) != 1 || p.Pagination.TotalCount != 2 {
		t.Errorf("%d rows and a total of %d", len(p.Data), p.Pagination.TotalCount)
	}
	// A client that writes a total into a cursor sees it again, and nothing else changes.
	s.Call(http.MethodGet, listPath(user, word(cursor.Of(777))), "", 200, &p)
	if len(p.Data) != 1 || p.Pagination.TotalCount != 777 || p.Pagination.HasMore {
		t.Errorf("%d rows, a total of %d, more %v", len(p.Data), p.Pagination.TotalCount, p.Pagination.HasMore)
	}
	forged := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: listPath(user, word(cursor.Of(-5)))})
	checkProblem(t, "a total below zero", forged, 400, "invalid_request")
}

// Up to 10,000 rows that dates select are counted. Without dates every number is known.
func TestATotalOfManyRowsBetweenDatesIsNull(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	fill := func(first, last int) {
		s.Exec(`INSERT INTO projector.workouts (id, user_id, start_time, local_date, doc)
			SELECT gen_random_uuid(), $1, at, at::date, '{"n":1}' FROM (SELECT timestamptz '2020-01-01T06:00:00Z' + n * interval '1 hour' AS at
			FROM generate_series($2::int, $3::int) n) hours`, user, first, last)
	}
	total := func(query url.Values) *int {
		var p struct {
			Pagination struct {
				NextCursor *string `json:"next_cursor"`
				TotalCount *int    `json:"total_count"`
			} `json:"pagination"`
		}
		s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
		first := p.Pagination.TotalCount
		if p.Pagination.NextCursor != nil {
			query.Set("cursor", *p.Pagination.NextCursor)
			s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
			if second := p.Pagination.TotalCount; (first == nil) != (second == nil) || first != nil && *first != *second {
				t.Errorf("%v: the first page says %v, the second %v", query, first, second)
			}
		}
		return first
	}
	fill(1, 10_000)
	if n := total(url.Values{"start_date": {"2020-01-01"}}); n == nil || *n != 10_000 {
		t.Errorf("10,000 rows between dates give a total of %v", n)
	}
	fill(10_001, 10_001)
	if n := total(url.Values{"start_date": {"2020-01-01"}}); n != nil {
		t.Errorf("10,001 rows between dates give a total of %d, want null", *n)
	}
	if n := total(url.Values{}); n == nil || *n != 10_001 {
		t.Errorf("10,001 rows give a total of %v", n)
	}
}

// stored is a workout as a test knows it.
type stored struct {
	id                    string
	start                 time.Time
	day                   string // that it is filed under
	kind, provider        string
	hidden, offsetUnknown bool
}

func drawStored(r *rapid.T) stored {
	w := stored{
		id:       uuid.NewString(),
		start:    time.Date(2026, 9, rapid.IntRange(1, 5).Draw(r, "day"), rapid.IntRange(-20, 20).Draw(r, "hour"), 0, 0, 0, time.UTC),
		kind:     rapid.SampledFrom([]string{"running", "yoga", "swimming"}).Draw(r, "type"),
		provider: rapid.SampledFrom([]string{"fitbit", "google_health"}).Draw(r, "provider"),
		hidden:   rapid.IntRange(0, 3).Draw(r, "hidden") == 0, offsetUnknown: rapid.IntRange(0, 3).Draw(r, "offset unknown") == 0,
	}
	w.day = w.start.Format(time.DateOnly)
	if !w.offsetUnknown {
		offset := time.Duration(rapid.SampledFrom([]int{-18, -12, -8, 0, 2, 14, 18}).Draw(r, "offset")) * time.Hour
		w.day = w.start.Add(offset).Format(time.DateOnly)
	}
	return w
}

func (w stored) store(s *gatewaytest.System, user uuid.UUID) {
	var day *string
	if !w.offsetUnknown {
		day = &w.day
	}
	var primary *uuid.UUID
	if w.hidden {
		other := uuid.New()
		primary = &other
	}
	s.Exec(`INSERT INTO projector.workouts (id, user_id, start_time, local_date, type, provider, duplicate_of, doc)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, w.id, user, w.start, day, w.kind, w.provider, primary, `{"id":"`+w.id+`"}`)
}

// A local day is found whole and alone, however far its offset is from UTC.
func TestALocalDayIsFoundWhole(t *testing.T) {
	s := gatewaytest.New(t)
	midnight := time.Date(2026, 9, 3, 0, 0, 0, 0, time.UTC)
	for _, hours := range []int{-18, -12, -8, 0, 2, 14, 18} {
		user := s.User()
		var want []string
		for _, local := range []time.Duration{-time.Second, 0, 24*time.Hour - time.Second, 24 * time.Hour} {
			w := stored{id: uuid.NewString(), start: midnight.Add(local - time.Duration(hours)*time.Hour), kind: "running", provider: "fitbit"}
			w.day = midnight.Add(local).Format(time.DateOnly)
			w.store(s, user)
			if w.day == "2026-09-03" {
				want = append(want, w.id)
			}
		}
		var p page
		s.Call(http.MethodGet, listPath(user, url.Values{"start_date": {"2026-09-03"}, "end_date": {"2026-09-04"}}), "", 200, &p)
		if !sameSet(p.ids(t), want) || p.Pagination.TotalCount != 2 {
			t.Errorf("UTC%+d: the day shows %d rows of %d, want the 2 that start in it", hours, len(p.Data), p.Pagination.TotalCount)
		}
	}
}

// Whatever filters are combined, the pages show exactly the rows that fit, a local day
// meaning the workout's own, and the total is their number without the hidden ones.
func TestEveryCombinationOfFiltersShowsWhatFits(t *testing.T) {
	s := gatewaytest.New(t)
	rapid.Check(t, func(r *rapid.T) {
		user := s.User()
		rows := rapid.SliceOfN(rapid.Custom(drawStored), 0, 12).Draw(r, "rows")
		for _, w := range rows {
			w.store(s, user)
		}
		query := url.Values{"limit": {strconv.Itoa(rapid.IntRange(1, 9).Draw(r, "limit"))}}
		maybe := func(name string, values ...string) string {
			v := rapid.SampledFrom(append(values, "")).Draw(r, name)
			if v != "" {
				query.Set(name, v)
			}
			return v
		}
		kind, provider := maybe("record_type", "running", "yoga", "rowing"), maybe("provider", "fitbit", "google_health")
		include := maybe("include", "duplicates")
		start, end := maybe("start_date", "2026-09-01", "2026-09-03"), maybe("end_date", "2026-09-04", "2026-09-05")
		var want []string
		total := 0
		for _, w := range rows {
			fits := (kind == "" || w.kind == kind) && (provider == "" || w.provider == provider) && w.day >= start && (end == "" || w.day < end)
			if fits && !w.hidden {
				total++
			}
			if fits && (!w.hidden || include != "") {
				want = append(want, w.id)
			}
		}
		var shown []string
		for turns, next := 0, (*string)(nil); turns == 0 || next != nil; turns++ {
			if next != nil {
				query.Set("cursor", *next)
			}
			var p page
			s.Call(http.MethodGet, listPath(user, query), "", 200, &p)
			if p.Pagination.TotalCount != total {
				r.Fatalf("%v: the total is %d, want %d", query, p.Pagination.TotalCount, total)
			}
			shown, next = append(shown, p.ids(t)...), p.Pagination.NextCursor
		}
		slices.Sort(shown)
		slices.Sort(want)
		if fmt.Sprint(shown) != fmt.Sprint(want) {
			r.Fatalf("%v: %d rows are shown, want %d", query, len(shown), len(want))
		}
	})
}
