package rest

import (
	"errors"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

const notificationsPath = "/api/v1/providers/:provider/notifications"

// receiveNotification answers a provider that tells of changes. What is signed is
// the body as it came, so nothing else may read it.
func (s *server) receiveNotification(c *gin.Context) {
	status, err := s.takeNotification(c, c.Param("provider"))
	if err != nil {
		refuse(c, err)
		return
	}
	c.Status(status)
	c.Writer.WriteHeaderNow()
}

func (s *server) takeNotification(c *gin.Context, name string) (status int, err error) {
	if err := s.known(name); err != nil {
		return 0, err
	}
	reader := s.o.Notifications[name]
	if reader == nil {
		return 0, problem.New(http.StatusNotFound, problem.CodeNotFound,
			"Notifications of this provider are not set up here: `stridelog doctor "+name+"` says how, where the provider has any.")
	}
	body, err := io.ReadAll(io.LimitReader(c.Request.Body, provider.MaxNotification+1))
	if err != nil {
		return 0, problem.InvalidField("body", "ended early").Because(err)
	}
	told, err := reader.Read(c, c.Request.Header, body)
	if err != nil {
		return 0, s.refusedNotification(c, name, err)
	}
	asked, err := s.notifications.Request(c, name, told.Changes)
	if err != nil {
		return 0, err
	}
	s.o.Log.InfoContext(c, "a notification was taken", "provider", name, "changes", len(told.Changes), "syncs", asked)
	return told.Answer, nil
}

// refusedNotification words why a request was not taken. Who is not the provider
// learns nothing of what is wrong with it; the log does.
func (s *server) refusedNotification(c *gin.Context, name string, err error) error {
	var failure *provider.Error
	if !errors.As(err, &failure) {
		return err
	}
	s.o.Log.WarnContext(c, "a notification was refused", "provider", name, "class", failure.Class, "reason", failure.Reason)
	switch failure.Class {
	case provider.ClassUnauthorized:
		return problem.New(http.StatusUnauthorized, problem.CodeUnauthorized, "The request does not prove that it comes from the provider.").Because(err)
	case provider.ClassTooLarge:
		return problem.New(http.StatusRequestEntityTooLarge, problem.CodeTooLarge, "The notification is too large: send less at a time.").Because(err)
	case provider.ClassBadRequest:
		return problem.InvalidField("body", "is no notification of this provider").Because(err)
	default:
		return problem.Unavailable("The notification could not be checked: send it again.", err)
	}
}
