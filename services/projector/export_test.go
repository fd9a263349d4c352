package projector

import "github.com/stridelog/stridelog/services/projector/internal/rebuild"

// SetLayout makes the service that of a program with another layout.
func (s *Service) SetLayout(layout int) error {
	standing, err := rebuild.NewStanding(layout, nil)
	s.tables.Layout, s.standing = layout, standing
	return err
}
