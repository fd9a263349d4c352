package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

// routesFixture has all routes of a gateway, with one user who is known to them. The other
// services take everything.
type routesFixture struct {
	*gatewaytest.System
	routes []openapi.Operation
	user   uuid.UUID
}

func newRoutesFixture(t testing.TB) *routesFixture {
	d, err := openapi.Read(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	e := &routesFixture{System: gatewaytest.Stores(t), routes: d.Operations}
	e.Publish()
	c := e.Config()
	c.Notifications = map[string]provider.Notifications{"fitbit": told{}}
	e.Start(c)
	e.user = e.User()
	e.Exec(`UPDATE oauth.connections SET provider_user_id = 'ACC1' WHERE id = $1`, e.Connection(e.user, "fitbit", "active"))
	db := e.DB // inside a fuzz target nothing may use the test that made the system
	e.Serve("poller", bus.Method(rpc.PollerImport, func(ctx context.Context, q rpc.ImportRequest) (rpc.ImportResponse, error) {
		uploads, err := json.Marshal(q.Uploads)
		if err == nil { // as the poller keeps them
			err = db.QueryRow(ctx, `SELECT $1::jsonb::text`, uploads).Scan(new(string))
		}
		return rpc.ImportResponse{Provider: "fitbit", RequestedAt: time.Now().UTC()}, err
	}))
	e.Serve("oauth",
		bus.Method(rpc.OAuthProviders, func(context.Context, rpc.ProvidersRequest) (rpc.ProvidersResponse, error) {
			return rpc.ProvidersResponse{}, nil
		}),
		bus.Method(rpc.OAuthAuthorize, func(context.Context, rpc.AuthorizeRequest) (rpc.AuthorizeResponse, error) {
			return rpc.AuthorizeResponse{AuthorizationURL: "https://provider.example/", State: "state"}, nil
		}),
		bus.Method(rpc.OAuthCallback, func(_ context.Context, r rpc.CallbackRequest) (rpc.CallbackResponse, error) {
			return rpc.CallbackResponse{RedirectURI: "https://app.example/", Provider: r.Provider, ErrorCode: "access_denied"}, nil
		}),
		bus.Method(rpc.OAuthDisconnect, func(context.Context, rpc.DisconnectRequest) (rpc.DisconnectResponse, error) {
			return rpc.DisconnectResponse{ConnectionID: uuid.NewString(), Status: "revoked"}, nil
		}))
	return e
}

// told reads a notification as a connector does that checks nothing: each line names an
// account, its suspect and a window.
type told struct{}

func (told) Read(_ context.Context, r provider.NotificationRequest) (provider.Notification, error) {
	if r.Method != http.MethodPost {
		return provider.Notification{Answer: http.StatusOK, ContentType: "text/plain", Body: []byte("challenge")}, nil
	}
	n := provider.Notification{Answer: http.StatusNoContent}
	seconds, _ := strconv.ParseInt(r.Header.Get("X-Request-Id"), 10, 64)
	for _, line := range strings.Split(string(r.Body), "\n") {
		account, suspect, _ := strings.Cut(line, " ")
		at := time.Unix(seconds, 0)
		n.Changes = append(n.Changes, provider.AccountChange{AccountID: account, Suspects: []string{suspect}, Window: &events.Window{From: at, To: at.Add(time.Hour)}})
	}
	return n, nil
}

// visit is one request of a stranger who knows the routes, the user's id and a key.
type visit struct {
	route                     uint8
	known                     bool // the ids in the path are those that exist
	path, query, media, extra string
	body                      []byte
}

// send sends a visit, and says false for one that HTTP itself cannot carry.
func (e *routesFixture) send(t *testing.T, v visit) (gatewaytest.Answer, string, bool) {
	o := e.routes[int(v.route)%len(e.routes)]
	if o.Method == http.MethodDelete && v.known {
		v.known = false // the user stays for the next visit
	}
	segments := strings.Split(o.Path, "/")
	for i, s := range segments {
		switch {
		case !strings.HasPrefix(s, "{"):
		case v.known && s == "{user_id}":
			segments[i] = e.user.String()
		case v.known && s == "{provider}":
			segments[i] = "fitbit"
		default:
			segments[i] = url.PathEscape(v.path)
		}
	}
	r, err := http.NewRequestWithContext(waittest.Context(t), o.Method, e.URL, bytes.NewReader(v.body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = "//" + r.URL.Host + strings.Join(segments, "/")
	r.URL.RawQuery = v.query
	if strings.ContainsFunc(v.query, func(c rune) bool { return c <= ' ' || c > '~' || c == '#' }) {
		return gatewaytest.Answer{}, "", false
	}
	r.Header.Set("Authorization", "Bearer "+gatewaytest.Key)
	r.Header.Set("Content-Type", v.media)
	r.Header.Set("X-Request-Id", v.extra)
	resp, err := e.HTTP.Do(r)
	if err != nil {
		return gatewaytest.Answer{}, "", false // the client refuses to write it
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return gatewaytest.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, o.ID, true
}

// No request makes the gateway fail: whatever is wrong with it is a 4xx that says so.
func FuzzEveryRoute(f *testing.F) {
	e := newRoutesFixture(f)
	const form = "multipart/form-data; boundary=x"
	upload := func(name string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"file\"; " + name + "\r\n\r\nan archive\r\n--x--\r\n"
	}
	odd := []string{"%00", "\x00", "\xff", `\`, "..", "%", "\ufffd", strings.Repeat("x", 300), "0", uuid.NewString(), "{" + uuid.NewString() + "}"}
	for route, o := range e.routes {
		for i, path := range odd {
			if (i+route)%3 > 0 { // every route has some of them
				continue
			}
			f.Add(uint8(route), i%2 == 0, path, "cursor="+url.QueryEscape(path), "application/json", path, []byte(`{"external_user_id":"\ud800"}`))
		}
		for _, query := range []string{
			"start_date=-4800-01-01", "start_date=0001-01-01T00:00:00Z&end_date=9999-12-31", "page=9223372036854775807", "search=%00", "search=%ed%a0%80",
			"user_id=%00", "state=%00&code=%ff", "state=s&code=c", "state=s&error=%00", "kind=fitbit-export", "kind=fitbit-export&timezone=%00", "record_type=%00",
		} {
			name, _, _ := strings.Cut(query, "=")
			if slices.ContainsFunc(o.Parameters, func(p openapi.Parameter) bool { return p.Name == name }) {
				f.Add(uint8(route), true, "x", query, "application/zip", "", []byte("an archive"))
			}
		}
		if o.RawBody {
			f.Add(uint8(route), true, "x", "", "text/plain", "1700000000", []byte("ACC1 s1\nACC1 \x00\nACC1 \xff\n\x00 x\n\xff x\n x\nACC1"))
			f.Add(uint8(route), true, "x", "", "text/plain", "9000000000000000", []byte("ACC1 s1"))
			f.Add(uint8(route), true, "x", "", "text/plain", "-9000000000000000", []byte("ACC1 s1"))
		}
		if len(o.Uploads) == 0 {
			continue
		}
		for _, name := range []string{
			`filename="` + strings.Repeat("n", 5000) + `"`, `filename="a` + "\x01" + `b"`, `filename*=UTF-8''a%00b`, `filename*=UTF-8''%ff`, "filename=\"\xff\"", `filename=".."`, `filename="/"`,
		} {
			f.Add(uint8(route), true, "x", "kind=fitbit-export", form, "", []byte(upload(name)))
		}
	}
	f.Fuzz(func(t *testing.T, route uint8, known bool, path, query, media, extra string, body []byte) {
		a, operation, sent := e.send(t, visit{route: route, known: known, path: path, query: query, media: media, extra: extra, body: body})
		if sent && a.Status >= http.StatusInternalServerError {
			t.Errorf("%s answered %d: %s", operation, a.Status, a.Body)
		}
		var p problemAnswer
		if sent && a.Status >= http.StatusBadRequest && (json.Unmarshal(a.Body, &p) != nil || p.Code == "" || p.Detail == "") {
			t.Errorf("%s answered %d without a problem: %s", operation, a.Status, a.Body)
		}
	})
}

// A cursor can be forged by whoever knows the format. Whatever it names, the list is
// answered, or the cursor refused.
func FuzzForgedCursors(f *testing.F) {
	e := newRoutesFixture(f)
	user := e.user.String()
	lists := map[string]cursor.Filter{
		"/api/v1/users/" + user + "/syncs":           cursor.NewFilter("syncs", user),
		"/api/v1/users/" + user + "/imports":         cursor.NewFilter("imports", user),
		"/api/v1/users/" + user + "/events/workouts": cursor.NewFilter("workouts", user, "", "", "", "", "false"),
		"/api/v1/dead-letters":                       cursor.NewFilter("dead_letters"),
	}
	for _, micros := range []int64{0, -1 << 63, 1<<63 - 1, -211_813_488_000_000_001, -215_000_000_000_000_000, 253_402_300_800_000_000} {
		f.Add(micros, false, []byte("0123456789abcdef"), int64(1))
		f.Add(micros, true, bytes.Repeat([]byte{0xff}, 16), int64(-2))
	}
	f.Fuzz(func(t *testing.T, micros int64, backwards bool, id []byte, total int64) {
		place := cursor.Place{Backwards: backwards, Time: time.UnixMicro(micros).UTC(), Total: cursor.Of(total)}
		copy(place.ID[:], id)
		for path, list := range lists {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+path+"?cursor="+list.Encode(place), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+gatewaytest.Key)
			resp, err := e.HTTP.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s from %v, %x, answered %d: %s, %v", path, place.Time, place.ID, resp.StatusCode, body, err)
			}
		}
	})
}

// Halves of characters are refused: they would be stored as the same text, and two ids
// of a client would be one.
func TestHalvesOfCharactersAreRefusedAndWholeOnesKept(t *testing.T) {
	s := gatewaytest.New(t)
	for _, half := range []string{`\ud800`, `\udfff`, `a\ud83d`, `\ud83d\\ude00`} {
		for _, member := range []string{"external_user_id", "first_name"} {
			a := s.Do(gatewaytest.Request{Method: http.MethodPost, Path: "/api/v1/users", Body: `{"` + member + `":"` + half + `"}`})
			if p := checkProblem(t, half, a, 400, "invalid_request"); len(p.Errors) != 1 || p.Errors[0].Field != member {
				t.Errorf("%s as %s: %+v", half, member, p)
			}
		}
	}
	var got struct {
		ExternalUserID string `json:"external_user_id"`
	}
	s.Call(http.MethodPost, "/api/v1/users", `{"external_user_id":"\ud83d\ude00 \ufffd"}`, http.StatusCreated, &got)
	if got.ExternalUserID != "😀 \ufffd" {
		t.Errorf("the id came back as %q", got.ExternalUserID)
	}
}
