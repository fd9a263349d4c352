package gateway_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

// askFor sends a request to a route with the path as it is given, byte for byte.
func (e *routesFixture) askFor(t *testing.T, o openapi.Operation, user string) int {
	t.Helper()
	path := strings.NewReplacer("{user_id}", user, "{provider}", "fitbit", "{sync_id}", uuid.NewString()).Replace(o.Path)
	ctx, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	r, err := http.NewRequestWithContext(ctx, o.Method, e.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = "//" + r.URL.Host + path
	if !strings.Contains(o.Path, "{user_id}") {
		r.URL.RawQuery = "redirect_uri=http%3A%2F%2Flocalhost&user_id=" + url.QueryEscape(user)
	}
	r.Header.Set("Authorization", "Bearer "+gatewaytest.Key)
	resp, err := e.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Every route that takes a person's id takes the client's own id as well, and answers the
// same; a name that nobody has is a 404.
func TestEveryRouteTakesTheClientsOwnID(t *testing.T) {
	e := newRoutesFixture(t)
	e.Exec(`UPDATE gateway.users SET external_user_id = 'customer-42' WHERE id = $1`, e.user)
	routes := 0
	for _, o := range e.routes {
		if !strings.Contains(o.Path, "{user_id}") && o.ID != "authorize" || o.Method == http.MethodDelete && o.ID == "deleteUser" {
			continue
		}
		routes++
		byID, byName := e.askFor(t, o, e.user.String()), e.askFor(t, o, "external:customer-42")
		if byID == http.StatusNotFound && o.ID != "getSync" || byID != byName {
			t.Errorf("%s answers %d by id, %d by name", o.ID, byID, byName)
		}
		if unknown := e.askFor(t, o, "external:customer-43"); unknown != http.StatusNotFound {
			t.Errorf("%s answers %d for a name that nobody has", o.ID, unknown)
		}
	}
	if routes < 10 {
		t.Errorf("only %d routes take a person's id", routes)
	}
	e.Call(http.MethodDelete, "/api/v1/users/external:customer-42", "", 202, nil)
	e.Call(http.MethodGet, "/api/v1/users/external:customer-42", "", 404, nil)
}

// Whatever characters a name has, percent-encoding brings it through.
func TestNamesOfAllKinds(t *testing.T) {
	s := gatewaytest.New(t)
	for _, name := range []string{
		"a/b", "/", "..", "a b", "a+b", "a+b/c", "100%", "100%25", "external:x", "ünï😀", "?q=1#x", "a&b=c;d", `"'\`, s.User().String(), strings.Repeat("x", 200),
	} {
		user := s.User()
		s.Exec(`UPDATE gateway.users SET external_user_id = $2 WHERE id = $1`, user, name)
		for _, path := range []string{
			"/api/v1/users/external:" + url.PathEscape(name), "/api/v1/users/external%3A" + url.PathEscape(name), "/api/v1/users?external_user_id=" + url.QueryEscape(name),
		} {
			var u struct {
				ID    uuid.UUID
				Items []struct{ ID uuid.UUID }
			}
			a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: path})
			decode(t, a, 200, &u)
			if strings.Contains(path, "?") && len(u.Items) == 1 {
				u.ID = u.Items[0].ID
			}
			if a.Status != 200 || u.ID != user {
				t.Errorf("%q at %s answers %d: %s", name, path, a.Status, a.Body)
			}
		}
	}
	for _, bad := range []string{"external:", "external:%00", "external:%ff", "external:" + strings.Repeat("x", 201), "outer:x"} {
		a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: "/api/v1/users/" + bad})
		if p := checkProblem(t, bad, a, 400, "invalid_request"); len(p.Errors) != 1 || p.Errors[0].Field != "user_id" || !strings.Contains(p.Errors[0].Message, "external:") {
			t.Errorf("%s: %+v", bad, p.Errors)
		}
	}
}

// People are found by exactly their external_user_id or e-mail address.
func TestExactLookupOfPeople(t *testing.T) {
	s := gatewaytest.New(t)
	ada, eve, other := s.User(), s.User(), s.User()
	for user, values := range map[uuid.UUID][2]string{ada: {"a_1", "Ada@example.org"}, eve: {"ab1", "ada@example.org"}, other: {"a_12", "bada@example.org"}} {
		s.Exec(`UPDATE gateway.users SET external_user_id = $2, email = $3 WHERE id = $1`, user, values[0], values[1])
	}
	for query, want := range map[string]int{
		"external_user_id=a_1": 1, "external_user_id=A_1": 0, "external_user_id=a%25": 0, "email=ADA%40example.org": 2, "email=ada": 0,
		"email=ada%40example.org&external_user_id=ab1": 1, "external_user_id=a_1&search=bada": 0, "search=a_1": 2,
	} {
		var p struct {
			Items []struct{ ID uuid.UUID }
			Total int
		}
		s.Call(http.MethodGet, "/api/v1/users?"+query, "", 200, &p)
		if len(p.Items) != want || p.Total != want {
			t.Errorf("%s finds %d of %d, want %d", query, len(p.Items), p.Total, want)
		}
	}
}

// A stranger cannot ask who is there: the routes without a key look nobody up.
func TestStrangersCannotAskForNames(t *testing.T) {
	s := gatewaytest.New(t)
	s.Exec(`UPDATE gateway.users SET external_user_id = 'known' WHERE id = $1`, s.User())
	s.Serve("oauth")
	for _, path := range []string{"/api/v1/users/external:", "/api/v1/oauth/fitbit/callback?state=s&code=c&error=e&user_id=external:", "/api/v1/oauth/fitbit/authorize?user_id=external:"} {
		known, unknown := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: path + "known", NoKey: true}), s.Do(gatewaytest.Request{Method: http.MethodGet, Path: path + "nobody", NoKey: true})
		if known.Status != unknown.Status || known.Status == 404 {
			t.Errorf("%s answers %d for a known name and %d for another", path, known.Status, unknown.Status)
		}
	}
}
