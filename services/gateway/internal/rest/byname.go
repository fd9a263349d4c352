package rest

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

const (
	paramUserID = "user_id"
	// byExternalID begins a person's id where it is the client's own and not ours.
	byExternalID = "external:"
	// longestExternalID is the most characters that an external_user_id has.
	longestExternalID = 200
)

// unescape decodes the parameters of a path that the router compared as it was sent: a
// slash inside of a parameter is written %2F.
func unescape(c *gin.Context) {
	if c.Request.URL.RawPath == "" {
		return // the router took the decoded path
	}
	for i, p := range c.Params {
		if value, err := url.PathUnescape(p.Value); err == nil {
			c.Params[i].Value = value
		}
	}
}

// byName puts our id of a person where a path, or the query of a route that takes it
// there, names the person by the client's own id. So no handler has to know that there
// are two.
func (s *server) byName(rules contract.Contract) gin.HandlerFunc {
	return func(c *gin.Context) {
		if name, ok := strings.CutPrefix(c.Param(paramUserID), byExternalID); ok {
			id, ok := s.find(c, name)
			if !ok {
				return
			}
			for i, p := range c.Params {
				if p.Key == paramUserID {
					c.Params[i].Value = id
				}
			}
		}
		if o := rules[ruleOf(c)]; o == nil || !o.TakesQuery(paramUserID) {
			return
		}
		query, err := url.ParseQuery(c.Request.URL.RawQuery)
		if err != nil || len(query[paramUserID]) != 1 {
			return // the contract says what is wrong with it
		}
		if name, ok := strings.CutPrefix(query.Get(paramUserID), byExternalID); ok {
			if id, ok := s.find(c, name); ok {
				query.Set(paramUserID, id)
				c.Request.URL.RawQuery = query.Encode()
			}
		}
	}
}

// find gives the id of the person whom the client knows by a name. Where there is none
// it answers the request.
func (s *server) find(c *gin.Context, name string) (id string, ok bool) {
	if name == "" || utf8.RuneCountInString(name) > longestExternalID || !events.Storable(name) {
		refuse(c, problem.InvalidField(paramUserID, "has no external_user_id after "+byExternalID+": it has 1 to 200 characters, percent-encoded, a slash as %2F"))
		return "", false
	}
	found, err := s.users.ByExternalID(c, name)
	if err != nil {
		refuse(c, err)
		return "", false
	}
	return found.String(), true
}

// sentPath lets the router compare paths as they are sent, see unescape.
func sentPath(router *gin.Engine) {
	router.UseRawPath = true
	router.UnescapePathValues = false
}
