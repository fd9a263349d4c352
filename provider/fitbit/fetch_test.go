package fitbit

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

func testWindow() events.Window {
	to := time.Date(2026, 5, 3, 10, 0, 0, 0, time.UTC)
	return events.Window{From: to.AddDate(0, 0, -30), To: to}
}

func list(t *testing.T, c *provider.Connector, cursor string) (provider.Page, error) {
	t.Helper()
	return c.Sources[0].List.List(t.Context(), provider.ListRequest{Token: planted, Window: testWindow(), Cursor: cursor})
}

func entry(id, start string) string {
	return fmt.Sprintf(`{"logId":%s,"startTime":%q,"duration":1000}`, id, start)
}

func TestTheFirstPageAsksBeyondTheWindowsLastDay(t *testing.T) {
	for name, test := range map[string]struct{ to, before string }{
		"the same day everywhere but in the east": {"2026-05-03T10:00:00Z", "2026-05-05"},
		"early in the day":                        {"2026-05-03T00:00:00Z", "2026-05-04"},
		"end of a year":                           {"2026-12-31T23:00:00Z", "2027-01-02"},
	} {
		to, err := time.Parse(time.RFC3339, test.to)
		if err != nil {
			t.Fatal(err)
		}
		address, err := url.Parse((&activities{base: "https://x"}).firstPage(events.Window{To: to}))
		if err != nil {
			t.Fatal(err)
		}
		q := address.Query()
		if q.Get("beforeDate") != test.before || q.Get("sort") != "desc" || q.Get("limit") != "100" || q.Get("offset") != "0" || q.Has("afterDate") {
			t.Errorf("%s: %s", name, address)
		}
	}
}

// The link to the next page is followed to the byte, and only downwards to the
// window's start.
func TestNextIsFollowedVerbatim(t *testing.T) {
	var asked []string
	var authorization, language string
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		authorization, language = r.Header.Get("Authorization"), r.Header.Get("Accept-Language")
		next, start := "", "2026-05-01T10:00:00.000+02:00"
		if len(asked) == 1 {
			next = server.URL + listPath + "?offset=100&limit=100&sort=desc&beforeDate=2026-05-05T00%3A00%3A00&odd=%7e+"
		}
		_, _ = fmt.Fprintf(setJSON(w), `{"activities":[%s],"pagination":{"next":%q,"previous":""}}`, entry(fmt.Sprint(len(asked)), start), next)
	}))
	defer server.Close()
	c := New(Config{ClientID: testClientID, APIBaseURL: server.URL})
	first, err := list(t, c, "")
	if err != nil || first.Next == "" {
		t.Fatalf("first page: next %q, error %v", first.Next, err)
	}
	second, err := list(t, c, first.Next)
	if err != nil || second.Next != "" {
		t.Fatalf("second page: next %q, error %v", second.Next, err)
	}
	if want := listPath + "?offset=100&limit=100&sort=desc&beforeDate=2026-05-05T00%3A00%3A00&odd=%7e+"; asked[1] != want {
		t.Errorf("asked for\n%s\nwant\n%s", asked[1], want)
	}
	if authorization != "Bearer "+planted || language != "" {
		t.Errorf("authorization %q, language %q", authorization, language)
	}
}

func setJSON(w http.ResponseWriter) http.ResponseWriter {
	w.Header().Set("Content-Type", "application/json")
	return w
}

func TestReadingEndsBelowTheWindow(t *testing.T) {
	next := "https://api.fitbit.com" + listPath + "?offset=100&limit=100&sort=desc&beforeDate=2026-05-05"
	const inside, above, margin, below = "2026-04-20T08:00:00Z", "2026-05-04T08:00:00Z", "2026-04-02T08:00:00Z", "2026-03-20T08:00:00Z"
	for name, test := range map[string]struct {
		starts []string
		more   bool
	}{
		"inside":                      {[]string{above, inside, inside}, true},
		"within the margin":           {[]string{inside, margin}, true},
		"below":                       {[]string{inside, below, below, below}, false},
		"all below":                   {[]string{below}, false},
		"one out of order at the end": {[]string{inside, inside, below}, true},
		"one out of order before":     {[]string{below, inside, inside}, true},
		"unreadable ones in between":  {[]string{below, "never", below, "", below, "x"}, false},
		"nothing readable":            {[]string{"never", ""}, true},
		"an empty page with a link":   {nil, true},
	} {
		var entries []string
		for i, s := range test.starts {
			entries = append(entries, entry(fmt.Sprint(i+1), s))
		}
		body := fmt.Sprintf(`{"activities":[%s],"pagination":{"next":%q}}`, strings.Join(entries, ","), next)
		page, err := list(t, mirrored(t, body, next), "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if (page.Next != "") != test.more {
			t.Errorf("%s: next is %q, want one: %t", name, page.Next, test.more)
		}
	}
}

