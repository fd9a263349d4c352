package projector

import "github.com/stridelog/stridelog/services/projector/internal/verify"

// Verification compares the tables with the log.
type Verification = verify.Verification

// Difference is what the tables have otherwise than the log.
type Difference = verify.Difference

// Verify begins a comparison of the tables with the log, beside running projectors.
// report takes each difference. It changes nothing.
func (s *Service) Verify(report func(Difference)) *Verification {
	return &verify.Verification{Bus: s.cfg.Bus, Tables: s.tables, Reader: s.reader, Report: report}
}
