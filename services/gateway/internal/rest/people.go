package rest

import (
	"github.com/gin-gonic/gin"

	"github.com/stridelog/stridelog/services/gateway/internal/pages"
)

const (
	callbackPath  = "/api/v1/oauth/:provider/callback"
	connectedPath = "/connected"
	// connectedFromCallback leads from a callback to our page also where a proxy serves
	// the API below a path of its own.
	connectedFromCallback = "../../../.." + connectedPath

	keyPages = "pages"
)

// forPeople lets the routes that a person's browser visits answer problems with a page.
// Programs, which do not ask for one, get JSON there, too.
func (s *server) forPeople(c *gin.Context) {
	if route := c.FullPath(); route != callbackPath && route != connectedPath {
		return
	}
	c.Writer.Header().Add("Vary", "Accept")
	if pages.Wanted(c.Request.Header) {
		c.Set(keyPages, s.pages)
	}
}

// connected is where a person ends up whose client named no address of its own.
func (s *server) connected(c *gin.Context) {
	outcome := pages.Outcome{Status: c.Query("status"), Error: c.Query("error")}
	for _, d := range s.o.Catalog {
		if d.Name == c.Query("provider") {
			outcome.Provider = d.DisplayName
		}
	}
	if err := s.pages.WriteOutcome(c.Writer, outcome); err != nil {
		refuse(c, err)
	}
}