// mirrored answers with a body in which a link of the real host is one of the
// server's own.
func mirrored(t *testing.T, body, link string) *provider.Connector {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		own := strings.Replace(link, "https://api.fitbit.com", server.URL, 1)
		_, _ = setJSON(w).Write([]byte(strings.Replace(body, link, own, 1)))
	}))
	t.Cleanup(server.Close)
	return New(Config{ClientID: testClientID, APIBaseURL: server.URL})
}

// A link that leads elsewhere would carry the access token there.
func TestForeignLinksAreRefused(t *testing.T) {
	visited := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited = true }))
	defer elsewhere.Close()
	for name, link := range map[string]string{
		"another host": elsewhere.URL + listPath + "?offset=100", "another scheme": "ftp://api.fitbit.com" + listPath,
		"no host": listPath + "?offset=100", "user info": "https://user:pass@api.fitbit.com" + listPath, "not a URL": "://",
		"the host as a prefix": "https://api.fitbit.com.example.com" + listPath,
	} {
		body := fmt.Sprintf(`{"activities":[%s],"pagination":{"next":%q}}`, entry("1", "2026-05-01T10:00:00Z"), link)
		_, err := list(t, answering(t, 200, asJSON, body), "")
		if e := wantClean(t, err); e.Class != provider.ClassInvalidResponse || e.Reason != reasonForeignNext {
			t.Errorf("%s in an answer: %v", name, err)
		}
		_, err = list(t, answering(t, 200, asJSON, body), link)
		if e := wantClean(t, err); e.Class != provider.ClassBadRequest || e.Reason != reasonBadCursor {
			t.Errorf("%s as a cursor: %v", name, err)
		}
	}
	if visited {
		t.Error("the other host was called")
	}
	mirror := &activities{base: "https://mirror.example/fitbit"}
	for link, ours := range map[string]bool{
		"https://mirror.example/fitbit/1/user/-/activities/list.json": true,
		"https://MIRROR.example/fitbit/1/x":                           true,
		"https://mirror.example/other/1/x":                            false,
		"https://mirror.example/fitbit/../other":                      false,
		"https://mirror.example/fitbit/%2e%2e/other":                  false,
	} {
		if mirror.ours(link) != ours {
			t.Errorf("%s: ours is %t", link, !ours)
		}
	}
}

func TestLinksThatGoInCirclesAreRefused(t *testing.T) {
	f := &activities{base: "https://x"}
	at := "https://x" + listPath + "?limit=100&offset=100"
	for next, reason := range map[string]string{
		at: reasonCircularNext, "https://x" + listPath + "?offset=100": reasonCircularNext, "https://x" + listPath + "?offset=0": reasonCircularNext,
		"https://x" + listPath + "?offset=101": "", "https://x" + listPath + "?token=2": "",
	} {
		if got := f.refuseNext(at, next); got != reason {
			t.Errorf("%s: got %q, want %q", next, got, reason)
		}
	}
}

