package poller

import (
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// catalog are the sources that are listed, by provider. Those of items and days are read
// by a sync that names no kinds.
func (s *Service) catalog() store.Catalog {
	kinds := s.config.Kinds
	all := store.Catalog{}
	for name, connector := range s.config.Connectors {
		all[name] = nil
		for _, of := range connector.Sources {
			if of.List == nil {
				continue
			}
			kind, _ := kinds.Find(of.Kind)
			source := store.Source{Name: of.Name, Kind: of.Kind, Usual: kind.Shape == events.ShapeItem || kind.Shape == events.ShapeDay}
			for _, t := range of.Tiers {
				source.Tiers = append(source.Tiers, store.Tier{Span: t.Span, Every: t.Every})
			}
			all[name] = append(all[name], store.CatalogSource{Source: source, Scopes: of.Scopes})
		}
	}
	return all
}
