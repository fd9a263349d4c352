package system

import (
	"context"

	"github.com/stridelog/stridelog/services/gateway"
)

// APIKeys gives the API keys of the installation to fn, beside a running system.
func (s *System) APIKeys(ctx context.Context, fn func(*gateway.APIKeys) error) error {
	c, err := s.open(ctx, "api-keys", "gateway", nil) // the services beside it have the metrics
	if err != nil {
		return err
	}
	defer c.close()
	return fn(gateway.NewAPIKeys(c.db))
}
