package googlehealth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/apptest"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// once lets the next request alone go wrong.
func (a *app) once(f *googlehealth.Fault) {
	var used sync.Once
	a.cloud.SetFault(func(*googlehealth.Call) (fault *googlehealth.Fault) {
		used.Do(func() { fault = f })
		return fault
	})
}

func TestMishapsSpeakAsGoogleDoes(t *testing.T) {
	a := newApp(t, nil)
	pair := a.connect(0)
	for reason, c := range map[string]struct {
		fault     *googlehealth.Fault
		status    int
		canonical string
	}{
		"RATE_LIMIT_EXCEEDED":                        {googlehealth.RateLimitedWithoutRetryAfter(), 429, "RESOURCE_EXHAUSTED"},
		"INTERNAL_ERROR":                             {googlehealth.ServerError(500), 500, "INTERNAL"},
		"MISSING_OAUTH_SCOPE":                        {googlehealth.MissingScope(), 403, "PERMISSION_DENIED"},
		"ACCESS_TOKEN_SCOPE_INSUFFICIENT":            {googlehealth.InsufficientScope(), 403, "PERMISSION_DENIED"},
		"ACCOUNT_NOT_LINKED":                         {googlehealth.NotLinked(), 400, "FAILED_PRECONDITION"},
		"RESOURCE_PERMISSION_DENIED":                 {googlehealth.Denied(), 403, "PERMISSION_DENIED"},
		"DATA_ACCESS_DENIED":                         {googlehealth.DataDenied(), 403, "PERMISSION_DENIED"},
		"API_PRIVATE_PREVIEW_ACCESS_DENIED":          {googlehealth.NotAdmitted(), 403, "PERMISSION_DENIED"},
		"SERVICE_DISABLED":                           {googlehealth.Disabled(), 403, "PERMISSION_DENIED"},
		"RESOURCE_NOT_FOUND":                         {googlehealth.NotFound(), 404, "NOT_FOUND"},
		"REASON_FROM_NEXT_YEAR":                      {googlehealth.UnknownReason(), 400, "INVALID_ARGUMENT"},
		"INVALID_PAGE_TOKEN":                         {googlehealth.BadPageToken(), 400, "INVALID_ARGUMENT"},
		"INVALID_DATA_POINT_FILTER_DATA_TYPE_MEMBER": {googlehealth.BadFilter(), 400, "INVALID_ARGUMENT"},
	} {
		a.once(c.fault)
		a.wantProblem(a.get(pair.Access, listPath), c.status, c.canonical, reason)
		a.page(pair.Access, listPath)
	}
	for _, c := range []struct {
		fault     *googlehealth.Fault
		status    int
		canonical string
	}{
		{googlehealth.ServerError(503), 503, "UNAVAILABLE"}, {googlehealth.Expired(), 401, "UNAUTHENTICATED"},
		{googlehealth.Unfinished(), 412, "FAILED_PRECONDITION"}, {googlehealth.Legacy(), 403, "PERMISSION_DENIED"},
		{googlehealth.Gone(), 410, "FAILED_PRECONDITION"}, {googlehealth.Conflict(), 409, "ABORTED"},
		{googlehealth.LegacyInOtherWords(), 403, "PERMISSION_DENIED"},
	} {
		a.once(c.fault)
		a.wantProblem(a.get(pair.Access, listPath), c.status, c.canonical, "")
	}
	a.once(googlehealth.RateLimited(1500 * time.Millisecond))
	if got := a.get(pair.Access, listPath).Header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q", got)
	}
	a.once(googlehealth.RateLimitedUntil(noon))
	if got, err := http.ParseTime(a.get(pair.Access, listPath).Header.Get("Retry-After")); err != nil || !got.Equal(noon.Truncate(time.Second)) {
		t.Errorf("Retry-After %v %v", got, err)
	}
	a.once(googlehealth.HTMLPage(502))
	if got := a.get(pair.Access, listPath); got.Status != 502 || !strings.Contains(got.Header.Get("Content-Type"), "html") {
		t.Errorf("%d %s", got.Status, got.Header.Get("Content-Type"))
	}
	a.once(googlehealth.HugeBody(1 << 20))
	if got := a.get(pair.Access, listPath); got.Status != 200 || len(got.Body) < 1<<20 {
		t.Errorf("%d with %d bytes", got.Status, len(got.Body))
	}
	a.once(googlehealth.InvalidGrant())
	a.wantTokenError(a.refresh(pair.Refresh), 400, "invalid_grant")
	a.once(googlehealth.LoginRequired())
	if got := a.refresh(pair.Refresh); !strings.Contains(got.Body, `"error_subtype": "invalid_rapt"`) {
		t.Errorf("session control: %s", got.Body)
	}
	a.once(googlehealth.InvalidClient())
	a.wantTokenError(a.refresh(pair.Refresh), 401, "invalid_client")
	a.tokensOf(a.refresh(pair.Refresh)) // none of it did harm
}

