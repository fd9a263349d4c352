package gateway_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

const routeFormat = "google_health.tcx.v1"

// addRoute publishes a route and notes it as the projector would.
func addRoute(t *testing.T, s *gatewaytest.System, user, workout uuid.UUID, externalID, file string) {
	t.Helper()
	now := time.Now().UTC()
	data := &events.RouteFetched{
		UserID: user.String(), Provider: "google_health", ConnectionID: uuid.NewString(), ExternalID: externalID, Format: routeFormat,
		ContentHash: "sha256:00", ActivitySequence: 1, FetchedAt: now,
	}
	if err := data.Compress([]byte(file)); err != nil {
		t.Fatal(err)
	}
	ack, err := s.Bus.Publish(t.Context(), events.Event{
		ID: events.NewID(), Source: "stridelog/poller", Time: now, Provider: "google_health", UserID: user.String(), Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Exec("INSERT INTO projector.routes VALUES ($1, $2, $3, 1, $4, now())", workout, user, ack.Sequence, routeFormat)
}

func TestARouteIsTheProvidersFile(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	id := addWorkout(s, user, time.Now())
	s.Exec("UPDATE projector.workouts SET provider = 'google_health', external_id = '7' WHERE id = $1", id)
	path := "/api/v1/workouts/" + id.String() + "/tcx"
	const file = "\ufeff<?xml version=\"1.0\"?>\r\n<TrainingCenterDatabase a='<&amp;\u2028'/>\n\n"
	addRoute(t, s, user, id, "7", "<old/>")
	addRoute(t, s, user, id, "7", file)
	a := s.Call(http.MethodGet, path, "", 200, nil)
	if string(a.Body) != file || a.Header.Get("Content-Type") != "application/vnd.garmin.tcx+xml" || a.Header.Get("X-Stridelog-Format") != routeFormat {
		t.Errorf("the route came as %q with %v", a.Body, a.Header)
	}
	addRoute(t, s, user, id, "8", "<another/>")
	s.Call(http.MethodGet, path, "", 502, nil)
	s.Exec("UPDATE projector.workouts SET removed_at = now(), doc = NULL WHERE id = $1", id)
	s.Call(http.MethodGet, path, "", 410, nil)
	s.Call(http.MethodGet, "/api/v1/workouts/"+uuid.NewString()+"/tcx", "", 404, nil)
	s.Exec("DELETE FROM gateway.users WHERE id = $1", user)
	s.Call(http.MethodGet, path, "", 404, nil)
}

// A route that is stored in another form comes as the TCX file that its provider's
// maker makes of it; one that the maker cannot read is a 502.
func TestARouteOfAnotherFormIsMadeATrack(t *testing.T) {
	s := gatewaytest.Stores(t)
	s.Publish()
	c := s.Config()
	c.TrackMakers = provider.TrackMakers{routeFormat: func(file []byte) ([]byte, error) {
		if len(file) == 0 {
			return nil, errors.New("nothing to make a track of")
		}
		return append([]byte("<tcx>"), file...), nil
	}}
	s.Start(c)
	user := s.User()
	id := addWorkout(s, user, time.Now())
	s.Exec("UPDATE projector.workouts SET provider = 'google_health', external_id = '7' WHERE id = $1", id)
	path := "/api/v1/workouts/" + id.String() + "/tcx"
	addRoute(t, s, user, id, "7", "1,2,3")
	if a := s.Call(http.MethodGet, path, "", 200, nil); string(a.Body) != "<tcx>1,2,3" || a.Header.Get("X-Stridelog-Format") != routeFormat {
		t.Errorf("the route came as %q with %v", a.Body, a.Header)
	}
	addRoute(t, s, user, id, "7", "")
	s.Call(http.MethodGet, path, "", 502, nil)
}

func TestAnAbsentRouteSaysWhy(t *testing.T) {
	s := gatewaytest.New(t)
	for name, test := range map[string]struct{ provider, scope, status, state, reason string }{
		"the provider has none":  {"fitbit", "{activity,location}", "active", "", "not_offered"},
		"never connected":        {"google_health", "", "", "", "scope_missing"},
		"the scope was refused":  {"google_health", "{activity}", "active", "wanted", "scope_missing"},
		"no longer connected":    {"google_health", "{activity,location}", "revoked", "wanted", "scope_missing"},
		"not asked for yet":      {"google_health", "{activity,location}", "active", "wanted", "not_fetched_yet"},
		"on its way":             {"google_health", "{activity,location}", "active", "fetched", "not_fetched_yet"},
		"recorded without GPS":   {"google_health", "{activity,location}", "active", "", "no_route"},
		"the provider lacks it":  {"google_health", "{activity,location}", "active", "absent", "no_route"},
		"it cannot be read":      {"google_health", "{activity,location}", "active", "failed", "not_readable"},
		"it is known to be none": {"google_health", "{activity}", "active", "absent", "no_route"},
	} {
		t.Run(name, func(t *testing.T) {
			user := s.User()
			id := addWorkout(s, user, time.Now())
			s.Exec("UPDATE projector.workouts SET provider = $2, external_id = '7' WHERE id = $1", id, test.provider)
			if test.status != "" {
				s.Exec("INSERT INTO oauth.connections (user_id, provider, status, scope) VALUES ($1, $2, $3, $4::text[])", user, test.provider, test.status, test.scope)
			}
			if test.state != "" {
				s.Exec("INSERT INTO poller.routes VALUES ($1, $2, '7', $3)", user, test.provider, test.state)
			}
			var p struct{ Code, Reason, Detail string }
			s.Call(http.MethodGet, "/api/v1/workouts/"+id.String()+"/tcx", "", 404, &p)
			if p.Code != "not_found" || p.Reason != test.reason || p.Detail == "" {
				t.Errorf("got %+v, want %s", p, test.reason)
			}
		})
	}
}
