package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
	"github.com/stridelog/stridelog/services/gateway/internal/users"
)

// What an address may do wrong. A client with an old key tries now and then; whoever
// guesses tries often, and a key is too long to be guessed in any case: this bounds what
// the guessing costs here.
const (
	mostBadKeys      = 30
	badKeysPeriod    = time.Minute
	badKeysAddresses = 10_000
)

// reasonScope is why a key is refused that is good for something else.
const reasonScope = "scope_missing"

// keyAccess is where a request keeps what its caller may do.
const keyAccess = "access"

// accessOf is what the caller of a request may do; nil where no key is needed.
func accessOf(ctx context.Context) *apikey.Access {
	a, _ := ctx.Value(keyAccess).(*apikey.Access)
	return a
}

// authenticate asks for a good key with the scope that the contract names.
func (s *server) authenticate(rules contract.Contract) gin.HandlerFunc {
	return func(c *gin.Context) {
		o := rules[ruleOf(c)]
		if o != nil && o.Public {
			return
		}
		access, err := s.allowed(c)
		switch {
		case err != nil:
			refuse(c, err)
		case s.limited(c, access): // also a key that lacks the scope: its requests count, and it is told
		case o != nil && !access.Has(apikey.Scope(o.Scope)):
			refuse(c, missingScope(access, apikey.Scope(o.Scope)))
		default:
			c.Set(keyAccess, access)
		}
	}
}

// allowed is what the request's key allows, or a problem.
func (s *server) allowed(c *gin.Context) (*apikey.Access, error) {
	secret, from := key(c.Request.Header), c.Request.RemoteAddr
	if wait := s.badKeys.Wait(from, time.Now()); wait > 0 && !s.o.Keys.Trusted(secret) {
		return nil, problem.TooMany("Too many bad API keys came from this address: correct the key, and wait as long as Retry-After says.", wait)
	}
	access, err := s.o.Keys.Access(c, secret)
	switch {
	case errors.Is(err, apikey.ErrBusy):
		return nil, problem.Unavailable("Too many unknown keys are being checked: try again.", err)
	case err != nil:
		return nil, problem.Unavailable("The key could not be checked: try again.", err)
	case access == nil && secret != "":
		s.badKeys.Fail(from, time.Now())
	}
	if access == nil {
		return nil, problem.New(http.StatusUnauthorized, problem.CodeUnauthorized,
			"Send a valid API key as Authorization: Bearer <key>, X-API-Key or X-Open-Wearables-API-Key.")
	}
	return access, nil
}

func missingScope(a *apikey.Access, missing apikey.Scope) *problem.Problem {
	p := problem.New(http.StatusForbidden, problem.CodeForbidden, fmt.Sprintf(
		"The key lacks the scope %s, which this route needs; it has %s. Use a key with it, or have an admin make one.", missing, apikey.Join(a.Scopes)))
	p.Reason = reasonScope
	p.Errors = []problem.Field{{Field: "scope", Message: "lacks " + string(missing)}}
	return p
}

// limited counts the request, says how the key stands, and refuses one too many.
func (s *server) limited(c *gin.Context, a *apikey.Access) bool {
	most := a.PerMinute
	if most == 0 && a.Kind != apikey.KindConfigured {
		most = s.o.RequestsPerMinute
	}
	if most == 0 {
		return false
	}
	stand := s.limits.Take(a.ID, most, time.Now())
	reset := int((stand.Reset + time.Second - 1) / time.Second)
	c.Header("RateLimit-Policy", fmt.Sprintf(`"requests";q=%d;w=%d`, stand.Limit, int(apikey.LimitWindow/time.Second)))
	c.Header("RateLimit", `"requests";r=`+strconv.Itoa(stand.Remaining)+`;t=`+strconv.Itoa(reset))
	if stand.Allowed {
		return false
	}
	refuse(c, problem.TooMany(fmt.Sprintf("The key has sent its %d requests of a minute: wait as long as Retry-After says.", stand.Limit), stand.Reset))
	return true
}

// reach refuses a bound key whatever is not about its people, as if it were not there. A
// route that names nobody is refused unless the contract says that it is harmless. It runs
// after the contract's check, so ids are ids.
func (s *server) reach(rules contract.Contract) gin.HandlerFunc {
	return func(c *gin.Context) {
		access := accessOf(c)
		if access == nil || !access.Bound {
			return
		}
		err := s.reaches(c, access)
		if errors.Is(err, errNobody) {
			if o := rules[ruleOf(c)]; o != nil && o.BoundKeys {
				return
			}
			err = problem.New(http.StatusForbidden, problem.CodeForbidden, "A key that is bound to users cannot do this: use one that is not bound.")
		}
		if err != nil {
			refuse(c, err)
		}
	}
}

// errNobody says that a request names no person and nothing of one.
var errNobody = errors.New("the request names nobody")

func (s *server) reaches(c *gin.Context, access *apikey.Access) error {
	if user, named := userOf(c); named {
		id, err := uuid.Parse(user)
		if err != nil || !access.Reaches(id) {
			return users.NotFound()
		}
		return nil
	}
	for name, of := range s.owners() {
		thing := c.Param(name)
		if thing == "" {
			continue
		}
		id, err := uuid.Parse(thing)
		if err != nil {
			return problem.InvalidField(name, "must be a UUID")
		}
		user, err := of.owner(c, id)
		if err != nil {
			return err
		}
		if !access.Reaches(user) {
			return problem.NotFound(of.thing)
		}
		return nil
	}
	return errNobody
}

// userOf is the person whom a request names, in its path or its query.
func userOf(c *gin.Context) (user string, named bool) {
	if user = c.Param(paramUserID); user != "" {
		return user, true
	}
	return c.GetQuery(paramUserID)
}

type owned struct {
	thing string
	owner func(ctx context.Context, id uuid.UUID) (uuid.UUID, error)
}

// owners find the person of what a path names, by the path's parameter.
func (s *server) owners() map[string]owned {
	return map[string]owned{"workout_id": {"workout", s.workouts.Owner}, "import_id": {"import", s.imports.Owner}}
}

func ruleOf(c *gin.Context) string { return c.Request.Method + " " + c.FullPath() }

func key(h http.Header) string {
	if scheme, token, ok := strings.Cut(h.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	if k := h.Get("X-API-Key"); k != "" {
		return k
	}
	return h.Get("X-Open-Wearables-API-Key")
}