func TestRecordsKeepTheirBytes(t *testing.T) {
	raws := []string{
		"{ \"logId\" : 2471190346655808113 ,\n\t\"startTime\":\"2026-05-01T10:00:00.000Z\", \"distance\":1.0, \"x\":\"<&>\u2028\\u00e9\" }",
		`{"logId":18446744073709551615,"startTime":"2026-05-01T09:00:00.000+05:45","lastModified":"2026-05-02T00:00:00.000Z"}`,
		`{"logId":"41000000001","startTime":"2026-05-01T09:00:00.000Z"}`,
		`{"logId":18446744073709551616,"startTime":"2026-05-01T09:00:00.000Z"}`,
		`{"logId":2.4711903466558081e18,"startTime":"2026-05-01T09:00:00.000Z"}`,
		`{"startTime":"2026-05-01T09:00:00.000Z","tcxLink":"https://a"}`,
		`{"logId":7,"startTime":"2026-05-01T09:00:00.000"}`,
		`{"logId":8}`,
		`[1.0]`,
		`null`,
	}
	page, err := list(t, answering(t, 200, asJSON, "\ufeff{\"activities\":[ "+strings.Join(raws, " ,\n")+" ]}"), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		id        string // empty: made up
		start, ok bool
	}{
		{"2471190346655808113", true, true}, {"18446744073709551615", true, true}, {"41000000001", true, true},
		{"", true, false}, {"", true, false}, {"", true, false}, {"7", false, false}, {"8", false, false}, {"", false, false}, {"", false, false},
	}
	ids := map[string]bool{}
	for i, a := range page.Records {
		if !bytes.Equal(a.Raw, []byte(raws[i])) {
			t.Errorf("%s came as %s", raws[i], a.Raw)
		}
		if want[i].id != "" && a.ExternalID != want[i].id || want[i].id == "" && !strings.HasPrefix(a.ExternalID, "unidentified-") {
			t.Errorf("%s has id %s", raws[i], a.ExternalID)
		}
		if (a.StartedAt != nil) != want[i].start || (a.Problem == "") != want[i].ok || a.Format != FormatActivityList {
			t.Errorf("%s: start %v, problem %q", raws[i], a.StartedAt, a.Problem)
		}
		ids[a.ExternalID] = true
	}
	if len(ids) != len(raws) {
		t.Errorf("%d records have %d ids", len(raws), len(ids))
	}
	if want := time.Date(2026, 5, 1, 3, 15, 0, 0, time.UTC); !page.Oldest.Equal(want) {
		t.Errorf("oldest is %s, want %s", page.Oldest, want)
	}
	if m := page.Records[1].ModifiedAt; m == nil || !m.Equal(time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("modified at %v", m)
	}
	if a, b := activityOf([]byte(raws[5])), activityOf([]byte(strings.Replace(raws[5], "//a", "//b", 1))); a.ExternalID != b.ExternalID {
		t.Error("a made-up id depends on a link")
	}
}

func TestAnswersThatAreNoPage(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header map[string]string
		body   string
		class  provider.Class
	}{
		"truncated":              {200, asJSON, `{"activities":[`, provider.ClassInvalidResponse},
		"empty":                  {200, asJSON, ``, provider.ClassInvalidResponse},
		"null":                   {200, asJSON, `null`, provider.ClassInvalidResponse},
		"array":                  {200, asJSON, `[]`, provider.ClassInvalidResponse},
		"activities no array":    {200, asJSON, `{"activities":{}}`, provider.ClassInvalidResponse},
		"next no string":         {200, asJSON, `{"activities":[],"pagination":{"next":7}}`, provider.ClassInvalidResponse},
		"pagination no object":   {200, asJSON, `{"activities":[],"pagination":[]}`, provider.ClassInvalidResponse},
		"errors with 200":        {200, asJSON, fitbitError("system"), provider.ClassInvalidResponse},
		"something else":         {200, asJSON, `{"message":"` + planted + `"}`, provider.ClassInvalidResponse},
		"two values":             {200, asJSON, `{"activities":[]} {}`, provider.ClassInvalidResponse},
		"HTML":                   {200, asHTML, `{"activities":[]}`, provider.ClassInvalidResponse},
		"no content":             {204, nil, ``, provider.ClassBadRequest},
		"redirect":               {302, map[string]string{"Location": "https://example.com/"}, "", provider.ClassInvalidResponse},
		"bad parameter":          {400, asJSON, fitbitError("validation"), provider.ClassBadRequest},
		"grant word on the list": {400, asJSON, fitbitError("invalid_grant"), provider.ClassBadRequest},
		"expired":                {401, asJSON, fitbitError("expired_token"), provider.ClassUnauthorized},
		"header missing":         {401, asJSON, fitbitError("invalid_request"), provider.ClassUnauthorized},
		"empty 401":              {401, nil, "", provider.ClassUnauthorized},
		"HTML 401":               {401, asHTML, "<html>" + planted, provider.ClassInvalidResponse},
		"app deleted":            {401, asJSON, fitbitError("invalid_client"), provider.ClassInvalidClient},
		"scope":                  {403, asJSON, fitbitError("insufficient_scope"), provider.ClassInsufficientScope},
		"read-only app":          {403, asJSON, fitbitError("insufficient_permissions"), provider.ClassBadRequest},
		"HTML 403":               {403, asHTML, "<html>" + planted, provider.ClassInvalidResponse},
		"not found":              {404, asJSON, fitbitError("not_found"), provider.ClassNotFound},
		"gone":                   {410, asHTML, "<html>" + planted, provider.ClassGone},
		"quota":                  {429, asJSON, fitbitError("request"), provider.ClassRateLimited},
		"maintenance":            {503, asHTML, "<html>" + planted, provider.ClassUnavailable},
	} {
		_, err := list(t, answering(t, test.status, test.header, test.body), "")
		if e := wantClean(t, err); e.Class != test.class || e.Op != opList {
			t.Errorf("%s: got %s (%s), want %s", name, e.Class, e.Op, test.class)
		}
	}
	for name, body := range map[string]string{
		"no activities": `{"pagination":{"next":"","previous":"","limit":100}}`, "null": `{"activities":null,"pagination":null}`,
		"nothing at all": `{}`, "no pagination": `{"activities":[]}`, "no errors": `{"activities":[],"errors":[]}`,
	} {
		if page, err := list(t, answering(t, 200, asJSON, body), ""); err != nil || len(page.Records) != 0 || page.Next != "" {
			t.Errorf("%s: %d records, next %q, error %v", name, len(page.Records), page.Next, err)
		}
	}
}

