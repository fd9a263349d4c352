package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

type zonedUser struct {
	ID     string
	Zone   *string    `json:"time_zone"`
	Source *string    `json:"time_zone_source"`
	Since  *time.Time `json:"time_zone_since"`
}

// says checks a user's zone and who said it; without a zone nothing is shown.
func (u zonedUser) says(t *testing.T, zone, source string) {
	t.Helper()
	if zone == "" {
		if u.Zone != nil || u.Source != nil || u.Since != nil {
			t.Errorf("a zone is shown: %+v", u)
		}
		return
	}
	if u.Zone == nil || *u.Zone != zone || u.Source == nil || *u.Source != source || u.Since == nil || u.Since.IsZero() {
		t.Errorf("not %s by %s is shown, but %+v", zone, source, u)
	}
}

func TestATimeZoneOfAUser(t *testing.T) {
	s := gatewaytest.New(t)
	var u zonedUser
	s.Call(http.MethodPost, "/api/v1/users", `{}`, 201, &u)
	u.says(t, "", "")
	s.Call(http.MethodPost, "/api/v1/users", `{"time_zone":"America/Denver"}`, 201, &u)
	u.says(t, "America/Denver", "client")
	path, since := "/api/v1/users/"+u.ID, *u.Since
	patch := func(body string) (u zonedUser) {
		t.Helper()
		s.Call(http.MethodPatch, path, body, 200, &u)
		return u
	}
	patched := patch(`{"first_name":"Ada","time_zone":"America/Denver"}`)
	patched.says(t, "America/Denver", "client")
	if !patched.Since.Equal(since) {
		t.Errorf("the same zone stands since %s, and since %s", since, patched.Since)
	}
	for _, zone := range []string{`"Mars/Olympus_Mons"`, `"Local"`, `""`, `"../../etc/passwd"`, `"Europe/Rome\u0000"`, `7`} {
		for _, a := range []gatewaytest.Answer{
			s.Do(gatewaytest.Request{Method: http.MethodPatch, Path: path, Body: `{"first_name":"Eve","time_zone":` + zone + `}`}),
			s.Do(gatewaytest.Request{Method: http.MethodPost, Path: "/api/v1/users", Body: `{"time_zone":` + zone + `}`}),
		} {
			checkProblem(t, zone, a, 400, "invalid_request")
		}
	}
	patched = patch(`{"first_name":"Ada"}`)
	patched.says(t, "America/Denver", "client")
	if !patched.Since.Equal(since) {
		t.Error("what was refused or left out changed time_zone_since")
	}
	patched = patch(`{"time_zone":"Europe/Rome"}`)
	patched.says(t, "Europe/Rome", "client")
	if !patched.Since.After(since) {
		t.Errorf("another zone stands since %s, the one before since %s", patched.Since, since)
	}
	patch(`{"time_zone":null}`).says(t, "", "")
	var n int
	if s.Scan(`SELECT count(*) FROM gateway.users WHERE first_name = 'Eve' OR time_zone IS NOT NULL`, nil, &n); n != 0 {
		t.Errorf("%d users are left with what was refused or emptied", n)
	}
}

// A workout without an offset is where the person lives; one with an offset is where it
// happened, whatever the zone.
func TestAListIsByTheTimeZoneOfItsPerson(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	list := func(query string) string {
		t.Helper()
		var p page
		s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/events/workouts?"+query, "", 200, &p)
		if p.Pagination.TotalCount != len(p.Data) {
			t.Errorf("%s: %d are counted, %d shown", query, p.Pagination.TotalCount, len(p.Data))
		}
		return fmt.Sprint(p.ids(t))
	}
	// On the last evening of August in Denver, and at the same instant in Rome.
	at := time.Date(2026, 9, 1, 3, 30, 0, 0, time.UTC)
	unknown, rome := addWorkout(s, user, at), addWorkout(s, user, at.Add(time.Minute))
	zoned(s, rome, "+02:00", "2026-09-01")
	s.Exec(`UPDATE projector.workouts SET local_date = NULL, doc = '{"id":"' || id || '","zone_offset":null}' WHERE id = $1`, unknown)
	both, one, other, none := fmt.Sprint(texts([]uuid.UUID{rome, unknown})), fmt.Sprint(texts([]uuid.UUID{unknown})), fmt.Sprint(texts([]uuid.UUID{rome})), "[]"
	for zone, want := range map[string]map[string]string{
		`null`: {
			"start_date=2026-09-01": both, "end_date=2026-09-01": none,
			"start_date=2026-09-01T03:30": both, "start_date=2026-09-01T03:31": other, "end_date=2026-09-01T03:31": one,
		},
		`"America/Denver"`: {
			"start_date=2026-09-01": other, "end_date=2026-09-01": one, "start_date=2026-08-31&end_date=2026-09-01": one,
			"start_date=2026-08-31T21:30": both, "start_date=2026-08-31T21:31": other, "end_date=2026-08-31T21:31": one,
			"start_date=2026-09-01T03:30Z": both, "end_date=2026-09-01T03:31Z": one,
		},
		`"Pacific/Kiritimati"`: { // 14 hours ahead
			"start_date=2026-09-01T17:30": one, "start_date=2026-09-01T17:31": none, "start_date=2026-09-01": both, "end_date=2026-09-01": none,
		},
	} {
		s.Call(http.MethodPatch, "/api/v1/users/"+user.String(), `{"time_zone":`+zone+`}`, 200, nil)
		for query, ids := range want {
			if got := list(query); got != ids {
				t.Errorf("%s in %s lists %s, want %s", query, zone, got, ids)
			}
		}
	}
}

// An import that states no zone is in the person's; the first that states one says it for
// a person without one, unless it only tries.
func TestAnImportTakesAndTellsTheTimeZone(t *testing.T) {
	s := gatewaytest.New(t)
	p := serveImports(s)
	user := s.User()
	path := "/api/v1/users/" + user.String()
	send := func(query url.Values) string {
		t.Helper()
		query.Set("kind", "fitbit-export")
		a := s.Do(gatewaytest.Request{
			Method: http.MethodPost, Path: path + "/imports?" + query.Encode(), Body: "an archive", Header: map[string]string{"Content-Type": "application/zip"},
		})
		var got struct{ Timezone *string }
		decode(t, a, 202, &got)
		requests := p.requests()
		asked := requests[len(requests)-1].TimeZone
		if shown := got.Timezone; (shown == nil) != (asked == "") || shown != nil && *shown != asked {
			t.Errorf("the answer shows another zone than %q", asked)
		}
		return asked
	}
	var u zonedUser
	show := func() zonedUser {
		t.Helper()
		u = zonedUser{}
		s.Call(http.MethodGet, path, "", 200, &u)
		return u
	}
	if zone := send(url.Values{}); zone != "" {
		t.Errorf("a zone from nowhere: %q", zone)
	}
	send(url.Values{"timezone": {"Asia/Tokyo"}, "dry_run": {"true"}})
	show().says(t, "", "")
	send(url.Values{"timezone": {"Asia/Tokyo"}})
	show().says(t, "Asia/Tokyo", "import")
	if zone := send(url.Values{}); zone != "Asia/Tokyo" {
		t.Errorf("an import that states no zone is in %q", zone)
	}
	if zone := send(url.Values{"timezone": {"Europe/Rome"}}); zone != "Europe/Rome" {
		t.Errorf("an import that states Europe/Rome is in %q", zone)
	}
	show().says(t, "Asia/Tokyo", "import")
	s.Call(http.MethodPatch, path, `{"time_zone":"Asia/Tokyo"}`, 200, nil)
	show().says(t, "Asia/Tokyo", "client")
}
