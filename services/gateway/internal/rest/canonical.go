package rest

import (
	"slices"

	"github.com/gin-gonic/gin"
)

const paramProvider = "provider"

// canonical puts a provider's own name where a path has one of its other names. So no
// handler has to know that there are several.
func (s *server) canonical(c *gin.Context) {
	for i, p := range c.Params {
		if p.Key == paramProvider {
			c.Params[i].Value = s.named(p.Value)
		}
	}
}

// named is the name of the provider that a client calls so; the same where there is none.
func (s *server) named(name string) string {
	for _, d := range s.o.Catalog {
		if slices.Contains(d.Aliases, name) {
			return d.Name
		}
	}
	return name
}
