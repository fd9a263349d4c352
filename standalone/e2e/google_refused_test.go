package e2e

import (
	"context"
	"testing"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
)

// TestAProjectThatGoogleDoesNotAdmitIsNamed: a consent and a sync say that it is the
// installation that may not use the API; nobody's connection suffers from it.
func TestAProjectThatGoogleDoesNotAdmitIsNamed(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, func(c *config.Config) { c.Poll.Rescan = nil })
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	user := w.settled(ctx, t, "early", account)
	for _, state := range []googlehealth.ProjectState{googlehealth.ProjectNotAdmitted, googlehealth.ProjectDisabled} {
		w.health.SetProjectState(state)
		_, back := w.visit(ctx, t, "late", googlehealth.Decision{AccountID: googlehealth.HealthUserID(w.people[1])})
		if q := back.Query(); q.Get("error") != "exchange_failed" || q.Get("reason") != "not_admitted" {
			t.Errorf("%s: the person came back to %s", state, back)
		}
		sync := w.sync(ctx, t, user)
		if sync.Status != "failed" || sync.Error == nil || sync.Error.Code != "not_admitted" {
			t.Errorf("%s: a sync ended %+v: %+v", state, sync, sync.Error)
		}
	}
	w.awaitConnection(ctx, t, user, google, "active", "")
	if changes := w.log.changesOf(user.ID); len(changes) != 0 {
		t.Errorf("the connection changed: %+v", changes)
	}
	w.health.SetProjectState(googlehealth.ProjectAdmitted)
	if sync := w.sync(ctx, t, user); sync.Status != "success" {
		t.Errorf("once the project is admitted a sync ended %+v", sync)
	}
	w.awaitRecords(ctx, t, user, account, nil, nil)
}

// TestAnAccountThatGoogleSuddenlyRefusesIsAskedForANewConsent: refreshing goes on to
// work for such an account, and only a new consent helps.
func TestAnAccountThatGoogleSuddenlyRefusesIsAskedForANewConsent(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, nil)
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	user := w.settled(ctx, t, "somebody", account)
	for _, state := range []googlehealth.AccountState{googlehealth.AccountDenied, googlehealth.AccountDataDenied, googlehealth.AccountLegacy} {
		if err := w.health.SetAccountState(account, state); err != nil {
			t.Fatal(err)
		}
		if c := w.awaitConnection(ctx, t, user, google, "action_required", "scope_missing"); c.NextAction == "" {
			t.Errorf("%s: nothing says what to do", state)
		}
		if err := w.health.SetAccountState(account, googlehealth.AccountLinked); err != nil {
			t.Fatal(err)
		}
		w.settled(ctx, t, "somebody", account)
	}
}

// TestAConsentThatOpensNothingNamesTheScope: no connection is made, since Google does
// not say whose account it is, and one that the person has goes on.
func TestAConsentThatOpensNothingNamesTheScope(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, func(c *config.Config) {
		c.Providers[google][provider.SettingScopes] = "activity_and_fitness.readonly health_metrics_and_measurements.readonly location.readonly settings.readonly openid"
	})
	ctx := deadline(t)
	account := googlehealth.HealthUserID(w.people[0])
	nothing := googlehealth.Decision{AccountID: account, Scopes: []string{"openid"}}
	refused := func(name string) client.User {
		user, back := w.visit(ctx, t, name, nothing)
		if q := back.Query(); q.Get("error") != "scope_missing" || q.Get("reason") != scopeActivity || q.Get("connection_id") != "" {
			t.Errorf("the person came back to %s", back)
		}
		return user
	}
	user := refused("somebody")
	if list, err := w.in.Client.Connections(ctx, user.ID); err != nil || len(list) != 0 {
		t.Errorf("the connections are %+v: %v", list, err)
	}
	w.settled(ctx, t, "somebody", account)
	refused("somebody")
	if sync := w.sync(ctx, t, user); sync.Status != "success" {
		t.Errorf("the connection before does not go on: %+v", sync)
	}
}

// sync reads three days and gives how that ended.
func (w *googleWorld) sync(ctx context.Context, t *testing.T, user client.User) client.Sync {
	t.Helper()
	id, err := w.in.Client.Historical(ctx, user.ID, google, 3)
	if err != nil {
		t.Fatal(err)
	}
	sync, err := w.in.Client.AwaitSync(ctx, user.ID, id)
	if err != nil {
		t.Fatal(err)
	}
	return sync
}
