// Package consent sends people to their provider and takes them back: the
// authorization code flow with PKCE, states that are good once, and what becomes
// of the grant.
package consent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/ending"
	"github.com/stridelog/stridelog/services/oauth/internal/redirect"
	"github.com/stridelog/stridelog/services/oauth/internal/refusal"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
	"github.com/stridelog/stridelog/services/oauth/internal/store"
)

const (
	defaultStateLife = 10 * time.Minute
	// Together they stay below the 15 s that a caller waits.
	stateTimeout    = 2 * time.Second
	exchangeTimeout = 8 * time.Second
	recordTimeout   = 4 * time.Second
	recordPause     = 100 * time.Millisecond // between two tries to store a grant

	secretBytes = 32 // of a state and of a verifier: 256 bits, 43 characters
)

// Options are what a Flow needs. StateLife may be zero.
type Options struct {
	Store        *store.Store
	Sealer       *seal.Sealer
	Revoker      *ending.Revoker
	Connectors   provider.Connectors
	Catalog      []provider.Descriptor
	RedirectURIs map[string]string // ours, by provider
	Allowed      redirect.Allowlist
	Log          *slog.Logger
	Registry     prometheus.Registerer
	StateLife    time.Duration // how long a consent may take
}

// Flow sends a person to a provider and stores the grant that comes back.
type Flow struct {
	Options
	consents *prometheus.CounterVec
	running  sync.WaitGroup
}

// New makes a Flow and registers its metrics.
func New(o Options) (*Flow, error) {
	if o.StateLife <= 0 {
		o.StateLife = defaultStateLife
	}
	f := &Flow{Options: o, consents: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stridelog_oauth_consents_total",
		Help: "Consents that came back, by provider and outcome: activated, scope_missing, or the error the person is sent back with.",
	}, []string{"provider", "outcome"})}
	return f, telemetry.Register(o.Registry, "consents", f.consents)
}

// Wait returns once no consent is coming back, which takes 14 s at most. New
// requests must have stopped.
func (f *Flow) Wait() { f.running.Wait() }

// Providers lists the catalog and says which of it is configured here.
func (f *Flow) Providers(context.Context, rpc.ProvidersRequest) (rpc.ProvidersResponse, error) {
	list := make([]rpc.Provider, 0, len(f.Catalog))
	for _, p := range f.Catalog {
		list = append(list, rpc.Provider{
			Name: p.Name, DisplayName: p.DisplayName, Enabled: f.Connectors[p.Name] != nil,
			Status: p.Status, Notice: p.Notice, Capabilities: append([]string{}, p.Capabilities...),
		})
	}
	return rpc.ProvidersResponse{Providers: list}, nil
}

// Authorize starts a consent: it answers with the provider's page and the state
// that will come back from there.
func (f *Flow) Authorize(ctx context.Context, q rpc.AuthorizeRequest) (rpc.AuthorizeResponse, error) {
	connector, err := f.connector(q.Provider)
	if err != nil {
		return rpc.AuthorizeResponse{}, err
	}
	user, err := uuid.Parse(q.UserID)
	if err != nil {
		return rpc.AuthorizeResponse{}, refusal.Argument("user_id", "The user id is not a UUID.")
	}
	if err := f.checkReturn(q.RedirectURI); err != nil {
		return rpc.AuthorizeResponse{}, err
	}
	state, verifier := randomText(), randomText()
	hash := sha256.Sum256([]byte(state))
	sealed, err := f.Sealer.SealText(provider.Secret(verifier), seal.StateLabel(hash[:]))
	if err != nil {
		return rpc.AuthorizeResponse{}, err
	}
	err = f.Store.AddState(ctx, store.State{
		Hash: hash[:], Provider: q.Provider, UserID: user.String(), RedirectURI: q.RedirectURI, Verifier: sealed,
	}, f.StateLife)
	var many store.TooManyStatesError
	if errors.As(err, &many) {
		return rpc.AuthorizeResponse{}, refusal.TooMany("consents of this person were begun", many.Until)
	}
	if errors.Is(err, store.ErrErased) {
		return rpc.AuthorizeResponse{}, &rpc.Error{Code: rpc.CodeNotFound, Field: "user_id", Detail: "There is no such user."}
	}
	if err != nil {
		return rpc.AuthorizeResponse{}, err
	}
	challenge := sha256.Sum256([]byte(verifier))
	return rpc.AuthorizeResponse{State: state, AuthorizationURL: connector.Authorizer.AuthorizeURL(provider.AuthorizeRequest{
		RedirectURI: f.RedirectURIs[q.Provider], State: state,
		CodeChallenge: base64.RawURLEncoding.EncodeToString(challenge[:]), Scopes: connector.DefaultScopes,
	})}, nil
}

// checkReturn refuses an address that a person must not be sent back to. Without one
// they see the gateway's own page.
func (f *Flow) checkReturn(uri string) error {
	if uri == "" {
		return nil
	}
	err := f.Allowed.Check(uri)
	if err == nil {
		err = redirect.CheckQuery(uri)
	}
	if err != nil {
		return refusal.Argument("redirect_uri", fmt.Sprintf("The redirect URI is refused: %v.", err))
	}
	return nil
}

// connector is the configured connector of a known provider.
func (f *Flow) connector(name string) (*provider.Connector, error) {
	if c := f.Connectors[name]; c != nil {
		return c, nil
	}
	for _, p := range f.Catalog {
		if p.Name == name {
			return nil, refusal.Disabled(name)
		}
	}
	return nil, refusal.UnknownProvider()
}

func randomText() string {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails; it ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}
