package e2e

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// TestGoogleExercisesArriveAndStayRight: consent, the first days from several
// sources, an edit, a new record, a deletion that a get by id proves, and a token
// that runs out, over HTTP against the simulated cloud.
func TestGoogleExercisesArriveAndStayRight(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{Copies: 20, MaxPage: 7}, nil)
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	if n := len(w.health.Records(account)); n < 12 {
		t.Fatalf("the simulator gave only %d records", n)
	}
	user := w.settled(ctx, t, "somebody", account)
	records := w.quiet(account)
	edited, deleted := records[0], records[1]
	versions, gone := map[string]int{edited.ExternalID: 1}, map[string]bool{}

	var sent []byte
	id := workoutID(t, byExternalID(t, w.rows(ctx, t, user))[edited.ExternalID])
	if err := w.in.Client.Call(ctx, http.MethodGet, "/workouts/"+id+"/raw", nil, &sent); err != nil {
		t.Fatal(err)
	}
	if want := w.health.RawRecord(account, edited.ExternalID); string(sent) != string(want) {
		t.Errorf("the cloud sent\n%s\nand /raw gives\n%s", want, sent)
	}

	if err := w.health.Edit(account, edited.ExternalID, editDistance); err != nil {
		t.Fatal(err)
	}
	w.awaitRecords(ctx, t, user, account, versions, gone)

	late := records[2].Truth
	late.ExternalID, late.Start = "", late.Start.Add(-3*time.Hour)
	if _, err := w.health.Upload(account, late); err != nil {
		t.Fatal(err)
	}
	w.awaitRecords(ctx, t, user, account, versions, gone)

	asked := w.health.Requests()[googlehealth.EndpointGet]
	if err := w.health.Delete(account, deleted.ExternalID); err != nil {
		t.Fatal(err)
	}
	gone[deleted.ExternalID] = true
	w.awaitRecords(ctx, t, user, account, versions, gone)
	if n := w.health.Requests()[googlehealth.EndpointGet]; n == asked {
		t.Error("a record was taken as removed although nobody asked for it by its id")
	}

	w.checkLaps(ctx, t, user, account)

	before := w.health.Requests()[googlehealth.EndpointToken]
	if err := w.health.ExpireAccessTokens(account); err != nil {
		t.Fatal(err)
	}
	if err := w.health.Edit(account, records[3].ExternalID, editDistance); err != nil {
		t.Fatal(err)
	}
	versions[records[3].ExternalID] = 1
	w.awaitRecords(ctx, t, user, account, versions, gone)
	if n := w.health.Requests()[googlehealth.EndpointToken]; n != before+1 {
		t.Errorf("an expired access token cost %d refreshes", n-before)
	}
	if changes := w.log.changesOf(user.ID); len(changes) != 0 {
		t.Errorf("the connection changed: %+v", changes)
	}
}

// TestAGoogleConsentIsRevokedByEitherSide: a disconnect ends the grant at Google; a
// person who removes the app there is asked for a new consent, which revives all.
func TestAGoogleConsentIsRevokedByEitherSide(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, nil)
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	user := w.settled(ctx, t, "somebody", account)

	if err := w.health.Withdraw(account); err != nil {
		t.Fatal(err)
	}
	w.awaitConnection(ctx, t, user, google, "action_required", "reauth_required")
	_, err := w.in.Client.Historical(ctx, user.ID, google, 3)
	expectProblem(t, err, http.StatusConflict)
	w.settled(ctx, t, "somebody", account)

	if err := w.in.Client.Call(ctx, http.MethodDelete, "/users/"+user.ID+"/connections/"+google, nil, nil); err != nil {
		t.Fatal(err)
	}
	if n := w.health.Grants(account); n != 0 {
		t.Errorf("after the disconnect Google still has %d grants", n)
	}
	w.awaitRecords(ctx, t, user, account, nil, nil) // the data stays
}

// TestAPartOfTheScopesIsAPartOfTheData: without the activity scope a connection
// waits for its person, without the others exercises arrive all the same.
func TestAPartOfTheScopesIsAPartOfTheData(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, nil)
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	user, back := w.visit(ctx, t, "somebody", googlehealth.Decision{AccountID: account, Scopes: []string{scopeSettings}})
	if q := back.Query(); q.Get("error") != "scope_missing" || q.Get("reason") != scopeActivity {
		t.Errorf("without the activity scope the person came back to %s", back)
	}
	if c := w.awaitConnection(ctx, t, user, google, "action_required", "scope_missing"); c.NextAction == "" {
		t.Error("nothing says what to do about the scope")
	}
	if user, back = w.visit(ctx, t, "somebody", googlehealth.Decision{AccountID: account, Scopes: []string{scopeActivity}}); back.Query().Get("status") != "active" {
		t.Fatalf("with the activity scope alone the person came back to %s", back)
	}
	w.awaitRecords(ctx, t, user, account, nil, nil)
}

// TestAnAccountWithoutGoogleHealthIsToldSo: no connection is made, the words say
// what is wrong, and Google keeps no grant.
func TestAnAccountWithoutGoogleHealthIsToldSo(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, nil)
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	for _, state := range []googlehealth.AccountState{googlehealth.AccountNotLinked, googlehealth.AccountUnfinished, googlehealth.AccountLegacy} {
		if err := w.health.SetAccountState(account, state); err != nil {
			t.Fatal(err)
		}
		user, back := w.visit(ctx, t, "somebody", googlehealth.Decision{AccountID: account})
		if q := back.Query(); q.Get("error") != "account_not_linked" || q.Get("connection_id") != "" {
			t.Errorf("%s: the person came back to %s", state, back)
		}
		if list, err := w.in.Client.Connections(ctx, user.ID); err != nil || len(list) != 0 {
			t.Errorf("%s: the connections are %+v: %v", state, list, err)
		}
		for w.health.Grants(account) > 0 {
			wait(t, ctx, "%s: a grant that nobody keeps is given back", state)
		}
	}
	if err := w.health.SetAccountState(account, googlehealth.AccountLinked); err != nil {
		t.Fatal(err)
	}
	w.settled(ctx, t, "somebody", account)
}