func TestAPageThatIsTooLarge(t *testing.T) {
	body := `{"activities":[],"filler":"` + strings.Repeat("x", maxPage) + `"}`
	_, err := list(t, answering(t, 200, asJSON, body), "")
	if e := wantClean(t, err); e.Class != provider.ClassTooLarge {
		t.Errorf("got %v", err)
	}
}

func TestQuota(t *testing.T) {
	now := time.Date(2026, 5, 3, 21, 23, 3, 0, time.UTC)
	top := time.Date(2026, 5, 3, 22, 0, 0, 0, time.UTC)
	all := func(limit, remaining, reset string) map[string]string {
		return map[string]string{headerLimit: limit, headerRemaining: remaining, headerReset: reset}
	}
	for name, test := range map[string]struct {
		header map[string]string
		quota  bool
		reset  time.Time // of the quota
		retry  time.Time // of a 429
	}{
		"seconds, as recorded":   {all("150", "3", "2216"), true, now.Add(2216 * time.Second), now.Add(2216 * time.Second)},
		"zero seconds":           {all("150", "0", "0"), true, now, now},
		"a Unix timestamp":       {all("150", "3", "1777845600"), true, time.Unix(1777845600, 0), time.Unix(1777845600, 0)},
		"no reset":               {map[string]string{headerLimit: "150", headerRemaining: "3"}, true, top, top},
		"no headers":             {nil, false, time.Time{}, top},
		"only Retry-After":       {map[string]string{"Retry-After": "90"}, false, time.Time{}, now.Add(90 * time.Second)},
		"Retry-After as a date":  {map[string]string{"Retry-After": "Sun, 03 May 2026 21:30:00 GMT"}, false, time.Time{}, now.Add(417 * time.Second)},
		"reset over Retry-After": {map[string]string{"Retry-After": "90", headerReset: "100"}, false, time.Time{}, now.Add(100 * time.Second)},
		"nonsense":               {all("many", "-1", "soon"), false, time.Time{}, top},
		"absurd":                 {all("150", "1", "99999999999999999999"), true, top, top},
	} {
		h := http.Header{}
		for k, v := range test.header {
			h.Set(k, v)
		}
		q := quotasOf(h, now)
		if (len(q) == 1) != test.quota || test.quota && (q[0].Limit != 150 || !q[0].ResetAt.Equal(test.reset)) {
			t.Errorf("%s: quota %+v, want reset %s", name, q, test.reset)
		}
		e := failure(opList, httpcall.Answer{Status: http.StatusTooManyRequests, Header: h}, now)
		if !e.RetryAt.Equal(test.retry) || (len(e.Quotas) > 0) != test.quota {
			t.Errorf("%s: retry at %s, quota %+v, want %s", name, e.RetryAt, e.Quotas, test.retry)
		}
	}
}

func FuzzListPage(f *testing.F) {
	for _, seed := range []string{
		`{"activities":[{"logId":1,"startTime":"2026-05-01T10:00:00.000Z"},7,null],"pagination":{"next":"https://x/1?offset=100"}}`,
		`{"activities":null}`, `{}`, `{"errors":[{"errorType":"system"}]}`, "\ufeff{\"activities\":[ { } ]}", `{"activities":[{"logId":1e9}]}`,
		`{"activities":[{"logId":1,"logId":2,"startTime":"2026-05-01T10:00:00.000+99:99"}]}`, "{\"activities\":[\"\xff\"]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := parseList(body)
		if err != nil {
			return
		}
		for _, entry := range page.Entries {
			a := activityOf(entry)
			if a.ExternalID == "" || !bytes.Equal(a.Raw, entry) || !bytes.Contains(body, a.Raw) {
				t.Fatalf("record %q has id %q and bytes %q", entry, a.ExternalID, a.Raw)
			}
			if a.StartedAt == nil && a.Problem == "" {
				t.Fatalf("record %q has neither a start nor a problem", entry)
			}
		}
	})
}
