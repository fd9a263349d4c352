package googlehealth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

func testWindow() events.Window {
	return events.Window{From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 5, 8, 0, 0, 0, 0, time.UTC)}
}

func listFrom(t *testing.T, c *provider.Connector, cursor string) (provider.Page, error) {
	t.Helper()
	return c.Sources[0].List.List(t.Context(), provider.ListRequest{Token: planted, Window: testWindow(), Cursor: cursor})
}

func rpcStatus(status int, canonical, reason, metadata string) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":"see %s","status":%q,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":%q,"domain":"health.googleapis.com","metadata":%s}]}}`,
		status, planted, canonical, reason, metadata)
}

// Section 7 for the list.
func TestListFailures(t *testing.T) {
	bare := func(status int, message string) string {
		return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":"X"}}`, status, message)
	}
	for name, test := range map[string]struct {
		reply
		class  provider.Class
		reason string
	}{
		"token refused":       {reply{401, asJSON, bare(401, "invalid authentication credentials "+planted)}, provider.ClassUnauthorized, ""},
		"scope missing":       {reply{403, asJSON, rpcStatus(403, "PERMISSION_DENIED", "MISSING_OAUTH_SCOPE", "{}")}, provider.ClassInsufficientScope, "MISSING_OAUTH_SCOPE"},
		"scope, front end":    {reply{403, asJSON, rpcStatus(403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "7")}, provider.ClassInsufficientScope, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"},
		"sudden refusal":      {reply{403, asJSON, rpcStatus(403, "PERMISSION_DENIED", "DATA_ACCESS_DENIED", "{}")}, provider.ClassInsufficientScope, "DATA_ACCESS_DENIED"},
		"sudden refusal 2":    {reply{403, asJSON, rpcStatus(403, "PERMISSION_DENIED", "RESOURCE_PERMISSION_DENIED", "{}")}, provider.ClassInsufficientScope, "RESOURCE_PERMISSION_DENIED"},
		"old account":         {reply{403, asJSON, bare(403, "The caller does not have permission")}, provider.ClassInsufficientScope, events.ReasonAccountNotLinked},
		"profile gone":        {reply{412, asJSON, bare(412, "Precondition check failed.")}, provider.ClassInsufficientScope, events.ReasonAccountNotLinked},
		"preview":             {reply{403, asJSON, rpcStatus(403, "PERMISSION_DENIED", "API_PRIVATE_PREVIEW_ACCESS_DENIED", "{}")}, provider.ClassNotAdmitted, "API_PRIVATE_PREVIEW_ACCESS_DENIED"},
		"cloud-platform":      {reply{403, asJSON, rpcStatus(403, "PERMISSION_DENIED", "DISALLOWED_OAUTH_SCOPES", `{"disallowed_scopes":"x"}`)}, provider.ClassNotAdmitted, "DISALLOWED_OAUTH_SCOPES"},
		"unknown 403":         {reply{403, asJSON, rpcStatus(403, "PERMISSION_DENIED", "BRAND_NEW_"+planted, "{}")}, provider.ClassBadRequest, ""},
		"HTML 403":            {reply{403, asHTML, "<html>" + planted}, provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"token expired":       {reply{400, asJSON, rpcStatus(400, "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "{}")}, provider.ClassBadRequest, "INVALID_PAGE_TOKEN"},
		"type not offered":    {reply{400, asJSON, rpcStatus(400, "INVALID_ARGUMENT", "UNSUPPORTED_DATA_TYPE_ACTION", "{}")}, provider.ClassBadRequest, "UNSUPPORTED_DATA_TYPE_ACTION"},
		"not found":           {reply{404, asJSON, rpcStatus(404, "NOT_FOUND", "RESOURCE_NOT_FOUND", "{}")}, provider.ClassNotFound, "RESOURCE_NOT_FOUND"},
		"HTML 404":            {reply{404, asHTML, "<html>" + planted}, provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"empty 404":           {reply{404, nil, ""}, provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"server error":        {reply{500, asJSON, rpcStatus(500, "INTERNAL", "INTERNAL_ERROR", "{}")}, provider.ClassUnavailable, "INTERNAL_ERROR"},
		"maintenance":         {reply{503, asHTML, "<html>"}, provider.ClassUnavailable, ""},
		"switched off":        {reply{410, nil, ""}, provider.ClassGone, ""},
		"a redirect":          {reply{302, map[string]string{"Location": "https://example.com/" + planted}, ""}, provider.ClassInvalidResponse, httpcall.ReasonRedirect},
		"HTML with 200":       {reply{200, asHTML, "<html>" + planted}, provider.ClassInvalidResponse, httpcall.ReasonNotJSON},
		"another object":      {reply{200, asJSON, `{"rollupDataPoints":[]}`}, provider.ClassInvalidResponse, httpcall.ReasonIncomplete},
		"an error with 200":   {reply{200, asJSON, `{"dataPoints":[],"error":{"code":500}}`}, provider.ClassInvalidResponse, httpcall.ReasonIncomplete},
		"points of no kind":   {reply{200, asJSON, `{"dataPoints":{}}`}, provider.ClassInvalidResponse, httpcall.ReasonIncomplete},
		"a token of no kind":  {reply{200, asJSON, `{"dataPoints":[],"nextPageToken":7}`}, provider.ClassInvalidResponse, httpcall.ReasonIncomplete},
		"truncated":           {reply{200, asJSON, `{"dataPoints":[{"name":"` + planted}, provider.ClassInvalidResponse, httpcall.ReasonIncomplete},
		"an array":            {reply{200, asJSON, `[]`}, provider.ClassInvalidResponse, httpcall.ReasonIncomplete},
		"the same token anew": {reply{200, asJSON, `{"nextPageToken":"t"}`}, provider.ClassInvalidResponse, reasonCircular},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := listFrom(t, answering(t, test.reply), "f:t")
			if e := wantClean(t, err); e.Class != test.class || e.Reason != test.reason || e.Op != opList {
				t.Errorf("got %s [%s], want %s [%s]", e.Class, e.Reason, test.class, test.reason)
			}
		})
	}
}

func TestWhoseLimitAndUntilWhen(t *testing.T) {
	limit := func(name string) string {
		return fmt.Sprintf(`{"service":"health.googleapis.com","quota_limit":%q}`, name)
	}
	for name, test := range map[string]struct {
		retryAfter string
		metadata   string
		account    bool
		least      time.Duration // until when, at least and at most
		most       time.Duration
	}{
		"nothing said":   {"", "{}", true, 0, time.Minute},
		"seconds":        {"7", "{}", true, 6 * time.Second, 8 * time.Second},
		"a date":         {time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat), "{}", true, 9 * time.Minute, 10 * time.Minute},
		"a past date":    {time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), "{}", true, 0, time.Minute},
		"out of reach":   {"864000", "{}", true, 59 * time.Minute, time.Hour},
		"no sense":       {"soon", "{}", true, 0, time.Minute},
		"of the user":    {"", limit("ReadRequestsPerMinutePerProjectPerUser"), true, 0, time.Minute},
		"of the project": {"", limit("ReadRequestsPerMinutePerProject"), false, 0, time.Minute},
		"per user":       {"", limit("ReadRequestsPerMinutePerUser"), true, 0, time.Minute},
	} {
		header := map[string]string{"Content-Type": "application/json"}
		if test.retryAfter != "" {
			header["Retry-After"] = test.retryAfter
		}
		before := time.Now()
		_, err := listFrom(t, answering(t, reply{429, header, rpcStatus(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", test.metadata)}), "")
		e := wantClean(t, err)
		if e.Class != provider.ClassRateLimited || e.OfAccount != test.account || e.Reason != "RATE_LIMIT_EXCEEDED" {
			t.Errorf("%s: %s, of the account %t", name, e.Class, e.OfAccount)
		}
		if wait := e.RetryAt.Sub(before); wait < test.least || wait > test.most+time.Second || !e.RetryAt.After(before) {
			t.Errorf("%s: wait %s", name, wait)
		}
	}
}

// A filter that Google suddenly refuses is given up: the list is read from its top to
// below the window, and the cursor says how to go on.
func TestAFilterThatIsRefused(t *testing.T) {
	refused := 0
	point := func(day int) string {
		return fmt.Sprintf(`{"name":"users/1/dataTypes/exercise/dataPoints/%d","exercise":{"interval":{"startTime":"2026-05-%02dT10:00:00Z","startUtcOffset":"0s"}}}`, day, day)
	}
	pages := map[string]string{
		"":  `{"dataPoints":[` + point(20) + `],"nextPageToken":"a"}`,
		"a": `{"dataPoints":[],"nextPageToken":"b"}`,
		"b": `{"dataPoints":[` + point(2) + `,` + point(5) + `],"nextPageToken":"c"}`,
		"c": `{"dataPoints":[{"name":"users/1/dataTypes/exercise/dataPoints/9","exercise":{"interval":{"startTime":"2026-04-28T10:00:00Z","startUtcOffset":"0s"}}}],"nextPageToken":"d"}`,
	}
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case r.URL.Path != "/v4/"+exercisesPath:
			refuse(w, 404, "NOT_FOUND", "RESOURCE_NOT_FOUND", "")
		case q.Has("filter"):
			refused++
			refuse(w, 400, "INVALID_ARGUMENT", "INVALID_DATA_POINT_FILTER_DATA_TYPE_MEMBER", "")
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, pages[q.Get("pageToken")])
		}
	})
	var ids []string
	cursor := ""
	for range 5 {
		page, err := listFrom(t, c, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Records {
			ids = append(ids, a.ExternalID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if got := strings.Join(ids, " "); got != "20 5 2 9" || cursor != "" || refused != 1 {
		t.Errorf("read %s, then %q; the filter was refused %d times", got, cursor, refused)
	}
	if _, err := listFrom(t, c, "f:x"); provider.ClassOf(err) != provider.ClassBadRequest {
		t.Errorf("a filter refused in the middle of a window gave %v", err)
	}
}

func TestPointsThatMakeNoSense(t *testing.T) {
	const good = `{"name":"users/1/dataTypes/exercise/dataPoints/7","exercise":{"interval":{"startTime":"2026-05-03T10:00:00Z","startUtcOffset":"0s"},"updateTime":"2026-05-03T12:00:00.5Z"}}`
	for name, test := range map[string]struct {
		raw     string
		problem string
		made    bool // the id is ours
	}{
		"good":         {good, "", false},
		"no name":      {`{"exercise":{"interval":{"startTime":"2026-05-03T10:00:00Z"}}}`, "name is missing", true},
		"an odd id":    {`{"name":"users/1/dataTypes/exercise/dataPoints/a b","exercise":{"interval":{"startTime":"2026-05-03T10:00:00Z"}}}`, "name is missing", true},
		"a number":     {`{"name":7,"exercise":{"interval":{"startTime":"2026-05-03T10:00:00Z"}}}`, "name is missing", true},
		"no start":     {`{"name":"users/1/dataTypes/exercise/dataPoints/7","exercise":{}}`, "startTime is missing", false},
		"no exercise":  {`{"name":"users/1/dataTypes/exercise/dataPoints/7","sleep":{}}`, "startTime is missing", false},
		"a bare value": {`"x"`, "not a JSON object", true},
	} {
		p := readPoint(json.RawMessage(test.raw))
		if !strings.Contains(p.Problem, test.problem) || (p.Problem == "") != (test.problem == "") || string(p.Raw) != test.raw {
			t.Errorf("%s: the problem is %q", name, p.Problem)
		}
		if made := provider.IsMadeUpID(p.ExternalID); made != test.made || !made && p.ExternalID != "7" {
			t.Errorf("%s: the id is %s", name, p.ExternalID)
		}
	}
	p := readPoint(json.RawMessage(good))
	if p.ModifiedAt == nil || p.ModifiedAt.Format(time.RFC3339Nano) != "2026-05-03T12:00:00.5Z" || p.Context.OffsetSource != events.OffsetFromRecord {
		t.Errorf("modified at %v, offset from %s", p.ModifiedAt, p.Context.OffsetSource)
	}
}

func TestNewestFirst(t *testing.T) {
	const page = `{"dataPoints":[{"x":1},` +
		`{"name":"users/1/dataTypes/exercise/dataPoints/1","exercise":{"interval":{"startTime":"2026-05-03T10:00:00Z"}}},` +
		`{"name":"users/1/dataTypes/exercise/dataPoints/3","exercise":{"interval":{"startTime":"2026-05-03T12:00:00Z"}}},` +
		`{"name":"users/1/dataTypes/exercise/dataPoints/2","exercise":{"interval":{"startTime":"2026-05-03T11:00:00.5Z"}}}]}`
	got, err := listFrom(t, answering(t, reply{200, asJSON, page}), "")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, a := range got.Records {
		ids = append(ids, a.ExternalID[:1])
	}
	if strings.Join(ids, "") != "321u" || !got.Oldest.Equal(time.Date(2026, 5, 3, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("the order is %v, the oldest of %s", ids, got.Oldest)
	}
	empty, err := listFrom(t, answering(t, reply{200, asJSON, "\ufeff{}\n"}), "")
	if err != nil || len(empty.Records) != 0 || empty.Next != "" || !empty.Oldest.IsZero() {
		t.Errorf("an empty object gave %+v, %v", empty, err)
	}
}

func TestUnreachableServer(t *testing.T) {
	server := answering(t, reply{200, asJSON, "{}"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := server.Sources[0].List.List(ctx, provider.ListRequest{Token: planted, Window: testWindow()})
	if e := wantClean(t, err); e.Class != provider.ClassUnavailable || e.Reason != httpcall.ReasonCanceled {
		t.Errorf("got %v", err)
	}
	release := make(chan struct{})
	slow := served(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	f, ok := slow.Sources[0].List.(*exercises)
	if !ok {
		t.Fatalf("the list is a %T", slow.Sources[0].List)
	}
	f.api.client.HTTP.Timeout = 50 * time.Millisecond
	_, err = listFrom(t, slow, "")
	if e := wantClean(t, err); e.Class != provider.ClassUnavailable || e.Reason != httpcall.ReasonTimeout {
		t.Errorf("got %v", err)
	}
}

func TestAPageThatIsTooLarge(t *testing.T) {
	c := served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"dataPoints":[],"x":"`)
		chunk := strings.Repeat("x", 1<<20)
		for range maxPage>>20 + 1 {
			_, _ = io.WriteString(w, chunk)
		}
	})
	_, err := listFrom(t, c, "")
	if e := wantClean(t, err); e.Class != provider.ClassTooLarge {
		t.Errorf("got %v", err)
	}
}
