package gateway_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// coverages are the members of that name of a user's connections, as they were sent.
func coverages(t *testing.T, s *gatewaytest.System, user uuid.UUID) map[uuid.UUID]string {
	t.Helper()
	var list []struct {
		ID       uuid.UUID
		Coverage json.RawMessage
	}
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/connections", "", 200, &list)
	sent := map[uuid.UUID]string{}
	for _, c := range list {
		sent[c.ID] = string(c.Coverage)
	}
	return sent
}

func TestAConnectionShowsWhatWasReadOfItsAccount(t *testing.T) {
	s := gatewaytest.New(t)
	user, other := s.User(), s.User()
	connect := func(user uuid.UUID, provider, status string, account any) uuid.UUID {
		id := s.Connection(user, provider, status)
		s.Exec(`UPDATE oauth.connections SET provider_user_id = $2 WHERE id = $1`, id, account)
		return id
	}
	revoked, active := connect(user, "fitbit", "revoked", "A1"), connect(user, "fitbit", "active", "B2")
	elsewhere, unread := connect(user, "google_health", "active", "A1"), connect(user, "third", "active", "C3")
	unnamed, nameless := connect(user, "fourth", "active", ""), connect(user, "fifth", "revoked", nil)
	others := connect(other, "fitbit", "active", "A1")
	read := func(user uuid.UUID, provider, account, kind, from, until string) {
		s.Exec(`INSERT INTO poller.coverage VALUES ($1, $2, $3, $4, $5::timestamptz, $6::timestamptz)`, user, provider, account, kind, from, until)
	}
	read(user, "fitbit", "A1", "activity", "2026-09-01T00:00:00+02:00", "2026-09-30T10:00:00.25Z")
	read(user, "fitbit", "A1", "activity", "2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z")
	read(user, "fitbit", "A1", "sleep", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
	read(user, "fitbit", "B2", "activity", "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z")
	read(user, "google_health", "A1", "activity", "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z")
	read(user, "fourth", unnamed.String(), "activity", "2026-10-05T00:00:00Z", "2026-10-06T00:00:00Z")
	read(user, "fifth", nameless.String(), "activity", "2026-10-07T00:00:00Z", "2026-10-08T00:00:00Z")
	read(other, "fitbit", "A1", "activity", "2026-10-09T00:00:00Z", "2026-10-10T00:00:00Z")

	one := func(from, until string) string {
		return `[{"kind":"activity","from":"` + from + `T00:00:00Z","until":"` + until + `T00:00:00Z"}]`
	}
	got := coverages(t, s, user)
	for id, want := range map[uuid.UUID]string{
		revoked: `[{"kind":"activity","from":"2025-03-01T00:00:00Z","until":"2025-03-02T00:00:00Z"},` +
			`{"kind":"sleep","from":"2026-01-01T00:00:00Z","until":"2026-02-01T00:00:00Z"},` +
			`{"kind":"activity","from":"2026-08-31T22:00:00Z","until":"2026-09-30T10:00:00.25Z"}]`,
		active:    one("2026-10-01", "2026-10-02"),
		elsewhere: one("2026-10-03", "2026-10-04"),
		unread:    `[]`,
		unnamed:   one("2026-10-05", "2026-10-06"),
		nameless:  one("2026-10-07", "2026-10-08"),
	} {
		if got[id] != want {
			t.Errorf("the coverage is %s, want %s", got[id], want)
		}
	}
	if list := coverages(t, s, other); len(got) != 6 || len(list) != 1 || list[others] != one("2026-10-09", "2026-10-10") {
		t.Errorf("another user's coverage is %v beside %d connections", list, len(got))
	}
}

// During an upgrade the poller may still be older than the gateway: it publishes no coverage.
func TestConnectionsOfAnOlderPollerAreShown(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	id := s.Connection(user, "fitbit", "active")
	s.Exec(`DROP VIEW poller.view_coverage_v1 CASCADE`) // the analysts' view of it, too
	if got := coverages(t, s, user); len(got) != 1 || got[id] != `[]` {
		t.Errorf("the coverage is %v", got)
	}
}
