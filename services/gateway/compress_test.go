package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// HEAD answers with the status and the headers of GET on every route that GET only reads;
// those on which it acts take no HEAD, and nothing is done.
func TestHeadAnswersAsGetWithoutABody(t *testing.T) {
	e := newRoutesFixture(t)
	workout := addWorkout(e.System, e.user, time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC))
	asked := 0
	ask := func(method, path, encoding string) gatewaytest.Answer {
		return e.Do(gatewaytest.Request{Method: method, Path: path, Header: map[string]string{"X-Request-Id": "same", "Accept-Encoding": encoding}})
	}
	for _, o := range e.routes {
		if o.Method != http.MethodGet {
			continue
		}
		path := strings.NewReplacer("{user_id}", e.user.String(), "{provider}", "fitbit", "{workout_id}", workout.String(), "{name}", "stridelog.workout.recorded.v1.json",
			"{sync_id}", uuid.NewString(), "{import_id}", uuid.NewString(), "{erasure_id}", uuid.NewString()).Replace(o.Path)
		if o.Acts {
			if a := ask(http.MethodHead, path+"?state=s&code=c", "identity"); a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET" {
				t.Errorf("HEAD %s answers %d, Allow %q", path, a.Status, a.Header.Get("Allow"))
			}
			continue
		}
		for _, encoding := range []string{"identity", "gzip"} { // HEAD tells of the answer as it is uncompressed
			get, head := ask(http.MethodGet, path, "identity"), ask(http.MethodHead, path, encoding)
			if get.Status != head.Status || len(head.Body) > 0 {
				t.Errorf("%s: GET answers %d, HEAD %d with %d bytes", path, get.Status, head.Status, len(head.Body))
			}
			for _, h := range []http.Header{get.Header, head.Header} {
				h.Del("Date")
				if o.ID == "getMetrics" {
					h.Del("Content-Length") // the figures change
				}
			}
			if !maps.EqualFunc(get.Header, head.Header, slices.Equal) {
				t.Errorf("%s: headers of GET\n%v\nof HEAD\n%v", path, get.Header, head.Header)
			}
			asked++
		}
	}
	if asked < 30 {
		t.Errorf("only %d requests", asked)
	}
}

// What is large and text is compressed for who accepts that, and only for them, and says
// the same.
func TestLargeTextIsCompressedForWhoAsks(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	for i := range 20 {
		addWorkout(s, user, time.Date(2026, 9, 1, i, 0, 0, 0, time.UTC))
	}
	addRecord := func(raw string) string {
		id := addWorkout(s, user, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
		s.Exec(`UPDATE projector.workouts SET version = $2, external_id = '77' WHERE id = $1`, id, publishFact(t, s, user, "77", raw))
		return "/api/v1/workouts/" + id.String() + "/raw"
	}
	s.Serve("oauth", bus.Method(rpc.OAuthAuthorize, func(context.Context, rpc.AuthorizeRequest) (rpc.AuthorizeResponse, error) {
		return rpc.AuthorizeResponse{AuthorizationURL: "https://provider.example/" + strings.Repeat("a", 3000), State: "state"}, nil
	}))
	list := listPath(user, nil)
	for _, c := range []struct {
		path, accepts string
		gzip          bool
	}{
		{list, "gzip", true}, {list, "br, gzip;q=0.5", true}, {list, "identity", false}, {list, "gzip;q=0", false}, {list, "br", false},
		{listPath(user, url.Values{"limit": {"2"}}), "gzip", false}, // small
		{addRecord(`{"a":"` + strings.Repeat("b", 3000) + `"}`), "gzip", true},
		{addRecord(strings.Repeat("no JSON ", 300)), "gzip", false},
		{"/openapi.json", "gzip", true}, {"/docs", "gzip", true},
		{"/api/v1/oauth/fitbit/authorize?user_id=" + user.String() + "&redirect_uri=http%3A%2F%2Flocalhost", "gzip", false}, // a secret
	} {
		plain := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: c.path, Header: map[string]string{"Accept-Encoding": "identity"}})
		a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: c.path, Header: map[string]string{"Accept-Encoding": c.accepts}})
		if a.Status != http.StatusOK || (a.Header.Get("Content-Encoding") == "gzip") != c.gzip {
			t.Errorf("%s for %q answers %d, Content-Encoding %q", c.path, c.accepts, a.Status, a.Header.Get("Content-Encoding"))
			continue
		}
		if !slices.Contains(a.Header.Values("Vary"), "Accept-Encoding") || a.Header.Get("No-Gzip-Compression") != "" {
			t.Errorf("%s for %q: headers %v", c.path, c.accepts, a.Header)
		}
		if c.gzip {
			a.Body = gunzip(t, a.Body)
		}
		if !bytes.Equal(a.Body, plain.Body) {
			t.Errorf("%s for %q: %d bytes, and %d as they are", c.path, c.accepts, len(a.Body), len(plain.Body))
		}
	}
}

func gunzip(t *testing.T, body []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