func TestBrokenAnswers(t *testing.T) {
	a := newApp(t, func(o *googlehealth.Options) { o.Rotate = true })
	a.Server.Client().Transport.(*http.Transport).DisableKeepAlives = true // on a kept one, Go asks again by itself
	pair := a.connect(0)
	whole := a.get(pair.Access, listPath).Body
	ask := func() (apptest.Answer, error) { return a.Do(a.Request(http.MethodGet, pair.Access, listPath, "")) }
	a.once(googlehealth.ConnectionReset())
	if got, err := ask(); err == nil {
		t.Errorf("reset: %d", got.Status)
	}
	a.once(googlehealth.CutShort())
	if got, err := ask(); err == nil || got.Body != whole[:30] {
		t.Errorf("cut: %d bytes, %v", len(got.Body), err)
	}
	a.once(googlehealth.TruncatedJSON())
	if got, err := ask(); err != nil || got.Body != whole[:len(whole)/2] {
		t.Errorf("truncated: %d bytes, %v", len(got.Body), err)
	}
	a.once(googlehealth.WrongContentType())
	if got, err := ask(); err != nil || got.Header.Get("Content-Type") != "application/octet-stream" || got.Body != whole {
		t.Errorf("%v, as %s", err, got.Header.Get("Content-Type"))
	}
	a.once(googlehealth.SlowBody(20 * time.Millisecond))
	if got, err := ask(); err != nil || got.Body != whole {
		t.Errorf("slow: %d bytes, %v", len(got.Body), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a.cloud.SetFault(func(*googlehealth.Call) *googlehealth.Fault { cancel(); return googlehealth.Timeout(time.Hour) })
	if got, err := a.Do(a.Request(http.MethodGet, pair.Access, listPath, "").WithContext(ctx)); err == nil {
		t.Errorf("answered %d", got.Status)
	}
	a.once(googlehealth.LostAnswer())
	if _, err := a.Do(a.FormRequest("/token", "grant_type", "refresh_token", "refresh_token", pair.Refresh, "client_id", clientID, "client_secret", clientSecret)); err == nil {
		t.Error("an answer that was to be lost arrived")
	}
	a.wantTokenError(a.refresh(pair.Refresh), 400, "invalid_grant") // it was rotated all the same
}

// lying gives a page with a lie, and as it is.
func lying(t *testing.T, lie func([]byte) []byte) (lied, real page) {
	t.Helper()
	a := newApp(t, nil)
	token := a.connect(2).Access
	const path = listPath + "?pageSize=25"
	real = a.page(token, path)
	a.cloud.SetFault(func(*googlehealth.Call) *googlehealth.Fault { return &googlehealth.Fault{Rewrite: lie} })
	return a.page(token, path), real
}

func value(t *testing.T, raw []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

// changed applies a change to the members of every object.
func changed(v any, change func(path string, o map[string]any), path string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = changed(inner, change, path+"."+name)
		}
		change(path, v)
	case []any:
		for i := range v {
			v[i] = changed(v[i], change, path)
		}
	}
	return v
}

func TestLies(t *testing.T) {
	const metrics = ".exercise.metricsSummary"
	for name, c := range map[string]struct {
		lie    func([]byte) []byte
		change func(path string, o map[string]any)
	}{
		"reordered": {googlehealth.ReorderKeys, func(string, map[string]any) {}},
		"another language": {googlehealth.OtherLanguage, func(path string, o map[string]any) {
			if path == ".exercise" && o["exerciseType"] != "OTHER" {
				o["displayName"] = "Übersetzt"
			}
		}},
		"named me": {googlehealth.NamedMe, func(_ string, o map[string]any) {
			if name, has := o["name"].(string); has {
				_, rest, _ := strings.Cut(strings.TrimPrefix(name, "users/"), "/")
				o["name"] = "users/me/" + rest
			}
		}},
		"omitted zeros": {googlehealth.OmitZeros, func(_ string, o map[string]any) {
			for member, v := range o {
				n, isNumber := v.(json.Number)
				if f, err := strconv.ParseFloat(string(n), 64); v == "0" || v == "0s" || isNumber && err == nil && f == 0 {
					delete(o, member)
				}
			}
		}},
		"bare numbers": {googlehealth.BareNumbers, func(path string, o map[string]any) {
			for member, v := range o {
				if text, is := v.(string); is && path == metrics && text != "NaN" {
					o[member] = json.Number(text)
				}
			}
		}},
		"NaN": {googlehealth.NaN, func(path string, o map[string]any) {
			for member, v := range o {
				if _, is := v.(json.Number); is && path == metrics {
					o[member] = "NaN"
				}
			}
		}},
		"unknown words": {googlehealth.UnknownWords, func(_ string, o map[string]any) {
			for _, member := range []string{"exerciseType", "recordingMethod", "platform", "formFactor", "splitType", "exerciseEventType"} {
				if _, has := o[member]; has {
					o[member] = "WORD_FROM_NEXT_YEAR"
				}
			}
		}},
		"unknown members": {googlehealth.UnknownMembers, func(_ string, o map[string]any) {
			o["memberFromNextYear"] = map[string]any{"parts": []any{json.Number("1.50"), "2"}}
		}},
	} {
		lied, real := lying(t, c.lie)
		for i := range real.Points {
			want := changed(value(t, real.Points[i]), c.change, "")
			if !reflect.DeepEqual(value(t, lied.Points[i]), want) {
				t.Fatalf("%s: point %d is\n%s\nof\n%s", name, i, lied.Points[i], real.Points[i])
			}
		}
	}
}

func TestLiesAboutLists(t *testing.T) {
	lied, real := lying(t, googlehealth.EmptyList)
	if len(real.Points) != 25 || len(lied.Points) != 0 || lied.Token != nil {
		t.Errorf("%d points and token %v", len(lied.Points), lied.Token)
	}
	a := newApp(t, func(o *googlehealth.Options) { o.MaxPage = 7 })
	token := a.connect(0).Access
	real7 := a.page(token, listPath)
	repeat := googlehealth.RepeatAcrossPages()
	a.cloud.SetFault(func(*googlehealth.Call) *googlehealth.Fault { return &googlehealth.Fault{Rewrite: repeat} })
	points, _ := a.all(token, listPath)
	if len(points) <= len(a.cloud.Records(a.account(0))) || !reflect.DeepEqual(value(t, points[7]), value(t, real7.Points[6])) {
		t.Errorf("%d points", len(points))
	}
	if got := googlehealth.EmptyList([]byte("<html>")); string(got) != "<html>" {
		t.Errorf("a page became %s", got)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	var calls []string
	a := newApp(t, func(o *googlehealth.Options) {
		o.Fault = func(c *googlehealth.Call) *googlehealth.Fault {
			calls = append(calls, c.Endpoint+" "+c.AccountID)
			return nil
		}
	})
	pair := a.connect(0)
	a.refresh(pair.Refresh)
	a.get("", identityPath)
	a.get(pair.Access, listPath)
	a.get(pair.Access, listPath+":reconcile")
	a.get(pair.Access, listPath+"/1234")
	a.get(pair.Access, listPath+"/1234:exportExerciseTcx")
	a.get("", "/")
	a.form("/revoke", "token", "none")
	want := map[string]int{
		googlehealth.EndpointAuthorize: 1, googlehealth.EndpointDecision: 1, googlehealth.EndpointToken: 2, googlehealth.EndpointIdentity: 1, googlehealth.EndpointList: 1,
		googlehealth.EndpointReconcile: 1, googlehealth.EndpointGet: 1, googlehealth.EndpointTrack: 1, googlehealth.EndpointHome: 1, googlehealth.EndpointRevoke: 1,
	}
	if got := a.cloud.Requests(); !reflect.DeepEqual(got, want) {
		t.Errorf("counted %v", got)
	}
	if len(calls) != 11 || calls[3] != googlehealth.EndpointToken+" "+a.account(0) || calls[5] != googlehealth.EndpointList+" "+a.account(0) {
		t.Errorf("the hook saw %q", calls)
	}
	if answers := a.cloud.Answers(); answers[401] != 1 || answers[404] != 2 || answers[302] != 1 {
		t.Errorf("answered %v", answers)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	a, h := subscribed(t, nil)
	var group sync.WaitGroup
	for n := range a.people {
		pair := a.connect(n)
		for range 2 {
			group.Go(func() {
				for range 5 {
					if got, err := a.Do(a.Request(http.MethodGet, pair.Access, listPath, "")); err != nil || got.Status != 200 {
						t.Errorf("list: %d %v", got.Status, err)
					}
				}
			})
		}
		group.Go(func() {
			for range 5 {
				id := a.cloud.Truth(a.account(n))[3].ExternalID
				if err := a.cloud.Edit(a.account(n), id, func(w *simulator.Truth) { w.Steps = nil }); err != nil {
					t.Error(err)
				}
				a.cloud.Deliver(context.Background())
			}
		})
	}
	group.Wait()
	a.cloud.Deliver(t.Context())
	told := 0
	for _, r := range h.take() {
		told += len(items(t, r.body))
	}
	if told != 20 {
		t.Errorf("told of %d edits", told)
	}
}

func TestImpossibleCloudsAreRefused(t *testing.T) {
	people := newApp(t, nil).people
	whole := googlehealth.Options{ClientID: "a", ClientSecret: "b", RedirectURIs: []string{redirectURI}, People: people}
	if _, err := googlehealth.New(whole); err != nil {
		t.Fatal(err) // the control: nothing else is wrong
	}
	for name, change := range map[string]func(*googlehealth.Options){
		"no client":         func(o *googlehealth.Options) { o.ClientID = "" },
		"no secret":         func(o *googlehealth.Options) { o.ClientSecret = "" },
		"no people":         func(o *googlehealth.Options) { o.People = nil },
		"nowhere to return": func(o *googlehealth.Options) { o.RedirectURIs = nil },
		"relative redirect": func(o *googlehealth.Options) { o.RedirectURIs = []string{"/callback"} },
		"the same twice":    func(o *googlehealth.Options) { o.People = append(o.People[:1:1], o.People[0]) },
	} {
		o := whole
		change(&o)
		if _, err := googlehealth.New(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
