package fitbit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/apptest"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

func TestNextLinksGiveEveryRecordOnce(t *testing.T) {
	a := newApp(t, nil)
	for i, p := range a.people {
		token, limit := a.connect(p).Access, []int{13, 100}[i%2]
		var want []string
		for _, w := range a.cloud.Truth(p.AccountID()) {
			want = append(want, w.ExternalID)
		}
		for _, start := range []string{"afterDate=2000-01-01&sort=asc", "beforeDate=2099-01-01T10:20:30&sort=desc"} {
			first := fmt.Sprintf("%s?%s&limit=%d&offset=0", listPath, start, limit)
			got, last := a.walk(token, first, p.AccountID())
			if strings.HasPrefix(start, "before") {
				slices.Reverse(got)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %d records, want each of %d once", first, len(got), len(want))
			}
			back := 1
			for last.Pagination.Previous != "" {
				last = a.page(token, last.Pagination.Previous)
				back++
			}
			if pages := (len(want) + limit - 1) / limit; back != pages {
				t.Errorf("%s: %d pages back, want %d", first, back, pages)
			}
		}
	}
}

// walk follows next verbatim, and wants each entry to be the record's bytes.
func (a *app) walk(token, address, account string) (ids []string, last page) {
	a.T.Helper()
	for address != "" {
		last = a.page(token, address)
		for _, record := range last.Activities {
			id := idOf(a.T, record)
			if !bytes.Equal(record, a.cloud.RawRecord(account, id)) {
				a.T.Fatalf("%s is not sent as RawRecord gives it:\n%s", id, record)
			}
			ids = append(ids, id)
		}
		address = last.Pagination.Next
	}
	return ids, last
}

func TestPaginationEchoesTheQuery(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(a.people[0]).Access
	got := a.page(token, listPath+"?afterDate=2026-03-01T04%3A05%3A06&sort=asc&limit=10&offset=0").Pagination
	want := a.Server.URL + listPath + "?offset=10&limit=10&sort=asc&afterDate=" + url.QueryEscape("2026-03-01T04:05:06")
	if got.Next != want || got.Previous != "" || got.AfterDate != "2026-03-01T04:05:06" || got.BeforeDate != "" || got.Sort != "asc" || got.Limit != 10 || got.Offset != 0 {
		t.Errorf("pagination %+v, want next %s", got, want)
	}
	fixed := newApp(t, func(o *fitbit.Options) { o.BaseURL = "https://cloud.example/" })
	next := fixed.page(fixed.connect(fixed.people[0]).Access, listPath+"?beforeDate=2026-03-01&sort=desc&limit=1").Pagination.Next
	if !strings.HasPrefix(next, "https://cloud.example/1/user/") {
		t.Errorf("next is %s", next)
	}
}

func TestAfterDateIsInclusiveAndBeforeDateExclusive(t *testing.T) {
	a := newApp(t, nil)
	p := a.people[3] // far from UTC: dates must be local
	token := a.connect(p).Access
	truths := a.cloud.Truth(p.AccountID())
	for _, w := range truths[len(truths)-20:] {
		second := w.Start.Format("2006-01-02T15:04:05")
		next := w.Start.Add(time.Second).Format("2006-01-02T15:04:05")
		tomorrow := w.Start.AddDate(0, 0, 1).Format(time.DateOnly)
		for query, want := range map[string]bool{
			"afterDate=" + w.LocalDate() + "&sort=asc":   true,
			"afterDate=" + second + "&sort=asc":          true,
			"afterDate=" + next + "&sort=asc":            false,
			"afterDate=" + tomorrow + "&sort=asc":        false,
			"beforeDate=" + w.LocalDate() + "&sort=desc": false,
			"beforeDate=" + second + "&sort=desc":        false,
			"beforeDate=" + next + "&sort=desc":          true,
			"beforeDate=" + tomorrow + "&sort=desc":      true,
		} {
			// One page is enough: the workouts are among the last, or the first of it.
			listed := slices.ContainsFunc(a.page(token, listPath+"?limit=100&"+query).Activities, func(record json.RawMessage) bool {
				return idOf(t, record) == w.ExternalID
			})
			if listed != want {
				t.Errorf("start %s: listed by %s: %v", second, query, !want)
			}
		}
	}
}