// TestAGoogleQuotaIsAnAccountsOwn: who is over the quota waits and then goes on; the
// other account of the app does not wait for it.
func TestAGoogleQuotaIsAnAccountsOwn(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{RetryAfter: true, MaxPage: 5}, func(c *config.Config) { c.Poll.Rescan = nil })
	ctx := deadline(t)
	over, free := googlehealth.HealthUserID(w.people[0]), googlehealth.HealthUserID(w.people[1])
	var asked atomic.Int32
	w.arm(over, func(call *googlehealth.Call) *googlehealth.Fault {
		if call.Endpoint == googlehealth.EndpointList && asked.Add(1) == 1 {
			return googlehealth.RateLimited(6 * time.Second)
		}
		return nil
	})
	waiting := w.join(ctx, t, "over", over)
	w.expectDeferred(ctx, t, waiting.ID)
	w.settled(ctx, t, "free", free)
	if n := asked.Load(); n != 1 {
		t.Errorf("an account below its quota waited for another one, which was asked %d times by then", n)
	}
	w.awaitRecords(ctx, t, waiting, over, nil, nil)

	// A quota that the cloud itself counts, far below what is configured here.
	if err := w.health.SetQuota(free, 2, 4*time.Second); err != nil {
		t.Fatal(err)
	}
	user := w.join(ctx, t, "free again", free)
	w.awaitRecords(ctx, t, user, free, nil, nil)
	if w.health.Overruns(free) == 0 {
		t.Error("the quota was never reached: the test shows nothing")
	}
}

// TestAWithdrawnConsentIsToldToEveryUserOfTheAccount: Google ends all grants of an
// account at once. The connection that is read tells the one that is not, and a
// disconnect of one of two leaves the other's grant alone.
func TestAWithdrawnConsentIsToldToEveryUserOfTheAccount(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, func(c *config.Config) { c.Poll.Rescan = nil })
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	first, second := w.settled(ctx, t, "first", account), w.settled(ctx, t, "second", account)
	if err := w.health.Withdraw(account); err != nil {
		t.Fatal(err)
	}
	if _, err := w.in.Client.Historical(ctx, first.ID, google, 3); err != nil {
		t.Fatal(err)
	}
	for _, user := range []client.User{first, second} {
		c := w.awaitConnection(ctx, t, user, google, "action_required", "reauth_required")
		w.awaitChange(ctx, t, user, statusChange{Status: "action_required", Reason: "reauth_required", NextAction: c.NextAction})
	}

	w.join(ctx, t, "first", account)
	w.join(ctx, t, "second", account)
	end := func(user client.User) {
		if err := w.in.Client.Call(ctx, http.MethodDelete, "/users/"+user.ID+"/connections/"+google, nil, nil); err != nil {
			t.Fatal(err)
		}
		w.awaitConnection(ctx, t, user, google, "revoked", "")
	}
	end(first)
	if n := w.health.Grants(account); n == 0 {
		t.Error("the end of one connection ended the grant that another one uses")
	}
	end(second)
	if n := w.health.Grants(account); n != 0 {
		t.Errorf("after the last disconnect Google still has %d grants", n)
	}
}

// TestAGrantOfAProjectInTestingIsToldBeforeItEnds: refresh tokens of a project in
// testing die after seven days. A day before, the person is asked for a new consent;
// until then exercises go on to arrive.
func TestAGrantOfAProjectInTestingIsToldBeforeItEnds(t *testing.T) {
	var later atomic.Int64 // how much later it is at Google
	w := newGoogleWorld(t, googlehealth.Options{
		Testing: true, Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) },
	}, nil)
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	user := w.join(ctx, t, "somebody", account)
	edited := w.quiet(account)[0].ExternalID
	w.awaitFacts(ctx, t, user, edited, 1)

	later.Store(int64(6*day + day/2))
	c := w.awaitConnection(ctx, t, user, google, "action_required", "consent_expiring")
	w.awaitChange(ctx, t, user, statusChange{Status: "action_required", Reason: "consent_expiring", NextAction: c.NextAction})
	if err := w.health.Edit(account, edited, editDistance); err != nil {
		t.Fatal(err)
	}
	w.awaitFacts(ctx, t, user, edited, 2)

	later.Store(int64(7 * day))
	w.awaitConnection(ctx, t, user, google, "action_required", "reauth_required")
	w.join(ctx, t, "somebody", account)
	w.awaitConnection(ctx, t, user, google, "active", "")
}

// expectDeferred waits until a user's sync waits for a budget.
func (w *googleWorld) expectDeferred(ctx context.Context, t *testing.T, userID string) {
	t.Helper()
	for {
		syncs, err := w.in.Client.Syncs(ctx, userID)
		if err != nil {
			t.Fatal(err)
		}
		if len(syncs) == 1 && syncs[0].Status == "deferred" {
			return
		}
		wait(t, ctx, "a deferred sync: %+v", syncs)
	}
}
