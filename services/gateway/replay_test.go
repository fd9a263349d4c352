package gateway_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/services/gateway"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// erasers answer for the services that have nothing of anybody. asked is whom they were
// asked for since it was called last.
func erasers(s *gatewaytest.System) (asked func() (users []string)) {
	people := make(chan string, 1000)
	answer := func(_ context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
		people <- r.UserID
		return rpc.EraseResponse{}, nil
	}
	s.Serve("oauth", bus.Method(rpc.OAuthErase, answer))
	s.Serve("poller", bus.Method(rpc.PollerErase, answer))
	s.Serve("projector", bus.Method(rpc.ProjectorErase, answer))
	return func() (users []string) {
		for {
			select {
			case id := <-people:
				users = append(users, id)
			default:
				return users
			}
		}
	}
}

// listing is a configuration that keeps the list of erasures in a file.
func listing(s *gatewaytest.System, file string) gateway.Config {
	c := s.Config()
	c.ErasuresFile = file
	return c
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// A database of before an erasure comes back: the list knows the erasure, and the
// person is unknown from the first answer on.
func TestARestoredDatabaseForgetsAgainWhoWasErased(t *testing.T) {
	s := gatewaytest.Stores(t)
	s.Publish()
	erasers(s)
	file := filepath.Join(t.TempDir(), "kept", "erasures.jsonl")
	stop := s.Start(listing(s, file))
	gone, stays := s.User(), s.User()
	var begun struct {
		ErasureID string `json:"erasure_id"`
	}
	s.Call(http.MethodDelete, "/api/v1/users/"+gone.String(), "", 202, &begun)
	if list := lines(t, file); len(list) != 1 || !strings.Contains(list[0], begun.ErasureID) || strings.Contains(list[0], gone.String()) {
		t.Fatalf("the list is %v", list)
	}
	state := func() string {
		var e struct{ State string }
		s.Call(http.MethodGet, "/api/v1/erasures/"+begun.ErasureID, "", 200, &e)
		return e.State
	}
	s.Await("the erasure ends", func() bool { return state() == "done" })
	stop()

	s.Exec(`DELETE FROM gateway.erasures`) // the database as it was before
	s.Exec(`INSERT INTO gateway.users (id) VALUES ($1)`, gone)
	stop = s.Start(s.Config())
	s.Call(http.MethodGet, "/api/v1/users/"+gone.String(), "", 200, nil) // the control: they are back
	stop()
	broken, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.WriteString(`{"erasure_id":"half a li`); err != nil {
		t.Fatal(err)
	}
	_ = broken.Close()
	s.Start(listing(s, file))
	s.Call(http.MethodGet, "/api/v1/users/"+gone.String(), "", 404, nil)
	s.Call(http.MethodGet, "/api/v1/users/"+stays.String(), "", 200, nil)
	s.Await("the erasure ends again", func() bool { return state() == "done" })
	s.Call(http.MethodDelete, "/api/v1/users/"+stays.String(), "", 202, nil)
	if list := lines(t, file); len(list) != 2 {
		t.Errorf("the list is %v", list)
	}
}

// A log of before an erasure comes back under the database that knows its end, or with a
// database that never knew the person: who is in it is erased from it.
func TestARestoredLogForgetsAgainWhoWasErased(t *testing.T) {
	s := gatewaytest.Stores(t)
	s.Publish()
	asked := erasers(s)
	file := filepath.Join(t.TempDir(), "erasures.jsonl")
	stop := s.Start(listing(s, file))
	known, unknown, stays := s.User(), s.User(), s.User()
	ids := map[uuid.UUID]string{}
	for _, user := range []uuid.UUID{known, unknown} {
		var e struct {
			ErasureID string `json:"erasure_id"`
			State     string
		}
		s.Call(http.MethodDelete, "/api/v1/users/"+user.String(), "", 202, &e)
		ids[user] = e.ErasureID
		s.Await("the erasure ends", func() bool {
			s.Call(http.MethodGet, "/api/v1/erasures/"+e.ErasureID, "", 200, &e)
			return e.State == "done"
		})
	}
	stop()
	s.Exec(`DELETE FROM gateway.erasures WHERE id = $1`, ids[unknown])
	// The log as it was before: no word of the erasures, and their people in it.
	if _, err := s.Bus.EraseSubjects(t.Context(), events.StreamFacts, events.TypeSubjects(events.TypeUserErased)); err != nil {
		t.Fatal(err)
	}
	for _, user := range []uuid.UUID{known, unknown, stays} {
		subject, err := events.Subject(events.TypeActivityFetched, "fitbit", user.String())
		if err != nil {
			t.Fatal(err)
		}
		bustest.StoreMessage(t, s.Bus, events.Message{Subject: subject, Data: []byte("{}")})
	}
	asked() // of before the restore
	s.Start(listing(s, file))
	seen := map[string]bool{}
	s.Await("they are erased from the log", func() bool {
		for _, user := range asked() {
			seen[user] = true
		}
		return seen[known.String()] && seen[unknown.String()]
	})
	if seen[stays.String()] {
		t.Error("somebody is erased whom nobody erased")
	}
}