func TestListQueriesAreValidated(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(a.people[0]).Access
	for query, field := range map[string]string{
		"sort=asc&limit=10": "afterDate",
		"afterDate=2026-01-01&beforeDate=2026-02-01&sort=asc": "afterDate",
		"afterDate=2026-02-30&sort=asc":                       "afterDate",
		"beforeDate=2026-1-3&sort=desc":                       "beforeDate",
		"beforeDate=2026-01-03T10:00:00Z&sort=desc":           "beforeDate",
		"afterDate=today&sort=asc":                            "afterDate",
		"afterDate=2026-01-01&sort=desc":                      "sort",
		"beforeDate=2026-01-01&sort=asc":                      "sort",
		"afterDate=2026-01-01":                                "sort",
		"afterDate=2026-01-01&sort=asc&limit=101":             "limit",
		"afterDate=2026-01-01&sort=asc&limit=0":               "limit",
		"afterDate=2026-01-01&sort=asc&limit=ten":             "limit",
		"afterDate=2026-01-01&sort=asc&offset=-1":             "offset",
		"afterDate=2026-01-01&sort=asc&offset=x":              "offset",
	} {
		got := a.get(token, listPath+"?"+query)
		if got.Status != http.StatusBadRequest || errorType(t, got) != "validation "+field {
			t.Errorf("%s: %d %s", query, got.Status, got.Body)
		}
	}
}

func TestAnAccountWithoutAnythingHasNoActivitiesMember(t *testing.T) {
	novice, err := simulator.NewPerson(1, "novice", "UTC", simulator.Options{Since: noon.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(o *fitbit.Options) { o.People = append(o.People, novice) })
	got := a.get(a.connect(novice).Access, listPath+"?afterDate=2026-01-01&sort=asc")
	if got.Status != http.StatusOK || strings.Contains(got.Body, "activities\"") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	known := a.get(a.connect(a.people[0]).Access, listPath+"?afterDate=2099-01-01&sort=asc")
	if !strings.Contains(known.Body, `"activities":[]`) {
		t.Errorf("an empty window of a known account: %s", known.Body)
	}
}

func TestQuota(t *testing.T) {
	a := newApp(t, func(o *fitbit.Options) { o.QuotaPerHour = 3 })
	token := a.connect(a.people[0]).Access
	other := a.connect(a.people[1]).Access
	address := listPath + "?afterDate=2026-05-01&sort=asc&limit=1"
	check := func(got apptest.Answer, status, remaining, reset int) {
		t.Helper()
		h := got.Header
		if got.Status != status || h.Get("Fitbit-Rate-Limit-Limit") != "3" || h.Get("Fitbit-Rate-Limit-Remaining") != strconv.Itoa(remaining) ||
			h.Get("Fitbit-Rate-Limit-Reset") != strconv.Itoa(reset) {
			t.Errorf("status %d, headers %v, want %d with %d left and %d s", got.Status, h, status, remaining, reset)
		}
	}
	check(a.get(token, address), 200, 2, 3000) // at ten past
	check(a.get(token, address), 200, 1, 3000)
	check(a.get(token, "/1/user/-/profile.json"), 200, 0, 3000)
	a.clock.Forward(20 * time.Minute)
	refused := a.get(token, address)
	check(refused, 429, 0, 1800)
	if refused.Header.Get("Retry-After") != "1800" || errorType(t, refused) != "system n/a" {
		t.Errorf("429 with %v %s", refused.Header, refused.Body)
	}
	check(a.get(other, address), 200, 2, 1800)
	a.clock.Forward(30*time.Minute - time.Second)
	check(a.get(token, address), 429, 0, 1)
	a.clock.Forward(time.Second)
	check(a.get(token, address), 200, 2, 3600)
	if answers := a.cloud.Answers(); answers[429] != 2 {
		t.Errorf("answers %v, want two refusals", answers)
	}
}

func TestAnEnglishClientGetsMiles(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(a.people[0]).Access
	ask := func(language string) string {
		r := a.getRequest(token, listPath+"?afterDate=2026-01-01&sort=asc")
		r.Header.Set("Accept-Language", language)
		return a.Must(r).Body
	}
	if got := ask("en_US"); !strings.Contains(got, `"Mile"`) || strings.Contains(got, `"Kilometer"`) {
		t.Error("en_US does not get miles")
	}
	if got := ask("de_DE"); strings.Contains(got, `"Mile"`) || !strings.Contains(got, `"Kilometer"`) {
		t.Error("de_DE does not get kilometres")
	}
}
