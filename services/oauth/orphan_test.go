package oauth_test

import (
	"net/http"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
)

// refuseRows makes the database take no new connection, as one does that has no
// room left. Everything else in it works.
func (h *fixture) refuseRows() {
	h.t.Helper()
	h.exec(`CREATE FUNCTION oauth.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;
		CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON oauth.connections EXECUTE FUNCTION oauth.refuse();`)
}

func (h *fixture) wantNotStored(back rpc.CallbackResponse) {
	h.t.Helper()
	if back.ErrorCode != "temporarily_unavailable" || back.Reason != "not_stored" || back.ConnectionID != "" || back.RedirectURI != app {
		h.t.Errorf("the callback answered %+v", back)
	}
}

func (h *fixture) revocations() int {
	_, _, n := h.cloud.Counts()
	return n
}

func TestAGrantThatCannotBeStoredGoesBack(t *testing.T) {
	h := newFixture(t)
	stop := h.start("one")
	h.refuseRows()
	user := events.NewID()
	h.wantNotStored(h.connect(user, "ACC1"))
	h.eventually("the grant is revoked", func() bool { return h.revocations() == 1 })
	if h.cloud.Live("ACC1") != 0 {
		t.Error("the provider still has a grant")
	}
	// While the provider is away, too, the grant stays in memory; the end of the
	// service is the last chance.
	h.cloud.FailRefreshes(http.StatusServiceUnavailable, nil)
	h.wantNotStored(h.connect(user, "ACC2"))
	h.eventually("the revocation was tried", func() bool { return h.revocations() == 2 })
	h.cloud.FailRefreshes(0, nil)
	stop()
	if n := h.cloud.Live("ACC2"); n != 0 || h.revocations() != 3 {
		t.Errorf("after the end of the service %d grants live, %d revocations", n, h.revocations())
	}
	h.exec("DROP TRIGGER refuse ON oauth.connections")
	h.start("two")
	if back := h.connect(user, "ACC1"); back.Status != events.StatusActive {
		t.Errorf("trying again answered %+v", back)
	}
}

// One revocation may end every grant of the account, so the grant of a connection
// that works must not be risked for one that was not stored.
func TestAGrantOfAnAccountInUseIsNotRevoked(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	id := h.connect(events.NewID(), "SHARED").ConnectionID
	h.refuseRows()
	h.wantNotStored(h.connect(events.NewID(), "SHARED"))
	h.eventually("the grant was looked at", func() bool { return h.log.contains("account_in_use=true") })
	if h.revocations() != 0 || !h.cloud.Accepts(h.token(id).AccessToken) {
		t.Error("the account's grants were touched")
	}
}

// A database that is away for a moment costs nothing.
func TestAGrantIsStoredOnceTheDatabaseTakesIt(t *testing.T) {
	h := newFixture(t)
	h.start("one")
	h.exec("CREATE SEQUENCE oauth.tries")
	h.exec(`CREATE FUNCTION oauth.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('oauth.tries') <= 2 THEN RAISE 'not now'; END IF; RETURN NULL; END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON oauth.connections EXECUTE FUNCTION oauth.refuse();`)
	if back := h.connect(events.NewID(), "ACC1"); back.Status != events.StatusActive {
		t.Errorf("the callback answered %+v", back)
	}
	if n := h.number("SELECT last_value FROM oauth.tries"); n != 3 || h.revocations() != 0 {
		t.Errorf("%d tries and %d revocations, want 3 and none", n, h.revocations())
	}
}
