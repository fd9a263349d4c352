package projector

import (
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/projector/internal/rebuild"
)

// SetOlder makes the service that of a program that does not know some types of events.
func (s *Service) SetOlder(less ...events.Type) { s.reader = s.reader.Older(less...) }

// SetLayout makes the service that of a program with another layout.
func (s *Service) SetLayout(layout int) error {
	status, err := rebuild.NewLayoutStatus(layout, nil)
	s.tables.Layout, s.layout = layout, status
	return err
}
