package poller

import (
	"context"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/poller/internal/verify"
)

// Verification compares the activity index with the log.
type Verification = verify.Verification

// Difference is what the activity index has otherwise than the log.
type Difference = verify.Difference

// Verify begins a comparison of the activity index with the log, beside running
// pollers. Records of the configured connectors are hashed again. report takes each
// difference. It changes nothing.
func (s *Service) Verify(report func(Difference)) *Verification {
	return &verify.Verification{DB: s.config.DB, Bus: s.config.Bus, Kinds: s.config.Kinds, Connectors: s.config.Connectors, Report: report}
}

// Erased are those of some persons whose erasure has begun: their facts go before
// their rows elsewhere do.
func (s *Service) Erased(ctx context.Context, users []uuid.UUID) (map[string]bool, error) {
	return verify.Erased(ctx, s.config.DB, users)
}
