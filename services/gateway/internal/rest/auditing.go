package rest

import (
	"context"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/stridelog/stridelog/services/gateway/internal/apikey"
	"github.com/stridelog/stridelog/services/gateway/internal/audit"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

const (
	// keyMade is where a handler says what it made, if no Location does.
	keyMade = "made"
	// endTimeout bounds the completion of a record, which the client's leaving does not stop.
	endTimeout = 10 * time.Second
)

// record notes a change in the audit before it is made, and what came of it. Where the
// audit cannot be written, nothing is changed.
func (s *server) record(rules contract.Contract) gin.HandlerFunc {
	return func(c *gin.Context) {
		o := rules[ruleOf(c)]
		if o == nil || o.Audit == "" {
			return
		}
		sequence, err := s.audit.Begin(c, s.entry(c, o.Audit))
		if err != nil {
			refuse(c, problem.Unavailable("The change could not be noted in the audit, so it was not made: try again.", err))
			return
		}
		c.Next()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), endTimeout)
		defer cancel()
		if err := s.audit.End(ctx, sequence, outcome(c, o.Audit)); err != nil {
			s.o.Log.WarnContext(ctx, "a record of the audit stays without its outcome", "sequence", sequence, "error", err)
		}
	}
}

func (s *server) entry(c *gin.Context, action string) audit.Entry {
	e := audit.Entry{Actor: "anybody", Action: action, RequestID: requestID(c)}
	if a := accessOf(c); a != nil {
		e.Actor = string(a.Kind)
		if a.Kind != apikey.KindConfigured {
			e.KeyID = &a.ID
		}
	}
	if user, named := userOf(c); named {
		if id, err := uuid.Parse(user); err == nil {
			e.UserID = &id
		}
	}
	for _, name := range []string{"key_id", "provider"} {
		if e.ObjectID == "" {
			e.ObjectID = c.Param(name)
		}
	}
	return e
}

// outcome is the answer's status and what was made: a user, or the last part of Location.
func outcome(c *gin.Context, action string) audit.Outcome {
	o := audit.Outcome{Status: c.Writer.Status(), ObjectID: c.GetString(keyMade)}
	at := c.Writer.Header().Get("Location")
	if at == "" {
		return o
	}
	made := at[strings.LastIndexByte(at, '/')+1:]
	if strings.HasPrefix(action, "user.") {
		if id, err := uuid.Parse(made); err == nil && strings.HasPrefix(at, usersPath) {
			o.UserID = &id
			return o
		}
	}
	o.ObjectID = made
	return o
}
