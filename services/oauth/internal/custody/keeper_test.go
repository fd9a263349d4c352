package custody

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/cloudtest"
	"github.com/stridelog/stridelog/services/oauth/internal/consent"
	"github.com/stridelog/stridelog/services/oauth/internal/ending"
	"github.com/stridelog/stridelog/services/oauth/internal/redirect"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

const app = "http://localhost:3000/done"

// bench is a database with one connection, whose access token has expired.
type bench struct {
	t     *testing.T
	pool  *pgxpool.Pool
	cloud *cloudtest.Cloud
	store *store.Store
	seal  *seal.Sealer
	id    string
	user  string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, pool: postgrestest.New(t), cloud: cloudtest.Start(t), user: events.NewID()}
	b.store = store.New(b.pool)
	if b.seal, err = seal.New(key); err != nil {
		t.Fatal(err)
	}
	if err := b.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.consent()
	b.expire()
	return b
}

func (b *bench) connectors() provider.Connectors {
	return provider.Connectors{cloudtest.Name: b.cloud.Connector()}
}

// consent goes through the flow, first or again.
func (b *bench) consent() {
	b.t.Helper()
	allowed, err := redirect.Parse([]string{"http://localhost:*"})
	if err != nil {
		b.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	flow, err := consent.New(consent.Options{
		Store: b.store, Sealer: b.seal, Connectors: b.connectors(), Allowed: allowed, Log: log,
		Revoker:      ending.New(ending.Options{Store: b.store, Sealer: b.seal, Connectors: b.connectors(), Log: log}),
		RedirectURIs: map[string]string{cloudtest.Name: cloudtest.Callback},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	a, err := flow.Authorize(b.t.Context(), rpc.AuthorizeRequest{Provider: cloudtest.Name, UserID: b.user, RedirectURI: app})
	if err != nil {
		b.t.Fatal(err)
	}
	code, state := b.cloud.Consent(b.t, a.AuthorizationURL, "ACC1", "activity")
	back, err := flow.Callback(b.t.Context(), rpc.CallbackRequest{Provider: cloudtest.Name, Code: code, State: state})
	if err != nil || back.Status != events.StatusActive {
		b.t.Fatalf("the consent answered %+v, %v", back, err)
	}
	b.id = back.ConnectionID
}

func (b *bench) expire() { b.exec("UPDATE oauth.connections SET access_expires_at = 'epoch'") }

func (b *bench) exec(query string) {
	b.t.Helper()
	if _, err := b.pool.Exec(context.Background(), query); err != nil {
		b.t.Fatal(err)
	}
}

// keeper is one process's.
func (b *bench) keeper(lease time.Duration) *Keeper {
	b.t.Helper()
	k, err := New(Options{
		Store: b.store, Sealer: b.seal, Connectors: b.connectors(), Lease: lease, CallTimeout: lease - time.Millisecond,
		Log: slog.New(slog.NewTextHandler(b.t.Output(), nil)),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(k.Wait)
	return k
}

func (b *bench) token(k *Keeper) (rpc.TokenResponse, error) {
	return k.Token(context.Background(), rpc.TokenRequest{ConnectionID: b.id})
}

func (b *bench) wantReauth(err error) {
	b.t.Helper()
	var refused *rpc.Error
	if !errors.As(err, &refused) || refused.Reason != events.ReasonReauthRequired {
		b.t.Fatalf("the answer is %v, want reauth_required", err)
	}
}

func (b *bench) wantCurrent(got rpc.TokenResponse, err error, version int64) {
	b.t.Helper()
	if err != nil || got.TokenVersion != version || !b.cloud.Accepts(got.AccessToken) {
		b.t.Fatalf("version %d, %v; want version %d and the provider's current token", got.TokenVersion, err, version)
	}
}

// leaveUnfinished takes the lease as a process does that is killed right after.
func (b *bench) leaveUnfinished() {
	b.t.Helper()
	if _, ok, err := b.store.TakeLease(context.Background(), b.id, 1, events.NewID(), time.Hour); err != nil || !ok {
		b.t.Fatalf("the lease was not taken: %v", err)
	}
	b.exec("UPDATE oauth.connections SET refresh_until = now()") // an hour later
}

func TestACrashBeforeTheCallLosesNothing(t *testing.T) {
	b := newBench(t)
	b.leaveUnfinished()
	got, err := b.token(b.keeper(0))
	b.wantCurrent(got, err, 2)
}

func TestACrashBetweenRotationAndStoreIsTriedOnceMore(t *testing.T) {
	b := newBench(t)
	b.leaveUnfinished()
	b.cloud.Lose("ACC1")
	k := b.keeper(0)
	for range 3 {
		_, err := b.token(k)
		b.wantReauth(err)
	}
	if refreshes, _, _ := b.cloud.Counts(); refreshes != 1 {
		t.Errorf("the provider was asked %d times, want once more and never again", refreshes)
	}
}

func TestAWaiterUsesWhatTheHolderStores(t *testing.T) {
	b := newBench(t)
	rotated, answer := make(chan struct{}), make(chan struct{})
	b.cloud.AfterRotation(func() { close(rotated); <-answer })
	var group sync.WaitGroup
	group.Go(func() {
		got, err := b.token(b.keeper(0))
		b.wantCurrent(got, err, 2)
	})
	<-rotated
	waiting := b.keeper(0)
	group.Go(func() {
		got, err := b.token(waiting)
		b.wantCurrent(got, err, 2)
	})
	// The waiter cannot have the lease: asking for it says so.
	if _, ok, err := b.store.TakeLease(t.Context(), b.id, 1, events.NewID(), time.Hour); ok || err != nil {
		t.Errorf("a held lease was given away (%v)", err)
	}
	close(answer)
	group.Wait()
	if refreshes, _, _ := b.cloud.Counts(); refreshes != 1 {
		t.Errorf("%d refreshes, want 1", refreshes)
	}
}

// Another process stores a newer pair while this one is being refused.
func TestInvalidGrantAfterALostRaceUsesTheWinner(t *testing.T) {
	b := newBench(t)
	k := b.keeper(0)
	l, ok, err := b.store.TakeLease(t.Context(), b.id, 1, events.NewID(), time.Hour)
	if err != nil || !ok {
		t.Fatalf("the lease was not taken: %v", err)
	}
	b.consent() // the newer version
	c, err := k.failed(t.Context(), l, &provider.Error{Class: provider.ClassInvalidGrant})
	if err != nil || c.Version != 2 || c.Status != events.StatusActive {
		t.Fatalf("a lost race gave version %d, %s, %v", c.Version, c.Status, err)
	}
	got, err := b.token(k)
	b.wantCurrent(got, err, 2)
}

// A process sleeps past its lease with the answer in its hands; another one
// takes over and is refused. The sleeper's pair is the only good one.
func TestALateOwnerStillStoresItsPair(t *testing.T) {
	b := newBench(t)
	k := b.keeper(0)
	l, ok, err := b.store.TakeLease(t.Context(), b.id, 1, events.NewID(), time.Hour)
	if err != nil || !ok {
		t.Fatalf("the lease was not taken: %v", err)
	}
	pair, err := b.seal.OpenPair(l.Connection.Sealed, b.id)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := b.cloud.Connector().Authorizer.Refresh(t.Context(), pair.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.failed(t.Context(), l, &provider.Error{Class: provider.ClassInvalidGrant}); err == nil {
		t.Fatal("the other process was not refused")
	}
	if _, err := k.landed(t.Context(), l.Connection, pair, grant); err != nil {
		t.Fatalf("the late pair was not stored: %v", err)
	}
	got, err := b.token(k)
	b.wantCurrent(got, err, 2)
}

// A consent that ends in the middle of a refresh stays ended, and the pair that
// comes for it goes back to the provider.
func TestAPairForAnEndedConsentIsRevoked(t *testing.T) {
	b := newBench(t)
	k := b.keeper(0)
	b.cloud.AfterRotation(func() {
		b.exec("UPDATE oauth.connections SET status = 'revoked', tokens = NULL, token_version = token_version + 1")
	})
	_, err := b.token(k)
	var refused *rpc.Error
	if !errors.As(err, &refused) || refused.Reason != "revoked" {
		t.Fatalf("the answer is %v, want revoked", err)
	}
	if _, _, revocations := b.cloud.Counts(); revocations != 1 {
		t.Errorf("%d revocations, want 1", revocations)
	}
}

// A silent provider may have rotated: the next try is the one more.
func TestATimeoutIsRememberedAsUnfinished(t *testing.T) {
	b := newBench(t)
	k := b.keeper(100 * time.Millisecond)
	answer := make(chan struct{})
	b.cloud.AfterRotation(func() { <-answer })
	_, err := b.token(k)
	close(answer)
	var refused *rpc.Error
	if !errors.As(err, &refused) || refused.Code != rpc.CodeUnavailable {
		t.Fatalf("a timeout answered %v, want unavailable", err)
	}
	var unfinished bool
	if err := b.pool.QueryRow(t.Context(), "SELECT refresh_unfinished AND refresh_owner IS NULL AND status = 'active' FROM oauth.connections").Scan(&unfinished); err != nil || !unfinished {
		t.Errorf("the refresh is not marked as unfinished, free and active (%v)", err)
	}
	_, err = b.token(b.keeper(0))
	b.wantReauth(err)
}
